//! Logs: whole lines appended to files that all workers share.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::clock::{self, Clock};
use crate::model::log::{ErrorLog, Escape, LogTarget, Severity};

/// Where lines go.
#[derive(Debug)]
pub(crate) enum Sink {
    File(File),
    Stderr,
}

impl Sink {
    /// Writes a line with its line feed; like nginx goes on if the disk is full.
    pub(crate) fn write(&self, line: &[u8]) {
        let _ = match self {
            Sink::File(file) => {
                let mut file: &File = file;
                file.write_all(line)
            }
            Sink::Stderr => io::stderr().lock().write_all(line),
        };
    }
}

/// The files that are open, so that each is opened once.
#[derive(Debug)]
pub(crate) struct Files {
    prefix: PathBuf,
    open: Mutex<HashMap<PathBuf, Arc<Sink>>>,
}

impl Files {
    pub(crate) fn new(prefix: &Path) -> Self {
        Self { prefix: prefix.to_owned(), open: Mutex::default() }
    }

    /// The directory, with a slash at its end.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let mut prefix = self.prefix.as_os_str().as_bytes().to_vec();
        if !prefix.is_empty() && !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        prefix
    }

    /// Opens a target for appending; `None` for one that only nginx has.
    pub(crate) fn open(&self, target: &LogTarget) -> Result<Option<Arc<Sink>>, (PathBuf, io::Error)> {
        let path = match target {
            LogTarget::File(path) => self.prefix.join(path),
            LogTarget::Stderr => PathBuf::from("stderr"),
            LogTarget::Syslog(_) | LogTarget::Memory(_) => return Ok(None),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = open.get(&path) {
            return Ok(Some(Arc::clone(sink)));
        }
        let sink = match target {
            LogTarget::File(_) => {
                let file = OpenOptions::new().append(true).create(true).open(&path);
                Sink::File(file.map_err(|error| (path.clone(), error))?)
            }
            _ => Sink::Stderr,
        };
        let sink = Arc::new(sink);
        open.insert(path, Arc::clone(&sink));
        Ok(Some(sink))
    }
}

/// The error logs of a level.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorLogs {
    sinks: Vec<(Arc<Sink>, Severity)>,
}

impl ErrorLogs {
    pub(crate) fn open(logs: &[ErrorLog], files: &Files) -> Result<Self, (PathBuf, io::Error)> {
        let mut sinks = Vec::new();
        for log in logs {
            if let Some(sink) = files.open(&log.target)? {
                sinks.push((sink, log.severity));
            }
        }
        Ok(Self { sinks })
    }

    /// Whether a message of this severity is written anywhere.
    pub(crate) fn takes(&self, severity: Severity) -> bool {
        self.sinks.iter().any(|(_, least)| severity <= *least)
    }

    /// Writes a line (`ngx_log_error_core`); `connection` is the `*1`.
    pub(crate) fn write(&self, severity: Severity, connection: Option<u64>, message: &str) {
        if !self.takes(severity) {
            return;
        }
        let pid = std::process::id();
        let number = connection.map(|n| format!("*{n} ")).unwrap_or_default();
        let time = clock::error_log(Clock::now());
        let line = format!("{time} [{}] {pid}#{pid}: {number}{message}\n", severity.name());
        for (sink, least) in &self.sinks {
            if severity <= *least {
                sink.write(line.as_bytes());
            }
        }
    }
}

/// ` (111: Connection refused)`
pub(crate) fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!(" ({code}: {text})")
        }
        None => format!(" ({error})"),
    }
}

/// Appends a variable's value as `log_format` escapes it; `None`: the variable has no value.
pub(crate) fn escape(value: Option<&[u8]>, escape: Escape, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let Some(value) = value else {
        if escape == Escape::Default {
            out.push(b'-');
        }
        return;
    };
    match escape {
        Escape::None => out.extend_from_slice(value),
        Escape::Default => {
            for b in value {
                match b {
                    b'"' | b'\\' | 0..0x20 | 0x7f.. => {
                        out.extend_from_slice(&[
                            b'\\',
                            b'x',
                            HEX[usize::from(b >> 4)],
                            HEX[usize::from(b & 15)],
                        ]);
                    }
                    _ => out.push(*b),
                }
            }
        }
        Escape::Json => {
            for b in value {
                match b {
                    b'"' | b'\\' => out.extend_from_slice(&[b'\\', *b]),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    0x08 => out.extend_from_slice(b"\\b"),
                    0x0c => out.extend_from_slice(b"\\f"),
                    0..0x20 => {
                        out.extend_from_slice(&[
                            b'\\',
                            b'u',
                            b'0',
                            b'0',
                            HEX[usize::from(b >> 4)],
                            HEX[usize::from(b & 15)],
                        ]);
                    }
                    _ => out.push(*b),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (value, how, expected) in [
            (None, Escape::Default, "-"),
            (None, Escape::Json, ""),
            (Some("a\"\\\né"), Escape::Default, "a\\x22\\x5C\\x0A\\xC3\\xA9"),
            (Some("a\"\n\u{1}é"), Escape::Json, "a\\\"\\n\\u0001é"),
            (Some("a\""), Escape::None, "a\""),
        ] {
            let mut out = Vec::new();
            escape(value.map(str::as_bytes), how, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
