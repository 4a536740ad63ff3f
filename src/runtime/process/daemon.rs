//! `daemon on`: the program goes into the background (`ngx_daemon`). A copy of it does the work, and the one that was
//! started ends when the copy serves, or with its exit status.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::fs::Mode;

/// The variable with the arguments of a daemon.
pub const VARIABLE: &str = "NGXC_DAEMON";

/// This program: also after its file was replaced or removed.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Starts the copy, with a title and more variables, and waits until it serves; its exit status if it does not.
///
/// # Errors
/// It cannot be started.
pub fn start_daemon(title: &OsStr, variables: &[(&str, OsString)]) -> io::Result<i32> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(SELF);
    command.arg0(title).stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = command.spawn()?;
    // Or the end of the socket would never be seen.
    drop(command);
    if ours.read_exact(&mut [0]).is_ok() {
        return Ok(0);
    }
    Ok(child.wait()?.code().unwrap_or(1))
}

/// The copy itself: a session of its own; the socket to whoever waits for it.
///
/// # Errors
/// Those of the calls.
pub(crate) fn detach() -> io::Result<UnixStream> {
    rustix::process::setsid()?;
    rustix::process::umask(Mode::empty());
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(channel)
}

/// Says that it serves, and lets go of the terminal: what would be written there goes to the error log.
pub(crate) fn serves(mut channel: UnixStream, log: Option<&Arc<File>>) {
    if let Some(log) = log {
        let _ = rustix::stdio::dup2_stderr(log);
    }
    // The waiting process may have been killed.
    let _ = channel.write_all(&[1]);
}
