//! Where messages go before the configuration says so: `ngx_log_init`, `ngx_log_error_core` and `ngx_log_stderr`
//! (`src/core/ngx_log.c`).

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::place;

/// Levels of messages, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Emerg => "emerg",
            Severity::Alert => "alert",
            Severity::Crit => "crit",
            Severity::Error => "error",
            Severity::Warn => "warn",
            Severity::Notice => "notice",
        }
    }
}

/// nginx cuts messages here (`NGX_MAX_ERROR_STR`).
const MAX_MESSAGE: usize = 2048;

/// The log that is open while the configuration is read.
pub(super) struct Log {
    /// `None`: standard error.
    file: RefCell<Option<File>>,
    /// Name of a file that was closed.
    closed: RefCell<Option<PathBuf>>,
    name: Vec<u8>,
}

impl Log {
    /// Opens the file of `-e`; falls back to standard error, and says so.
    pub(super) fn open(name: &[u8]) -> Self {
        if name.is_empty() {
            return Self { file: RefCell::default(), closed: RefCell::default(), name: Vec::new() };
        }
        let file = File::options().append(true).create(true).open(place::path(name));
        let file = file.inspect_err(|error| {
            stderr(
                &[b"[alert] could not open error log file: ".as_slice(), &failed("open", name, error)]
                    .concat(),
            );
        });
        Self { file: RefCell::new(file.ok()), closed: RefCell::default(), name: name.to_vec() }
    }

    #[cfg(feature = "runtime")]
    /// Closes the file until there is another message: what is started does not have it open.
    pub(super) fn close(&self) {
        if self.file.take().is_some() {
            self.closed.replace(Some(place::path(&self.name)));
        }
    }

    /// A message for the log, and for the person at the terminal if it is a warning or worse.
    pub(super) fn write(&self, severity: Severity, message: &[u8]) {
        let message = &message[..message.len().min(MAX_MESSAGE)];
        let mut line =
            format!("{} [{}] {pid}#{pid}: ", now(), severity.name(), pid = std::process::id()).into_bytes();
        line.extend_from_slice(message);
        line.push(b'\n');
        if let Some(path) = self.closed.take() {
            *self.file.borrow_mut() = File::options().append(true).create(true).open(path).ok();
        }
        let mut file = self.file.borrow_mut();
        let Some(file) = file.as_mut() else {
            to_stderr(&line);
            return;
        };
        // nginx does not mind a full disk either.
        let _ = file.write_all(&line);
        if severity <= Severity::Warn {
            stderr(&[format!("[{}] ", severity.name()).as_bytes(), message].concat());
        }
    }
}

/// `ngx_log_stderr`: for the terminal only.
pub(super) fn stderr(message: &[u8]) {
    to_stderr(&[b"nginx: ", message, b"\n"].concat());
}

/// Text as it is, to standard error.
pub(super) fn to_stderr(text: &[u8]) {
    // A failure to write to standard error cannot be reported.
    let _ = io::stderr().lock().write_all(text);
}

/// `open() "NAME" failed (2: No such file or directory)`
pub(super) fn failed(call: &str, name: &[u8], error: &io::Error) -> Vec<u8> {
    [call.as_bytes(), b"() \"", name, b"\" failed", reason(error).as_bytes()].concat()
}

/// ` (2: No such file or directory)`, as `ngx_log_errno` appends it.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(code) => format!(" ({code}: {})", text.split(" (os error").next().unwrap_or(&text)),
        None => format!(" ({text})"),
    }
}

/// `2026/07/25 12:00:00`; UTC, as everywhere in this program.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!("{year}/{month:02}/{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a number of days since 1970 (proleptic Gregorian, years begin in March inside).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        let cases = [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_453, (2025, 12, 31)),
            (20_454, (2026, 1, 1)),
        ];
        for (days, date) in cases {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn reasons_carry_the_number() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(failed("open", b"/x", &missing), b"open() \"/x\" failed (2: No such file or directory)");
    }
}
