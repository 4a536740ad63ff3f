//! The worker process on the side of its master: start, messages, end.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::model::log::Severity;
use crate::runtime::net::log::{ErrorLogs, Files, errno};
use crate::runtime::process::channel::{self, Kind};
use crate::runtime::process::daemon::SELF;
use crate::runtime::process::handover::{self, HandoverParts};

/// Title of the worker process, by which it is recognised when it begins.
pub const TITLE: &str = "nginx: worker process";

/// Longest time for a worker process to take a configuration over.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker process.
pub(crate) struct WorkerProcess {
    child: Child,
    channel: UnixStream,
    begun: Instant,
}

impl WorkerProcess {
    /// Starts one and waits until it serves.
    ///
    /// # Errors
    /// It cannot be started, or says why it does not serve, in nginx's words.
    pub(crate) fn start(
        parts: &HandoverParts<'_>,
        zone: Option<&OsString>,
        log: &ErrorLogs,
    ) -> Result<Self, String> {
        let failed = |call: &str, error: &io::Error| {
            format!("{call}() failed{} while starting a worker process", errno(error))
        };
        let (channel, theirs) = UnixStream::pair().map_err(|e| failed("socketpair", &e))?;
        channel.set_read_timeout(Some(PATIENCE)).map_err(|e| failed("setsockopt", &e))?;
        channel.set_write_timeout(Some(PATIENCE)).map_err(|e| failed("setsockopt", &e))?;
        let mut command = Command::new(SELF);
        // As nginx, which leaves `TZ` and what `env` names.
        command.arg0(TITLE).env_clear().envs(zone.map(|zone| ("TZ", zone))).stdin(OwnedFd::from(theirs));
        if parts.is_daemon
            && let Some(file) = log.file()
        {
            // stderr of a daemon is the error log: no worker writes to the terminal of the person who started it.
            command.stderr(file.try_clone().map_err(|e| failed("dup", &e))?);
        }
        let child = command.spawn().map_err(|e| failed("execve", &e))?;
        // The other end is the child's alone.
        drop(command);
        log.write(Severity::Notice, None, &format!("start worker process {}", child.id()));
        let mut process = Self { child, channel, begun: Instant::now() };
        match process.configure(parts) {
            Ok(()) => Ok(process),
            Err(message) => {
                let _ = process.child.kill();
                let _ = process.child.wait();
                Err(message)
            }
        }
    }

    /// Hands a configuration over and waits until it is served.
    ///
    /// # Errors
    /// The reason of the failure; the process goes on with its previous configuration if it has not ended.
    pub(crate) fn configure(&mut self, parts: &HandoverParts<'_>) -> Result<(), String> {
        let id = self.id();
        let gone = move |error: io::Error| format!("worker process {id} does not answer{}", errno(&error));
        handover::give(parts, |text, fds| channel::send(&self.channel, Kind::Configure, text, fds))
            .map_err(gone)?;
        match channel::receive(&self.channel).map_err(gone)? {
            Some(message) if message.kind == Kind::Ready => Ok(()),
            Some(message) => Err(String::from_utf8_lossy(&message.text).into_owned()),
            None => Err(format!("worker process {id} ended before it served")),
        }
    }

    /// Asks the process to end: at once, or after its open requests. A failure means that it has ended already.
    pub(crate) fn end(&self, kind: Kind) {
        let _ = channel::send(&self.channel, kind, &[], &[]);
    }

    /// Hands over logs that were opened anew.
    pub(crate) fn logs(&self, files: &Files) {
        let _ = handover::give_logs(files, |text, fds| channel::send(&self.channel, Kind::Logs, text, fds));
    }

    /// Ends the process whatever it does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// The exit status; `None` while the process runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Time since the process was started.
    pub(crate) fn age(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Logs how a process ended (`ngx_process_get_status`).
pub(crate) fn log_end(log: &ErrorLogs, what: &str, id: u32, status: ExitStatus) {
    let (severity, how) = match status.signal() {
        Some(signal) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            (Severity::Alert, format!("exited on signal {signal}{core}"))
        }
        None => (Severity::Notice, format!("exited with code {}", status.code().unwrap_or_default())),
    };
    log.write(severity, None, &format!("{what} {id} {how}"));
}
