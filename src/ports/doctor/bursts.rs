//! Failures in the access log, in bursts and alone.

use std::collections::BTreeMap;

use super::logs::times;
use super::{Case, Finding, Severity};
use crate::ports::access_log::{AccessLog, Burst};
use crate::ports::dates::{from_to, stamp};
use crate::ports::error_log::MessageGroup;
use crate::ports::signal::{Signal, Weight, meaning};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(log) = &case.evidence.access else { return };
    let failures = failures(case, log);
    let counted_from = counted_from(case);
    match counted_from.filter(|at| log.sum(at + 1, i64::MAX).errors == 0) {
        Some(at) => {
            let is_reload = case.evidence.reloaded.is_some_and(|(_, reload)| reload == at);
            let when = format!("until {}, when the ports from before the reload were free", stamp(at));
            found.extend(
                failures.map(
                    |finding| {
                        if is_reload { finding.before_reload(at) } else { finding.over(&when) }
                    },
                ),
            );
        }
        None => match super::drain::over_since(case).filter(|at| log.sum(at + 2, i64::MAX).errors == 0) {
            Some(at) => {
                found.extend(failures.map(|finding| finding.over(&format!("until {}", stamp(at)))));
            }
            None => found.extend(failures),
        },
    }
    let missing = log.missing();
    if !missing.is_empty() {
        let list: Vec<String> = missing.iter().map(|n| format!("${n}")).collect();
        let title = format!("the access log lacks {}", list.join(", "));
        let finding = Finding::new("log-format-lacks", Severity::Info, title);
        found.push(finding.remedy(LOG_FORMAT).remedy(ACCESS_LOG));
    }
}

/// The time from which failures count, if it divides the log.
fn counted_from(case: &Case<'_>) -> Option<i64> {
    let reload = || case.evidence.reloaded.map(|(_, at)| at);
    super::drain::counted_from(case).or_else(reload).filter(|_| !case.evidence.is_history)
}

/// The failures of a log: a burst, of all requests or of one peer, else all that failed.
fn failures(case: &Case<'_>, log: &AccessLog) -> Option<Finding> {
    let divide = counted_from(case);
    let after = divide.unwrap_or(i64::MIN);
    // Those since the last reload first.
    let latest = |bursts: Vec<Burst>| {
        let new = bursts.iter().find(|burst| burst.last > after).copied();
        new.or_else(|| bursts.first().copied())
    };
    if let Some(burst) = latest(log.bursts(divide)) {
        return Some(of_all(case, log, &burst));
    }
    let by_peer = log.peers.bursts(divide);
    let new = by_peer.iter().find(|(_, burst)| burst.last > after);
    if let Some((peer, burst)) = new.or_else(|| by_peer.first()) {
        return Some(of_peer(case, peer, burst));
    }
    if log.internal > 0 && log.bind_failed == 0 {
        // Few, or one, as a ticket quotes them: not a burst, but the answer that this is about.
        let title = format!("{} of {} requests were answered 500", log.internal, log.requests);
        let mut finding = Finding::new("answered-500", Severity::Warning, title)
            .seen("nginx answers 500 by itself when bind() fails, and 502 when connect() finds no port");
        finding = match case.evidence.errors.as_ref().and_then(|e| e.get(Signal::NoPort)) {
            Some(seen) => {
                finding.seen(format!("connect() failed (99) {} in the error log", times(seen.count)))
            }
            None => finding.remedy("the error log of that time says why"),
        };
        return Some(finding);
    }
    (log.errors > 0).then(|| few(case, log))
}

/// A burst of failures, whoever the peer was.
fn of_all(case: &Case<'_>, log: &AccessLog, burst: &Burst) -> Finding {
    let all = log.bursts(counted_from(case));
    let title = format!("a burst of {} failed requests, {}", burst.errors, from_to(burst.first, burst.last));
    let mut finding = Finding::new("burst-of-errors", Severity::Warning, title).seen(format!(
        "{} of {} requests failed then ({:.0} %), {} of {} in all (status 5xx)",
        burst.errors,
        burst.requests,
        burst.share(),
        log.errors,
        log.requests
    ));
    let more: Vec<String> = all
        .iter()
        .filter(|other| *other != burst)
        .take(3)
        .map(|b| format!("{} ({} failed)", from_to(b.first, b.last), b.errors))
        .collect();
    if !more.is_empty() {
        finding = finding.seen(format!("{} more, the worst: {}", all.len() - 1, more.join("; ")));
    }
    for (peer, attempts, failed) in log.peers.between(burst.first, burst.last).iter().take(5) {
        finding = finding.seen(format!("{peer}: {failed} of {attempts} attempts failed"));
    }
    for (count, text) in [
        (log.no_port, "look like a missing port or a refused connection: 502, a peer, no connect time"),
        (log.no_live, "had no live upstream: 502 and the upstream's name as the peer"),
        (log.bind_failed, "look like a failing bind(): 500 and no peer"),
    ] {
        if count > 0 {
            finding = finding.seen(format!("{count} {text}"));
        }
    }
    why(case, burst, finding)
}

/// Failures that are no burst.
fn few(case: &Case<'_>, log: &AccessLog) -> Finding {
    let failing = || log.seconds.iter().filter(|(_, second)| second.errors > 0);
    let by_peers: u64 = failing().map(|(_, second)| second.by_peer).sum();
    let severity = if by_peers == log.errors { Severity::Info } else { Severity::Warning };
    let title = format!("{} of {} requests were answered 5xx", log.errors, log.requests);
    let mut finding = Finding::new("answered-5xx", severity, title);
    if by_peers > 0 {
        finding = finding.seen(format!("{by_peers} of them as the peer answered"));
    }
    let (Some((first, _)), Some((last, _))) = (failing().next(), failing().next_back()) else {
        return finding.remedy(ASK_THE_ERROR_LOG);
    };
    finding = finding.seen(from_to(*first, *last));
    for (peer, attempts, failed) in log.peers.between(*first, *last).iter().filter(|(_, _, n)| *n > 0).take(5)
    {
        finding = finding.seen(format!("{peer}: {failed} of {attempts} attempts failed"));
    }
    why(case, &Burst { first: *first, last: *last, requests: log.requests, errors: log.errors }, finding)
}

/// A burst of failures of one peer among many.
fn of_peer(case: &Case<'_>, peer: &str, burst: &Burst) -> Finding {
    let title = format!(
        "a burst of {} failed requests of {peer}, {}",
        burst.errors,
        from_to(burst.first, burst.last)
    );
    let mut finding = Finding::new("burst-of-errors", Severity::Warning, title).seen(format!(
        "{} of {} attempts at this peer failed then ({:.0} %); the others did not",
        burst.errors,
        burst.requests,
        burst.share()
    ));
    let place = case.flow_named(peer).and_then(|flow| case.flows[flow].passes.first());
    finding.fault = place.map(|(directive, span)| (*span, (*directive).to_owned()));
    why(case, burst, finding)
}

/// Lines of the error log of the same time.
fn why(case: &Case<'_>, burst: &Burst, finding: Finding) -> Finding {
    let Some(log) = &case.evidence.errors else { return finding.remedy(ASK_THE_ERROR_LOG) };
    // Both logs are written in local time, to the second.
    let (first, last) = (burst.first - 2, burst.last + 2);
    let mut counts: Vec<(&str, u64)> = Vec::new();
    let kinds: BTreeMap<Signal, &MessageGroup> =
        log.before.iter().chain(&log.seen).map(|(s, seen)| (*s, seen)).collect();
    for (signal, seen) in &kinds {
        let in_time = log.seconds.range(first..=last).filter_map(|(_, signals)| signals.get(signal));
        let count = in_time.map(|n| u64::from(*n)).sum();
        if let Some(meaning) = meaning(*signal).filter(|m| m.weight != Weight::Info && count > 0) {
            counts.push((meaning.name, count));
        } else if !seen.is_dated()
            && let Some(meaning) = meaning(*signal)
        {
            counts.push((meaning.name, seen.count));
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if counts.is_empty() {
        return finding.remedy(ASK_THE_ERROR_LOG);
    }
    let list: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {}", times(*count))).collect();
    finding.seen(format!("the error log of that time: {}", list.join(", ")))
}

/// Said of a burst that the error log says nothing of.
const ASK_THE_ERROR_LOG: &str = "the error log of that time says why";

/// A format with everything that a diagnosis can use.
const LOG_FORMAT: &str = "in `http`, before its servers: log_format ports '$remote_addr $remote_port [$time_local] $msec \"$request\" $status $request_time \
                          $upstream_addr $upstream_status $upstream_connect_time $upstream_response_time';";

/// Places that use the format.
const ACCESS_LOG: &str =
    "in `http`, or in the server: access_log FILE ports; with the FILE of the `access_log` that is there now";
