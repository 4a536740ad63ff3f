//! Notifications to systemd, for services with `Type=notify` (`sd_notify(3)`).

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a state to the socket that `NOTIFY_SOCKET` names, a path or `@` and an abstract name.
///
/// # Errors
/// The socket does not exist, or no process reads it.
pub(crate) fn send(socket: &OsStr, state: &str) -> std::io::Result<()> {
    let name = socket.as_bytes();
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(|_| ())
}

/// The state of a service that begins to load its configuration anew.
pub(crate) fn reloading() -> String {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let microseconds = time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
    format!("RELOADING=1\nMONOTONIC_USEC={microseconds}")
}
