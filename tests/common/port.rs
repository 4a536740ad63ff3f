//! Ports that no other test gets, for servers whose configuration names the port, and for addresses where nobody listens.
//!
//! The numbers are below those that the kernel gives to sockets bound to port 0 and to clients (32768 and up on Linux):
//! such a socket of another test cannot take the number between the choice here and the start of the server.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "not every test needs all of it")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 10_000;
/// The numbers of one process, unless it needs more than that many.
const BLOCK: u16 = 100;
const BLOCKS: u16 = 220;

static TAKEN: AtomicU16 = AtomicU16::new(0);

/// An address on 127.0.0.1 where nobody listens.
pub fn free() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, number()))
}

/// The number of a port where nobody listens, on any address.
pub fn number() -> u16 {
    let block = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap();
    for _ in 0..BLOCK * BLOCKS {
        let taken = TAKEN.fetch_add(1, Ordering::SeqCst);
        let number = FIRST + (block * BLOCK + taken % (BLOCK * BLOCKS)) % (BLOCK * BLOCKS);
        if is_free(number) && claim(number) {
            return number;
        }
    }
    panic!("no free port in {FIRST}..{}", FIRST + BLOCK * BLOCKS);
}

fn is_free(number: u16) -> bool {
    // IPv6 may be absent.
    let other = TcpListener::bind((Ipv6Addr::UNSPECIFIED, number));
    let absent = |e: std::io::Error| e.kind() != std::io::ErrorKind::AddrInUse;
    other.map_or_else(absent, |_| true) && TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok()
}

/// Holds the number against other test processes until this one ends.
#[cfg(target_os = "linux")]
fn claim(number: u16) -> bool {
    let name = UnixAddr::from_abstract_name(format!("ngxc-test-port-{number}")).unwrap();
    UnixListener::bind_addr(&name).map(std::mem::forget).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn claim(_: u16) -> bool {
    true
}
