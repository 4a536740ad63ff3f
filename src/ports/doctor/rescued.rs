//! Attempts that failed without harm: `proxy_next_upstream` asked the next server, which answered.

use super::Case;
use crate::ports::error_log::MessageGroup;

/// Seconds after the line of an error in which the access log can have the request: it is logged when it ends.
const LATER: i64 = 2;

/// The effect of messages on clients if the access log shows that each request was answered all the same; `None` if it does not.
pub(super) fn effect(case: &Case<'_>, seen: &MessageGroup, targets: &[(&str, u64)]) -> Option<String> {
    let log = case.evidence.access.as_ref().filter(|_| seen.is_dated() && seen.of_stream == 0)?;
    let lacks = |name: &&str| matches!(*name, "status" | "upstream_addr" | "upstream_status");
    if log.missing().iter().any(lacks) {
        return None;
    }
    let (first, last) = (seen.times.0, seen.times.1 + LATER);
    let attempts = log.peers.between(first, last);
    let failed =
        |(target, _): &(&str, u64)| attempts.iter().any(|(peer, _, failed)| peer == target && *failed > 0);
    let is_rescued = log.sum(first, last).errors == 0 && !targets.is_empty() && targets.iter().all(failed);
    is_rescued.then(|| "an attempt failed, and the next server answered".to_owned())
}
