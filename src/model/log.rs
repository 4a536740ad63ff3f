//! Access and error logs.

use serde::{Deserialize, Serialize};

use super::value::ComplexValue;
use crate::source::Span;

/// Severity of the error log, most severe first (`ngx_log.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "nginx's names")]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

impl Severity {
    /// All severities with their names.
    pub const NAMES: [(&'static str, Severity); 8] = [
        ("emerg", Severity::Emerg),
        ("alert", Severity::Alert),
        ("crit", Severity::Crit),
        ("error", Severity::Error),
        ("warn", Severity::Warn),
        ("notice", Severity::Notice),
        ("info", Severity::Info),
        ("debug", Severity::Debug),
    ];

    /// Name of the severity.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

/// Destination of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogTarget {
    /// A file; relative to the prefix.
    File(String),
    /// Standard error.
    Stderr,
    /// `syslog:…`, parameters as written.
    Syslog(String),
    /// `memory:…`, parameters as written.
    Memory(String),
}

/// One `error_log`. Two are equal if target and severity are equal, wherever they stand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorLog {
    /// Destination.
    pub target: LogTarget,
    /// Least severe messages that are logged.
    pub severity: Severity,
    /// The directive.
    pub span: Option<Span>,
}

impl PartialEq for ErrorLog {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target && self.severity == other.severity
    }
}

impl Eq for ErrorLog {}

/// Escaping of variables in `log_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Escape {
    /// `escape=default`: `"`, `\` and bytes outside 32..=126 become `\xXX`.
    Default,
    /// `escape=json`
    Json,
    /// `escape=none`
    None,
}

/// `log_format`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFormat {
    /// Name of the format.
    pub name: String,
    /// Escaping of variables.
    pub escape: Escape,
    /// Text of one line.
    pub value: ComplexValue,
    /// The directive; `None` for `combined`.
    pub span: Option<Span>,
}

/// One `access_log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// Destination.
    pub target: LogTarget,
    /// Path, if it has variables.
    pub path: Option<ComplexValue>,
    /// Position in [`Http::log_formats`](crate::model::Http::log_formats).
    pub format: usize,
    /// `if=`
    pub condition: Option<ComplexValue>,
    /// `buffer=`, or the size that `gzip` implies: bytes that are collected before a write; 0: none.
    pub buffer: u64,
    /// `flush=`: longest delay of a line.
    pub flush: Option<std::time::Duration>,
    /// `gzip`: compression level.
    pub gzip: Option<u32>,
}

/// The access logs of a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccessLogs {
    /// `access_log off;`
    Off,
    /// One or more logs, never an empty list: the default is `logs/access.log combined`.
    To(Vec<AccessLog>),
}
