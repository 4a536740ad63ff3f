//! `-s`: reads the pid file and sends the signal (`ngx_signal_process`, `src/core/ngx_cycle.c`).

use super::log::{self, Log, Severity};
use super::place;

/// Order to a running nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Stop,
    Quit,
    Reopen,
    Reload,
}

/// Longest pid file that counts: `NGX_INT64_LEN + 2`.
const MAX_PID: usize = 22;

impl Signal {
    /// By its name on the command line.
    pub(super) fn by_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"stop" => Signal::Stop,
            b"quit" => Signal::Quit,
            b"reopen" => Signal::Reopen,
            b"reload" => Signal::Reload,
            _ => return None,
        })
    }
}

/// Sends a signal to the process whose number is in the file; false if that failed, for the reason logged.
pub(super) fn send(signal: Signal, pid_file: &[u8], log: &Log) -> bool {
    log.write(Severity::Notice, b"signal process started");
    let text = match std::fs::read(place::path(pid_file)) {
        Ok(text) => text,
        Err(error) => {
            log.write(Severity::Error, &log::failed("open", pid_file, &error));
            return false;
        }
    };
    let text = &text[..text.len().min(MAX_PID)];
    let digits = text.len() - text.iter().rev().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let digits = &text[..digits];
    let Some(pid) = number(digits) else {
        let message = [b"invalid PID number \"".as_slice(), digits, b"\" in \"", pid_file, b"\""].concat();
        log.write(Severity::Error, &message);
        return false;
    };
    match kill(pid, signal) {
        Ok(()) => true,
        Err((number, error)) => {
            let message = format!("kill({pid}, {number}) failed{}", log::reason(&error));
            log.write(Severity::Alert, message.as_bytes());
            false
        }
    }
}

/// `ngx_atoi`: decimal digits and nothing else. Zero and negative numbers would mean process groups.
fn number(digits: &[u8]) -> Option<i32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all)?.parse().ok().filter(|&pid| pid > 0)
}

#[cfg(unix)]
fn kill(pid: i32, signal: Signal) -> Result<(), (i32, std::io::Error)> {
    use nix::sys::signal::{self, Signal as Number};
    let number = match signal {
        Signal::Stop => Number::SIGTERM,
        Signal::Quit => Number::SIGQUIT,
        Signal::Reopen => Number::SIGUSR1,
        Signal::Reload => Number::SIGHUP,
    };
    signal::kill(nix::unistd::Pid::from_raw(pid), number).map_err(|error| (number as i32, error.into()))
}

#[cfg(not(unix))]
fn kill(_: i32, _: Signal) -> Result<(), (i32, std::io::Error)> {
    Err((0, std::io::Error::from(std::io::ErrorKind::Unsupported)))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn pids_are_positive_decimals() {
        let cases: &[(&str, Option<i32>)] = &[
            ("1", Some(1)),
            ("0042", Some(42)),
            ("", None),
            ("0", None),
            ("-1", None),
            ("+1", None),
            ("1 ", None),
            ("99999999999", None),
        ];
        for (text, pid) in cases {
            assert_eq!(number(text.as_bytes()), *pid, "{text:?}");
        }
    }
}
