//! Datagrams of a listening socket, with the address that each was sent to: an answer comes from there
//! (`ngx_event_udp.c`).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
};

/// Longest datagram (`NGX_MAX_UDP_DATAGRAM`, 65535).
pub(super) const LONGEST: usize = 65_535;

/// Asks the kernel for the destination of each datagram, if the socket has several addresses.
///
/// # Errors
/// Those of `setsockopt`.
pub(crate) fn announce_destination(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    if !address.ip().is_unspecified() {
        return Ok(());
    }
    match address {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4PacketInfo, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvPacketInfo, &true)?,
    }
    Ok(())
}

/// A datagram's length, sender, and destination if the kernel tells.
///
/// # Errors
/// Those of `recvmsg`; `WouldBlock`: none is there.
pub(super) fn receive(
    socket: &impl AsRawFd,
    room: &mut [u8],
) -> io::Result<(usize, Option<SocketAddr>, Option<IpAddr>)> {
    let mut space = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo);
    let mut parts = [IoSliceMut::new(room)];
    let fd = socket.as_raw_fd();
    let message = recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut space), MsgFlags::MSG_DONTWAIT)?;
    let to = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::V4(u32::from_be(info.ipi_addr.s_addr).into()))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::V6(info.ipi6_addr.s6_addr.into())),
        _ => None,
    });
    let from = message.address.and_then(|address| {
        let four = address.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
        four.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6((*a).into())))
    });
    Ok((message.bytes, from, to))
}

/// Sends a datagram from the address that the client has sent to.
///
/// # Errors
/// Those of `sendmsg`.
pub(super) fn send(
    socket: &impl AsRawFd,
    data: &[u8],
    to: SocketAddr,
    from: Option<IpAddr>,
) -> io::Result<usize> {
    let four = |ip: std::net::Ipv4Addr| libc::in_pktinfo {
        ipi_ifindex: 0,
        ipi_spec_dst: libc::in_addr { s_addr: u32::from(ip).to_be() },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let six = |ip: std::net::Ipv6Addr| libc::in6_pktinfo {
        ipi6_addr: libc::in6_addr { s6_addr: ip.octets() },
        ipi6_ifindex: 0,
    };
    let (v4, v6) = match from {
        Some(IpAddr::V4(ip)) => (Some(four(ip)), None),
        Some(IpAddr::V6(ip)) => (None, Some(six(ip))),
        None => (None, None),
    };
    let mut controls = Vec::new();
    controls.extend(v4.as_ref().map(ControlMessage::Ipv4PacketInfo));
    controls.extend(v6.as_ref().map(ControlMessage::Ipv6PacketInfo));
    let to = SockaddrStorage::from(to);
    let parts = [IoSlice::new(data)];
    Ok(sendmsg(socket.as_raw_fd(), &parts, &controls, MsgFlags::MSG_DONTWAIT, Some(&to))?)
}
