//! Surroundings of a process: its command line, its environment, its name.

use std::ffi::{CString, OsStr, OsString};
use std::path::Path;

/// Command line and environment of a process, read by `cli`.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The program and its arguments, for the new program that takes over after SIGUSR2.
    pub program: Vec<OsString>,
    /// Descriptors of sockets that were bound for this process: by the program that it takes over from (`NGINX`), or by
    /// systemd (`LISTEN_FDS`).
    pub inherited: Vec<i32>,
    /// Another program waits until this one has taken over.
    pub takes_over: bool,
    /// The process goes into the background; the process that started it reads a byte from the other end of standard input.
    pub is_daemon: bool,
    /// Socket on which systemd expects the notification that the service is ready (`NOTIFY_SOCKET`).
    pub notify: Option<OsString>,
    /// The time zone (`TZ`), which workers keep.
    pub zone: Option<OsString>,
}

impl Surroundings {
    /// The name of the program that was called.
    pub(crate) fn name(&self) -> &str {
        let program = self.program.first().map(Path::new);
        program.and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or("ngxc")
    }
}

/// Gives the process a name, as `ps` and `pidof` show it.
pub(crate) fn name(name: &str) {
    if let Ok(name) = CString::new(name) {
        let _ = nix::sys::prctl::set_name(&name);
    }
}
