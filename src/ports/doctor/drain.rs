//! Ports that were closed before the last reload: the kernel holds them for a minute more, whatever nginx does since, and
//! requests that fail for them say nothing of the new configuration.

use std::net::{IpAddr, SocketAddr};

use super::{Case, Finding, Severity, load};
use crate::ports::access_log::AccessLog;
use crate::ports::capacity::{Load, Setup, outcome};
use crate::ports::dates::{clock, stamp};
use crate::ports::error_log::MessageGroup;
use crate::ports::signal::{Signal, Weight, meaning};
use crate::ports::sockets::ConnectionCount;
use crate::reuse::Verdict;

/// Seconds without a failure after which a cause that is there no longer is over.
const QUIET: i64 = 10;

/// The last reload and the ports from before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrainTimes {
    /// When the evidence was taken.
    now: i64,
    /// When nginx was reloaded or started.
    reload: i64,
    /// When the ports that were closed before are free.
    free: i64,
}

/// The time for which ports from before a reload are held; `None` if nginx was not reloaded, or nobody knows.
pub(super) fn drain(case: &Case<'_>) -> Option<DrainTimes> {
    let (now, reload) = case.evidence.reloaded?;
    Some(DrainTimes { now, reload, free: reload + held(case) })
}

/// Seconds for which a closed connection holds its port, rounded up.
fn held(case: &Case<'_>) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a minute")]
    let seconds = case.evidence.host.time_wait(false).ceil() as i64;
    seconds
}

/// The time from which failures count: the last reload, or the end of the ports from before it if requests failed for them
/// although the configuration suffices now.
pub(super) fn counted_from(case: &Case<'_>) -> Option<i64> {
    let drain = drain(case)?;
    let log = case.evidence.errors.as_ref()?;
    let is_late =
        |(_, signals): (_, &std::collections::BTreeMap<Signal, u32>)| signals.contains_key(&Signal::NoPort);
    let lingers = log.seconds.range(drain.reload + 1..=drain.free).any(is_late);
    let targets = log.get(Signal::NoPort).map(|seen| seen.targets.keys()).into_iter().flatten();
    let mut flows = targets.filter_map(|target| case.flow_named(target));
    let is_cured =
        lingers && flows.all(|flow| is_settled(case, flow) || !load::is_short(case, &case.flows[flow]));
    Some(if is_cured && drain.now > drain.free { drain.free } else { drain.reload })
}

/// True if connections of a flow are used again since the last reload, and no request has failed for want of a port but for
/// those from before it: then the model's doubt about the size of the pool is no cause.
pub(super) fn is_settled(case: &Case<'_>, position: usize) -> bool {
    let flow = &case.flows[position];
    let (Some(drain), Some(log)) = (drain(case), &case.evidence.errors) else { return false };
    let is_pooled = flow.verdict == Verdict::Reused && flow.session.is_none();
    // A start is no reload: requests that fail in its first minute fail for the load that the pool now has.
    let failed_before = log.before.contains_key(&Signal::NoPort);
    let is_old = |seen: &MessageGroup| seen.is_dated() && failed_before && seen.times.1 <= drain.free;
    is_pooled && log.get(Signal::NoPort).is_none_or(is_old)
}

/// True if the ports suffice for a flow whatever its connections do: the settings of the host were changed since they were
/// missing.
fn is_host_enough(case: &Case<'_>, position: usize) -> bool {
    let flow = &case.flows[position];
    let setup = Setup::new(case.config, flow, &case.evidence.host, None);
    let (load, _) = load::load(case.config, flow, case.evidence);
    // Requests that failed count too: whoever only looks later, at a host as it was, is told of the shortage.
    let log = case.evidence.errors.iter().flat_map(|log| log.seconds.values());
    let failed = log.filter_map(|signals| signals.get(&Signal::NoPort)).max().copied().unwrap_or_default();
    let taken = case.evidence.access.as_ref().and_then(AccessLog::peak).map(|(_, taken)| taken);
    // Nobody knows how much was served: only a host that uses ports again at once has enough.
    if taken.is_none() && held(case) > 1 {
        return false;
    }
    #[expect(clippy::cast_precision_loss, reason = "requests of a second")]
    let load = Load { rate: taken.unwrap_or_default() as f64 + f64::from(failed), ..load };
    let sockets = case.evidence.sockets.iter().flat_map(|sockets| &sockets.outgoing);
    let peers = sockets.filter(|((_, peer), _)| case.flow_to(*peer) == Some(position));
    let most = peers.map(|(_, uses)| uses.total()).max();
    let is_free = held(case) <= 1 || most.is_some_and(|most| most < case.evidence.host.ports().first_parity);
    flow.session.is_none() && is_free && !outcome(&setup, &load).1.is_bad()
}

/// The last second in which ports were missing, if that is over without a reload: nothing else failed either.
pub(super) fn over_since(case: &Case<'_>) -> Option<i64> {
    let (now, log) = (case.evidence.now?, case.evidence.errors.as_ref()?);
    let is_other = |signal: &Signal| {
        let is_bad = meaning(*signal).is_some_and(|meaning| meaning.weight != Weight::Info);
        is_bad && !matches!(signal, Signal::NoPort | Signal::NoLive)
    };
    if log.seen.keys().any(is_other) {
        return None;
    }
    let seen = log.get(Signal::NoPort).filter(|seen| seen.is_dated() && seen.of_stream == 0)?;
    let mut flows = seen.targets.keys().map(|target| case.flow_named(target));
    let is_quiet = now - seen.times.1 > held(case).max(QUIET);
    let is_over = is_quiet && flows.all(|flow| flow.is_some_and(|flow| is_host_enough(case, flow)));
    is_over.then_some(seen.times.1)
}

/// Said of a cause that is over although the log still has its lines.
pub(super) const OLD_LINES: &str = "older lines stay in the error log until it is rotated";

/// Judges missing ports of a flow that needs no repair: they are those from before the reload, or it is over.
pub(super) fn missing_ports(
    case: &Case<'_>,
    seen: &MessageGroup,
    is_session: bool,
    mut finding: Finding,
) -> Finding {
    let log = case.evidence.errors.as_ref();
    let is_before = log.is_some_and(|log| log.get(Signal::NoPort).is_none());
    let is_doubt = finding.repair.is_some_and(|position| is_settled(case, position));
    if is_doubt && seen.is_dated() {
        finding = doubt(case, finding);
    }
    if is_before {
        return finding;
    }
    if let (true, Some(last)) = (finding.repair.is_some(), over_since(case)) {
        finding.repair = None;
        finding = finding.seen(OLD_LINES);
        let ago = case.evidence.now.map_or(0, |now| now - last);
        return finding.over(&format!("until {}, and not in the {ago} s since", stamp(last)));
    }
    // Sessions of stream need no repair because there is none: they are over only where ports are free at once.
    let is_open = finding.repair.is_some() || is_session && held(case) > 1;
    if !seen.is_dated() || is_open {
        return finding;
    }
    let last = seen.times.1;
    let drain_now = drain(case).filter(|drain| {
        !is_session && (drain.reload..=drain.free).contains(&last) && drain.now <= drain.free
    });
    if let Some(drain) = drain_now {
        let is_failing = drain.now - last <= QUIET;
        finding.severity = if is_failing { Severity::Critical } else { Severity::Warning };
        finding.title = format!(
            "{}: the ports were closed before the reload at {} and are free at {}",
            finding.title,
            clock(drain.reload),
            clock(drain.free)
        );
        finding.remedy = vec![wait(case, drain.free)];
        finding.over_at = Some(drain.free);
        return finding;
    }
    let Some(now) = case.evidence.now else { return finding };
    let when = match drain(case).filter(|drain| !is_session && last <= drain.free) {
        Some(drain) => format!("until the ports from before the reload at {} were free", stamp(drain.reload)),
        None if now - last > held(case).max(QUIET) => {
            format!("until {}, and not in the {} s since", stamp(last), now - last)
        }
        None => return finding,
    };
    finding.over(&when)
}

/// The finding without the repair of a pool that only the model thinks too small.
fn doubt(case: &Case<'_>, mut finding: Finding) -> Finding {
    let Some(flow) = finding.repair.take().map(|position| &case.flows[position]) else { return finding };
    let (_, load) = load::load(case.config, flow, case.evidence);
    finding.seen(format!("the model thinks the pool small for {load}, but no request failed for it"))
}

/// Sentence for who has to wait.
fn wait(case: &Case<'_>, until: i64) -> String {
    let host = &case.evidence.host;
    let at_once = if host.tw_reuse.value != 1 && host.timestamps.value != 0 {
        ", or at once with `sysctl -w net.ipv4.tcp_tw_reuse=1`"
    } else {
        ""
    };
    format!("wait until {}: nothing has to be changed, and the ports are free then{at_once}", clock(until))
}

/// The finding of ports that are taken only because they were closed before the reload; `None`: they fill up by what nginx does
/// since.
pub(super) fn draining(
    case: &Case<'_>,
    (source, peer): (IpAddr, SocketAddr),
    uses: &ConnectionCount,
) -> Option<Finding> {
    let drain = drain(case).filter(|drain| drain.now < drain.free)?;
    let sockets = case.evidence.sockets.as_ref()?;
    let is_dated = sockets.ages.get(&(source, peer)).is_some_and(|ages| !ages.is_empty());
    let ports = case.evidence.host.ports();
    // The second of the reload has connections of both.
    #[expect(clippy::cast_precision_loss, reason = "a minute")]
    let seconds = (drain.now - drain.reload - 1).max(0) as f64;
    let new = sockets.closed_within(source, peer, seconds);
    let open = uses.total() - uses.time_wait;
    let steady = f64::from(new) / seconds.max(1.0) * case.evidence.host.time_wait(peer.ip().is_loopback());
    if !is_dated || new >= uses.time_wait || steady + f64::from(open) >= f64::from(ports.first_parity) {
        return None;
    }
    let old = uses.time_wait - new;
    let (severity, title) = if uses.total() >= ports.all {
        (
            Severity::Warning,
            format!(
                "{source} to {peer} has no port left until those closed before the reload are free, {}",
                clock(drain.free)
            ),
        )
    } else {
        (
            Severity::Info,
            format!(
                "{source} to {peer}: {old} ports closed before the reload are free at {}",
                clock(drain.free)
            ),
        )
    };
    let mut finding = Finding::new("ports-draining", severity, title)
        .seen(format!(
            "{} of {} ports in use, of which {old} were closed before the reload at {} and {new} since",
            uses.total(),
            ports.all,
            clock(drain.reload)
        ))
        .remedy(wait(case, drain.free));
    finding.over_at = Some(drain.free);
    Some(finding)
}
