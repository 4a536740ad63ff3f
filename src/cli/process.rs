//! The processes of `ngxc run` and of nginx's command line: what the environment says to them, and which one this is.

use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;
use std::sync::Arc;

use super::run::metrics;
use crate::runtime::{self, Ledger, Surroundings};

/// The title of a daemon's master process begins like this; behind it is the command line.
const MASTER: &str = "nginx: master process ";
/// Sockets of the program that is taken over (`NGINX_VAR`).
const INHERITED: &str = "NGINX";

/// True if this process was started as a worker process.
pub(super) fn is_worker() -> bool {
    let mut args = std::env::args_os();
    args.next().is_some_and(|title| title == runtime::WORKER_TITLE) && args.next().is_none()
}

/// Serves what the master process hands over.
pub(super) fn work() -> ExitCode {
    let serve = |socket: TcpListener, ledger: Arc<Ledger>, improve: bool| {
        // Without a thread for it there are no metrics; requests are served all the same.
        let _ = metrics::serve(socket, ledger, improve);
    };
    match runtime::work(&serve) {
        Ok(()) => ExitCode::SUCCESS,
        // As nginx's worker that cannot be: the master has the reason.
        Err(_) => ExitCode::from(2),
    }
}

/// The program and its arguments: as they were given to the one that has put this process into the background.
pub(super) fn arguments() -> Vec<OsString> {
    daemon().unwrap_or_else(|| std::env::args_os().collect())
}

/// The same if this process is a daemon.
fn daemon() -> Option<Vec<OsString>> {
    let title = std::env::args_os().next()?;
    if !title.as_bytes().starts_with(MASTER.as_bytes()) {
        return None;
    }
    let text = std::env::var(runtime::DAEMON_VARIABLE).ok()?;
    let arguments: Vec<Vec<u8>> = serde_json::from_str(&text).ok()?;
    Some(arguments.into_iter().map(OsString::from_vec).collect())
}

/// The surroundings of a process that executes a configuration, from the environment and the command line.
pub(super) fn surroundings() -> Surroundings {
    let is_daemon = daemon().is_some();
    let of_nginx = std::env::var(INHERITED).ok();
    let takes_over = of_nginx.is_some() && !is_daemon;
    let inherited = of_nginx.map_or_else(activated, |numbers| runtime::inherited_numbers(&numbers));
    Surroundings {
        program: arguments(),
        inherited,
        takes_over,
        is_daemon,
        notify: std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()),
        zone: std::env::var_os("TZ"),
    }
}

/// Descriptors of sockets that systemd has bound (`sd_listen_fds(3)`).
fn activated() -> Vec<i32> {
    let number = |name| std::env::var(name).ok()?.parse::<i32>().ok();
    let is_mine = number("LISTEN_PID").is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()));
    let count = number("LISTEN_FDS").filter(|_| is_mine).unwrap_or(0);
    (3..3 + count.clamp(0, 4096)).collect()
}

/// Puts a copy of this program into the background and waits until it serves.
///
/// # Errors
/// It cannot be started.
pub(super) fn start_daemon(surroundings: &Surroundings) -> std::io::Result<ExitCode> {
    let words: Vec<&[u8]> = surroundings.program.iter().map(|word| word.as_bytes()).collect();
    let title = [MASTER.as_bytes(), &words.join(&b' ')].concat();
    let arguments = serde_json::to_string(&words).map_err(std::io::Error::other)?;
    let numbers: Vec<String> = surroundings.inherited.iter().map(ToString::to_string).collect();
    let mut variables = vec![(runtime::DAEMON_VARIABLE, arguments.into())];
    if !numbers.is_empty() {
        variables.push((INHERITED, format!("{};", numbers.join(";")).into()));
    }
    let code = runtime::start_daemon(OsStr::from_bytes(&title), &variables)?;
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}
