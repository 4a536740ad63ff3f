//! Sockets that another process has bound for this one: the program that it takes over from (`NGINX`, as nginx's own), or
//! systemd (`LISTEN_FDS`); and the same for the program that will take over.

use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::model::Endpoint;
use crate::runtime::server::listener::Listener;

/// The listening sockets among descriptors with these numbers. The numbers themselves are closed: the sockets get other
/// ones.
pub(crate) fn listeners(numbers: &[i32]) -> Vec<(Endpoint, Listener)> {
    let mut found = Vec::new();
    if numbers.is_empty() {
        return found;
    }
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return found };
    for number in numbers.iter().filter(|number| **number > 2) {
        // A duplicated descriptor has one owner, which no cast of the number could promise.
        let Ok(socket) = pidfd_getfd(&own, *number, PidfdGetfdFlags::empty()) else { continue };
        let _ = nix::unistd::close(*number);
        found.extend(Listener::inherited(socket));
    }
    found
}

/// The value of `NGINX` for a program that takes over.
pub(crate) fn variable(listeners: &[(Endpoint, Listener)]) -> String {
    listeners.iter().fold(String::new(), |mut text, (_, listener)| {
        let _ = write!(text, "{};", listener.as_fd().as_raw_fd());
        text
    })
}

/// Lets programs that are executed from now on have the sockets, or not.
///
/// # Errors
/// The failure of `fcntl()`.
pub(crate) fn let_out(listeners: &[(Endpoint, Listener)], out: bool) -> std::io::Result<()> {
    let flags = if out { FdFlags::empty() } else { FdFlags::CLOEXEC };
    for (_, listener) in listeners {
        fcntl_setfd(listener, flags)?;
    }
    Ok(())
}

/// Descriptors of the variable `NGINX`: numbers, each with `;` or `:` behind it (`ngx_add_inherited_sockets`). What
/// follows one that is no number is left out.
pub fn numbers(variable: &str) -> Vec<i32> {
    let all = variable
        .split_inclusive([';', ':'])
        .map(|one| one.strip_suffix([';', ':']).and_then(|n| n.parse().ok()));
    all.take_while(Option::is_some).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        assert_eq!(numbers("6;7;"), [6, 7]);
        assert_eq!(numbers("6:7:x;8;"), [6, 7]);
        assert_eq!(numbers("6;7"), [6]);
        assert_eq!(numbers(""), [0; 0]);
    }
}
