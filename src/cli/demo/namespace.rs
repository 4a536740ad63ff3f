//! A user and network namespace of our own: nothing in it reaches anything outside.

use std::fs;
use std::io::{self, Error};
use std::os::fd::AsRawFd;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// Leaves the network that the program was started in. Must come before any thread.
pub(super) fn enter() -> Result<(), String> {
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).map_err(|e| e.to_string())?;
    let write = |name: &str, text: &str| {
        fs::write(format!("/proc/self/{name}"), text).map_err(|e| format!("{name}: {e}"))
    };
    write("setgroups", "deny")?;
    write("uid_map", &format!("0 {uid} 1"))?;
    write("gid_map", &format!("0 {gid} 1"))
}

/// Sets the range of local ports.
pub(super) fn port_range((first, last): (u16, u16)) -> io::Result<()> {
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{first} {last}"))
}

/// `rtnetlink` messages, header included: numbers in the machine's order.
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const CREATE: u16 = 0x400;
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const LOOPBACK: i32 = 1;
const UP: u32 = 1;

/// Switches loopback on and gives it addresses. They are not in 127/8, so the kernel treats them as any others.
pub(super) fn addresses(addresses: &[[u8; 4]]) -> io::Result<()> {
    let mut link = vec![0, 0, 0, 0];
    link.extend(LOOPBACK.to_ne_bytes());
    link.extend(UP.to_ne_bytes());
    link.extend(UP.to_ne_bytes());
    ask(NEW_LINK, 0, &link)?;
    for address in addresses {
        // AF_INET, /32, no flags, scope global.
        let mut body = vec![2, 32, 0, 0];
        body.extend(LOOPBACK.to_ne_bytes());
        for kind in [1_u16, 2] {
            body.extend(8_u16.to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(address);
        }
        ask(NEW_ADDRESS, CREATE, &body)?;
    }
    Ok(())
}

/// Sends a message to the kernel and waits for its answer.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
    let mut message = Vec::with_capacity(16 + body.len());
    message.extend((16 + body.len() as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST | ACKNOWLEDGE | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    sendto(netlink.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 1024];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    // The answer is an error message whose number is 0 when all went well.
    match answer[..length].get(16..20).map(|n| i32::from_ne_bytes([n[0], n[1], n[2], n[3]])) {
        Some(0) => Ok(()),
        Some(number) => Err(Error::from_raw_os_error(-number)),
        None => Err(Error::other("the kernel's answer is too short")),
    }
}
