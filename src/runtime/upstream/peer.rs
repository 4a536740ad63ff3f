//! A connection to a peer: socket, `IP_BIND_ADDRESS_NO_PORT`, bind, connect (`ngx_event_connect_peer`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpStream, UnixStream};

use crate::model::PassSettings;
use crate::runtime::net::stream::Stream;
use crate::runtime::upstream::outgoing::Outgoing;

/// Resolved address of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Inet(SocketAddr),
    Unix(PathBuf),
}

/// A peer of an upstream: its address, and the name that logs and `$upstream_addr` give it.
pub(crate) type Resolved = (Address, String);

/// The address that a connection is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) address: SocketAddr,
    /// As configured, for the log.
    pub(crate) name: String,
    pub(crate) transparent: bool,
}

/// Error of an attempt to connect.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// nginx answers 500: no socket, or bind failed; the message names the call.
    Local(String, io::Error),
    /// The next upstream is tried.
    Connect(io::Error),
}

/// Sizes of a socket's buffers in bytes, if not those of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buffers {
    receive: Option<usize>,
    send: Option<usize>,
}

impl Buffers {
    /// `proxy_socket_rcvbuf` and `proxy_socket_sndbuf`
    pub(crate) fn of(settings: &PassSettings) -> Self {
        let size = |bytes: u64| usize::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        Self { receive: size(settings.socket_rcvbuf.value), send: size(settings.socket_sndbuf.value) }
    }
}

/// Starts to connect; the stream becomes writable when that is done.
pub(crate) fn connect(
    address: &Address,
    local: Option<&Local>,
    buffers: Buffers,
    outgoing: &Outgoing,
) -> Result<Stream, ConnectError> {
    let (domain, to) = match address {
        Address::Inet(address) => (Domain::for_address(*address), SockAddr::from(*address)),
        Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path).map_err(ConnectError::Connect)?),
    };
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| ConnectError::Local(what, error)
    };
    let socket =
        Socket::new(domain, Type::STREAM.nonblocking().cloexec(), None).map_err(failed("socket() failed"))?;
    // nginx too goes on with what the kernel gives.
    if let Some(bytes) = buffers.receive {
        let _ = socket.set_recv_buffer_size(bytes);
    }
    if let Some(bytes) = buffers.send {
        let _ = socket.set_send_buffer_size(bytes);
    }
    if let Some(local) = local {
        if local.transparent {
            transparent(&socket, local.address.ip()).map_err(failed("setsockopt(IP_TRANSPARENT) failed"))?;
        }
        if local.address.port() == 0 && domain != Domain::UNIX {
            // Without it bind() reserves the port for all destinations. nginx goes on if the kernel is too old.
            let _ = setsockopt(&socket, sockopt::IpBindAddressNoPort, &true);
        }
        let what = format!("bind({}) failed", local.name);
        socket.bind(&SockAddr::from(local.address)).map_err(failed(&what))?;
    }
    match outgoing.connect(&socket, &to) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(nix::libc::EINPROGRESS) => {}
        Err(error) => return Err(ConnectError::Connect(error)),
    }
    let stream = match address {
        Address::Inet(_) => TcpStream::from_std(socket.into()).map(Stream::Tcp),
        Address::Unix(_) => UnixStream::from_std(socket.into()).map(Stream::Unix),
    };
    stream.map_err(failed("epoll_ctl() failed"))
}

fn transparent(socket: &Socket, ip: IpAddr) -> io::Result<()> {
    match ip {
        IpAddr::V4(_) => socket.set_ip_transparent_v4(true),
        IpAddr::V6(_) => socket.set_ip_transparent_v6(true),
    }
}

/// `address` or `address:port` of `proxy_bind` (`ngx_parse_addr_port`).
pub(crate) fn parse_local(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    text.parse::<SocketAddr>()
        .ok()
        .or_else(|| bracketed.unwrap_or(text).parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0)))
}

/// True if `connect()` failed in a way that nginx logs as `error` and not `crit`.
pub(crate) fn is_ordinary(error: &io::Error) -> bool {
    use nix::libc as c;
    let ordinary = [
        c::ECONNREFUSED,
        c::EAGAIN,
        c::ECONNRESET,
        c::ENETDOWN,
        c::ENETUNREACH,
        c::EHOSTDOWN,
        c::EHOSTUNREACH,
    ];
    error.raw_os_error().is_some_and(|code| ordinary.contains(&code))
}
