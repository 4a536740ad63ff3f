//! Listening sockets: bound before anything else happens, shared by the workers, each of which accepts.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::eval::select::AddressId;
use crate::model::log::Severity;
use crate::model::{Endpoint, Listen};
use crate::runtime::net::clock::Clock;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::state::Remote;
use crate::runtime::request::worker::Worker;
use crate::runtime::server::open::Open;
use crate::runtime::stream::datagrams;

/// A bound socket; clones share it.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
    Udp(UdpSocket),
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

impl Listener {
    /// Binds and listens.
    pub(crate) fn bind(listen: &Listen) -> io::Result<Self> {
        let address = match &listen.endpoint {
            Endpoint::Inet(address) => *address,
            Endpoint::Name(host, port) => {
                let mut all = (host.as_str(), *port).to_socket_addrs()?;
                all.next().ok_or(io::ErrorKind::AddrNotAvailable)?
            }
            Endpoint::Unix(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking().cloexec(), None)?;
                let (path, address) = (Path::new(path), SockAddr::unix(Path::new(path))?);
                if let Err(error) = socket.bind(&address) {
                    if error.kind() != io::ErrorKind::AddrInUse || !is_left(path) {
                        return Err(error);
                    }
                    std::fs::remove_file(path)?;
                    socket.bind(&address)?;
                }
                // As nginx: every user who may enter the directory may connect.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
                socket.listen(backlog(listen))?;
                return Ok(Self::Unix(socket.into()));
            }
        };
        let kind = if listen.udp { Type::DGRAM } else { Type::STREAM };
        let socket = Socket::new(Domain::for_address(address), kind.nonblocking().cloexec(), None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(listen.ipv6only.unwrap_or(true))?;
        }
        if listen.udp {
            datagrams::announce_destination(&socket, address)?;
            socket.bind(&SockAddr::from(address))?;
            return Ok(Self::Udp(socket.into()));
        }
        socket.bind(&SockAddr::from(address))?;
        socket.listen(backlog(listen))?;
        Ok(Self::Tcp(socket.into()))
    }

    /// Address of the socket; `None` for a unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
            Listener::Udp(socket) => socket.local_addr().ok(),
        }
    }

    /// True for a socket of datagrams: its address is another one than that of TCP.
    pub(crate) fn is_datagram(&self) -> bool {
        matches!(self, Listener::Udp(_))
    }

    /// The listener of a descriptor that a master process has handed over.
    pub(crate) fn of(fd: OwnedFd, is_unix: bool) -> Self {
        let socket = Socket::from(fd);
        match (is_unix, socket.r#type()) {
            (true, _) => Self::Unix(socket.into()),
            (false, Ok(Type::DGRAM)) => Self::Udp(socket.into()),
            _ => Self::Tcp(socket.into()),
        }
    }

    /// A listening socket that was bound by another process, and its address; `None` if it is something else.
    pub(crate) fn inherited(socket: OwnedFd) -> Option<(Endpoint, Self)> {
        let socket = Socket::from(socket);
        let address = socket.local_addr().ok()?;
        socket.set_nonblocking(true).ok()?;
        if socket.r#type().ok()? == Type::DGRAM {
            return Some((Endpoint::Inet(address.as_socket()?), Self::Udp(socket.into())));
        }
        if !socket.is_listener().ok()? || socket.r#type().ok()? != Type::STREAM {
            return None;
        }
        if let Some(address) = address.as_socket() {
            return Some((Endpoint::Inet(address), Self::Tcp(socket.into())));
        }
        let path = address.as_pathname()?.to_string_lossy().into_owned();
        Some((Endpoint::Unix(path), Self::Unix(socket.into())))
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Listener::Tcp(listener) => Self::Tcp(listener.try_clone()?),
            Listener::Unix(listener) => Self::Unix(listener.try_clone()?),
            Listener::Udp(socket) => Self::Udp(socket.try_clone()?),
        })
    }
}

/// True if a host name in the configuration resolves to an address.
pub(crate) fn stands_for(name: &Endpoint, address: &Endpoint) -> bool {
    match (name, address) {
        (Endpoint::Name(host, port), Endpoint::Inet(address)) => {
            (host.as_str(), *port).to_socket_addrs().is_ok_and(|mut all| all.next() == Some(*address))
        }
        _ => false,
    }
}

/// True if a socket's file is one that nobody listens on: left by a process that could not remove it, because it was
/// root no more or was killed.
fn is_left(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|info| info.file_type().is_socket());
    let refused = |e: io::Error| e.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && std::os::unix::net::UnixStream::connect(path).err().is_some_and(refused)
}

fn backlog(listen: &Listen) -> i32 {
    listen.backlog.and_then(|n| i32::try_from(n).ok()).unwrap_or(511)
}

/// A socket in the event loop of a worker.
pub(crate) enum Accept {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Accept {
    /// Puts a listening socket into the event loop that runs.
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Udp(_) => Err(io::ErrorKind::Unsupported.into()),
            Listener::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(Accept::Tcp),
            Listener::Unix(listener) => tokio::net::UnixListener::from_std(listener).map(Accept::Unix),
        }
    }
}

/// Accepts for a worker until the task is stopped; `socket` is the position in the router's sockets, and `serve` makes the
/// task of a connection.
pub(crate) async fn accept<F>(
    worker: Rc<Worker>,
    listener: Rc<Accept>,
    socket: usize,
    serve: fn(Open, Stream, Remote, AddressId) -> F,
) where
    F: Future<Output = ()> + 'static,
{
    let limit = match worker.config.core.worker_connections.value as usize {
        0 => usize::MAX,
        limit => limit,
    };
    loop {
        let accepted = match &*listener {
            Accept::Tcp(listener) => {
                listener.accept().await.map(|(s, remote)| (Stream::Tcp(s), Some(remote)))
            }
            Accept::Unix(listener) => listener.accept().await.map(|(s, _)| (Stream::Unix(s), None)),
        };
        match accepted {
            Ok(_) if !has_room(&worker, limit).await => {
                worker.tally.accepted.up();
                let message = format!("{limit} worker_connections are not enough");
                worker.error_log.write(Severity::Alert, None, &message);
            }
            Ok((stream, remote)) => {
                worker.tally.accepted.up();
                worker.tally.handled.up();
                let address = worker.router.address(socket, || stream.local().map(|a| a.ip()));
                // Before its task begins: a worker that stops waits for it.
                let open = Open::new(&worker);
                tokio::task::spawn_local(serve(open, stream, remote, address));
            }
            Err(error) => {
                worker.error_log.write(Severity::Crit, None, &format!("accept4() failed{}", errno(&error)));
                // As `accept_mutex_delay` when descriptors run out: nothing is gained by trying at once.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// Ticks of the event loop in which idle connections close after they were asked to.
const TURNS: usize = 4;

/// True if there is room for one more connection. When little is left, those that wait longest for a client's next
/// request are closed (`ngx_drain_connections`).
async fn has_room(worker: &Worker, limit: usize) -> bool {
    if limit - worker.open.get().min(limit) > limit / 16 {
        return true;
    }
    for _ in 0..TURNS {
        if worker.timers.reuse() {
            let second = Clock::now().as_secs();
            if worker.reused.replace(second) != second {
                let message = format!("{limit} worker_connections are not enough, reusing connections");
                worker.error_log.write(Severity::Warn, None, &message);
            }
        }
        if worker.open.get() < limit {
            return true;
        }
        tokio::task::yield_now().await;
        if worker.open.get() < limit {
            return true;
        }
    }
    false
}
