//! Facts of an access log, besides the requests that are replayed.

use std::path::Path;

use serde::Serialize;

use super::human::group;
use crate::ports::trace::{MOST, Trace};

#[derive(Serialize)]
pub(super) struct LogFacts {
    pub(super) path: String,
    pub(super) log_format: String,
    /// Connections to upstreams that the lines stand for.
    pub(super) upstream_requests: u64,
    /// Requests that nginx answered itself.
    pub(super) local_requests: u64,
    pub(super) foreign_lines: u64,
    pub(super) foreign_sample: Option<String>,
    /// Lines beyond the number that is replayed.
    pub(super) left_out: u64,
    /// To peers that the configuration does not name.
    pub(super) to_unknown_peers: u64,
    pub(super) notes: Vec<String>,
}

pub(super) fn log_facts(path: &Path, format: &str, trace: &Trace) -> LogFacts {
    let mut notes = Vec::new();
    if !trace.has_milliseconds() {
        notes.push(
            "times are whole seconds: requests are spread evenly over each; `$msec` is exact".to_owned(),
        );
    }
    if !trace.has_durations() {
        notes.push("durations are not known and counted as 0: add `$upstream_response_time`".to_owned());
    }
    if !trace.has_peers() {
        notes.push("peers are not known and drawn by their weights: add `$upstream_addr`".to_owned());
    }
    if trace.left_out > 0 {
        notes.push(format!("only the first {} requests are replayed", group(MOST as u64)));
    }
    LogFacts {
        path: path.display().to_string(),
        log_format: format.to_owned(),
        upstream_requests: trace.requests.len() as u64,
        local_requests: trace.local,
        foreign_lines: trace.foreign,
        foreign_sample: trace.foreign_sample.as_ref().map(|(line, why)| format!("{line}: {why}")),
        left_out: trace.left_out,
        to_unknown_peers: 0,
        notes,
    }
}
