//! Cured or not: what logs, sockets and counters say of the time after a repair, beside the time before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::Evidence;
use super::logs::times;
use crate::model::Endpoint;
use crate::ports::dates::stamp;
use crate::ports::flow::Flow;
use crate::ports::host::TIME_WAIT;
use crate::ports::signal::{Signal, Weight, meaning};

/// Seconds that the kernel remembers a closed connection for.
const MEMORY: i64 = 60;

/// Seconds after a close until Linux gives the port to another connection (`TCP_TIMEWAIT_LEN`, and one for the second begun).
const LINGER: i64 = 61;

/// So many requests without a failure, times the share that failed before, make it 95 % certain that none fails.
const CERTAIN: f64 = 3.0;

/// A look at a host.
#[derive(Clone, Debug, Default)]
pub struct HostSnapshot {
    /// The peers that nginx connects to.
    pub peers: Vec<Endpoint>,
    /// Observation.
    pub evidence: Evidence,
    /// When, in seconds of the local time that logs are written in.
    pub at: i64,
    /// When the workers of nginx started, if they were found.
    pub reloaded: Option<i64>,
    /// Those workers, by the numbers that logs have.
    pub workers: Vec<u32>,
    /// Logs that have no line, and where their older ones are, in words.
    pub rotated: Vec<String>,
    /// Logs of which lines from after the repair are in another file, in words: they do not tell all.
    pub cut: Vec<String>,
}

/// Events of some seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    /// First and last second.
    pub from_to: (i64, i64),
    /// Requests in the access log; `None` without one.
    pub requests: Option<u64>,
    /// Of those, answered 5xx by nginx itself; what a peer answers so is not counted.
    pub failed: u64,
    /// The share of the requests that failed in the worst burst.
    pub worst: Option<f64>,
    /// Lines of the error log that say that a request failed, by kind.
    pub errors: BTreeMap<Signal, u64>,
    /// Such lines of workers that were about to end, which are not in `errors`: they have the configuration of before.
    pub of_ending: u64,
    /// Connections to peers in `TIME_WAIT`.
    pub time_wait: u32,
    /// Connections to peers that are open.
    pub open: u32,
    /// Connections that this host closed or has open, for each request that was answered in the last minute of this time.
    pub connections_per_request: Option<f64>,
    /// Connections to peers that were made in this time, as far as sockets tell.
    pub made: u32,
    /// Connections that the network namespace ever opened (`Tcp.ActiveOpens`).
    pub opened: Option<i64>,
}

impl Measure {
    fn failures(&self) -> u64 {
        self.failed.max(self.errors.values().sum())
    }

    /// The share of the requests that failed, while they did.
    fn share(&self) -> Option<f64> {
        if self.worst.is_some() {
            return self.worst;
        }
        let requests = self.requests.filter(|n| *n > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        Some((self.failures() as f64 / requests as f64).min(1.0))
    }
}

/// Verdict and its reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing fails any longer, and nothing fills up.
    Cured,
    /// It still fails, or will.
    NotCured,
    /// Too little has happened.
    Unknown,
}

impl Verdict {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Cured => "cured",
            Verdict::NotCured => "not cured",
            Verdict::Unknown => "could not tell",
        }
    }
}

/// Two times compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Verdict.
    pub verdict: Verdict,
    /// Reasons, one sentence each.
    pub reasons: Vec<String>,
    /// The time before: all that the logs of the first look have.
    pub before: Measure,
    /// The time after the reload, or after the first look if there was none.
    pub after: Measure,
    /// True if nginx was reloaded in between; `None` if its workers were not found.
    pub is_reloaded: Option<bool>,
}

impl Comparison {
    /// Connections that all programs opened between the two looks; `None` if counters do not tell.
    pub fn opened(&self) -> Option<i64> {
        let opened = self.after.opened? - self.before.opened?;
        (opened >= 0).then_some(opened)
    }
}

/// Every peer of some flows.
pub fn peers(flows: &[Flow<'_>]) -> Vec<Endpoint> {
    flows.iter().flat_map(|flow| flow.destinations.iter().map(|d| d.endpoint.clone())).collect()
}

/// Compares a look with an earlier one.
pub fn compare(before: &HostSnapshot, after: &HostSnapshot) -> Comparison {
    let logged = after.evidence.errors.as_ref().and_then(|log| log.workers.reloaded);
    let reloaded = after.reloaded.or(logged.filter(|at| *at >= before.at));
    let is_reloaded = reloaded.map(|reloaded| reloaded >= before.at);
    let since = reloaded.map_or(before.at, |reloaded| reloaded.max(before.at));
    let first = measure(before, i64::MIN, before.at, &BTreeSet::new());
    // Whoever started again may number its processes as before: the new ones have to be known.
    let is_known = !after.workers.is_empty() || after.reloaded.is_none();
    let is_told_apart = is_reloaded == Some(true) && is_known;
    let ending = if is_told_apart { ending(before, after, since) } else { BTreeSet::new() };
    // The second of the reload has lines of both. Ports that were closed before it are in TIME_WAIT for a minute more, whatever
    // the new configuration does.
    let lingers = is_reloaded == Some(true)
        && measure(after, since + 1, since + LINGER, &ending)
            .errors
            .keys()
            .any(|signal| meaning(*signal).is_some_and(|m| m.is_about_ports));
    let from = if lingers { since + LINGER + 1 } else { since + 1 };
    let second = measure(after, from, after.at.max(from), &ending);
    let mut reasons = Vec::new();
    if from > after.at && lingers {
        reasons.push(format!(
            "ports closed before the reload are free again in {} s: look again then",
            from - after.at
        ));
        return Comparison { verdict: Verdict::Unknown, reasons, before: first, after: second, is_reloaded };
    }
    let verdict = judge(&first, after, &second, is_reloaded == Some(true), &mut reasons);
    if is_reloaded == Some(false) {
        reasons.push("nginx has not been reloaded since".to_owned());
    }
    Comparison { verdict, reasons, before: first, after: second, is_reloaded }
}

/// Workers that a reload ended, though requests may keep them for long.
fn ending(before: &HostSnapshot, after: &HostSnapshot, since: i64) -> BTreeSet<u32> {
    let log = after.evidence.errors.as_ref().map(|log| &log.workers);
    let mut found: BTreeSet<u32> = before.workers.iter().copied().collect();
    found.extend(log.iter().flat_map(|log| log.before(since)));
    let is_new = |pid: u32| after.workers.contains(&pid) || log.is_some_and(|log| log.is_started(pid, since));
    found.retain(|pid| !is_new(*pid));
    found
}

fn judge(
    first: &Measure,
    look: &HostSnapshot,
    second: &Measure,
    is_reloaded: bool,
    reasons: &mut Vec<String>,
) -> Verdict {
    if look.at < second.from_to.0 {
        reasons.push("no second has passed since".to_owned());
        return Verdict::Unknown;
    }
    for (signal, count) in &second.errors {
        let Some((name, status)) = meaning(*signal).map(|m| (m.name, m.status)) else { continue };
        // Faults of clients that are new say nothing of the repair.
        if status.starts_with('4') && !first.errors.contains_key(signal) {
            continue;
        }
        let was = first.errors.get(signal).copied().unwrap_or_default();
        let before = if was > 0 { format!("{} before", times(was)) } else { "new".to_owned() };
        reasons.push(format!("{name} {} since then ({before})", times(*count)));
    }
    // Each request that nginx answers 5xx has a line at least.
    let failed = second.failed.saturating_sub(second.of_ending);
    if second.errors.is_empty() && failed > 0 {
        reasons.push(format!("{failed} requests were answered 5xx by nginx since then"));
    }
    if let Some(full) = fills_up(look, second) {
        reasons.push(full);
    }
    if !reasons.is_empty() {
        return Verdict::NotCured;
    }
    if !look.cut.is_empty() {
        reasons.extend(look.cut.iter().cloned());
        return Verdict::Unknown;
    }
    let Some(requests) = second.requests else {
        return without_requests(first, look, second, reasons);
    };
    if first.failures() == 0 {
        reasons.push("nothing failed before: there is nothing to be cured".to_owned());
        return if requests > 0 { Verdict::Cured } else { Verdict::Unknown };
    }
    let needed = needed(first);
    if requests < needed {
        let since = if is_reloaded { "the reload" } else { "the first look" };
        let few = match requests {
            0 => "no requests".to_owned(),
            1 => "only one request".to_owned(),
            n => format!("only {n} requests"),
        };
        reasons.push(format!("{few} since {since}; at least {needed} are needed to judge"));
        reasons.extend(look.rotated.iter().cloned());
        return Verdict::Unknown;
    }
    reasons.push(format!("{requests} requests since {}, none of which failed", stamp(second.from_to.0)));
    Verdict::Cured
}

/// Judges by the error log and sockets alone: how long no line came although connections to peers were made.
fn without_requests(
    first: &Measure,
    look: &HostSnapshot,
    second: &Measure,
    reasons: &mut Vec<String>,
) -> Verdict {
    const NO_LOG: &str =
        "there is no access log, which tells how many requests went well (`access_log`, --access-log)";
    if !look.rotated.is_empty() {
        reasons.extend(look.rotated.iter().cloned());
        return Verdict::Unknown;
    }
    let lines: u64 = first.errors.values().sum();
    if lines == 0 || second.made == 0 {
        reasons.push(NO_LOG.to_owned());
        if lines > 0 {
            reasons.push("and no connection to a peer since: nobody sent a request".to_owned());
        }
        return Verdict::Unknown;
    }
    let passed = second.from_to.1 - second.from_to.0 + 1;
    let needed = quiet_needed(first, lines);
    if passed < needed {
        reasons.push(NO_LOG.to_owned());
        reasons.push(format!(
            "without it {needed} s without an error are needed to judge, and {passed} s have passed"
        ));
        return Verdict::Unknown;
    }
    reasons.push(format!(
        "no error in {passed} s, with {} connections to peers; there is no access log to count the requests",
        second.made
    ));
    Verdict::Cured
}

/// Seconds in which one line of the error log would have come before.
fn quiet_needed(first: &Measure, lines: u64) -> i64 {
    const LEAST: f64 = 10.0;
    #[expect(clippy::cast_precision_loss, reason = "seconds and counts")]
    let each = (first.from_to.1 - first.from_to.0 + 1).max(1) as f64 / lines as f64;
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let needed = (CERTAIN * each).max(LEAST).ceil() as i64;
    needed
}

/// Requests of which one would have failed before.
fn needed(first: &Measure) -> u64 {
    // Of logs that do not tell, one in ten is assumed.
    let share = first.share().unwrap_or(0.1).max(1e-6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 3 million")]
    let needed = (CERTAIN / share).ceil() as u64;
    needed
}

/// Says that the ports of a peer will be taken though none is missing yet.
fn fills_up(look: &HostSnapshot, measure: &Measure) -> Option<String> {
    let sockets = look.evidence.sockets.as_ref()?;
    let host = &look.evidence.host;
    let seconds = window(measure);
    let ports = host.ports();
    for ((source, peer), uses) in &sockets.outgoing {
        if !look.has_peer(peer) {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
        let rate = f64::from(sockets.closed_within(*source, *peer, seconds as f64)) / seconds as f64;
        let held = host.time_wait(peer.ip().is_loopback());
        let steady = rate * held + f64::from(uses.established);
        if steady >= f64::from(ports.first_parity) && steady > 0.0 {
            return Some(format!(
                "{source} to {peer} fills up: {rate:.1} connections/s are closed by this host, {steady:.0} ports are taken \
                 after {held:.0} s, and half of {} is the cliff",
                ports.all
            ));
        }
    }
    None
}

/// The seconds of a measure that sockets can tell of.
fn window(measure: &Measure) -> i64 {
    (measure.from_to.1 - measure.from_to.0 + 1).clamp(1, MEMORY)
}

impl HostSnapshot {
    fn has_peer(&self, peer: &SocketAddr) -> bool {
        self.peers.iter().any(|endpoint| match endpoint {
            Endpoint::Inet(address) => address == peer,
            // A name was not resolved here; its port is all that is known.
            Endpoint::Name(_, port) => *port == peer.port(),
            Endpoint::Unix(_) => false,
        })
    }
}

/// Facts of a look about some seconds; the first is that of the logs if it is earlier than they are.
fn measure(look: &HostSnapshot, from: i64, to: i64, ending: &BTreeSet<u32>) -> Measure {
    let evidence = &look.evidence;
    let mut measure = Measure { from_to: (from, to), ..Measure::default() };
    if let Some(log) = &evidence.errors {
        for (_, signals) in log.seconds.range(from..=to) {
            for (signal, count) in signals {
                if meaning(*signal).is_some_and(|m| m.weight != Weight::Info) {
                    *measure.errors.entry(*signal).or_default() += u64::from(*count);
                }
            }
        }
    }
    let of_ending = evidence.errors.as_ref().map(|log| log.workers.count(ending, from, to));
    for (signal, count) in of_ending.unwrap_or_default() {
        let Some(all) = measure.errors.get_mut(&signal) else { continue };
        *all = all.saturating_sub(count);
        measure.of_ending += count;
    }
    measure.errors.retain(|_, count| *count > 0);
    let mut answered = 0;
    if let Some(log) = &evidence.access {
        let all = log.sum(from, to);
        measure.requests = Some(all.requests);
        measure.failed = all.errors - all.by_peer;
        measure.worst = log.bursts(None).first().map(|burst| burst.share() / 100.0);
        let last = log.sum((to - MEMORY + 1).max(from), to);
        answered = last.requests - (last.errors - last.by_peer);
    }
    let first = [
        evidence.errors.as_ref().and_then(|log| log.seconds.first_key_value()).map(|(at, _)| *at),
        evidence.access.as_ref().and_then(|log| log.seconds.first_key_value()).map(|(at, _)| *at),
    ];
    measure.from_to.0 = from.max(first.into_iter().flatten().min().unwrap_or(to)).min(to);
    measure.opened = evidence.counters.as_ref().map(|c| c.get("Tcp.ActiveOpens")).filter(|n| *n > 0);
    let Some(sockets) = &evidence.sockets else { return measure };
    let mut made = 0;
    #[expect(clippy::cast_precision_loss, reason = "at most a minute")]
    let seconds = window(&measure) as f64;
    for ((source, peer), uses) in &sockets.outgoing {
        if look.has_peer(peer) {
            measure.time_wait += uses.time_wait;
            measure.open += uses.established;
            made += uses.established + sockets.closed_within(*source, *peer, seconds);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let per_request = f64::from(made) / answered as f64;
    measure.connections_per_request = (answered > 0).then_some(per_request);
    measure.made = made;
    measure
}

/// Seconds until the ports that were taken before the repair are free.
pub fn draining(after: &Comparison) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a log")]
    let passed = (after.after.from_to.1 - after.after.from_to.0) as f64;
    (after.after.time_wait > 0 && passed < TIME_WAIT).then_some(TIME_WAIT - passed)
}
