//! Ports that were closed before the last reload: the kernel holds them for a minute more, whatever nginx does since, and
//! requests that fail for them say nothing of the new configuration.

use std::net::{IpAddr, SocketAddr};

use super::{Case, Finding, Severity, load};
use crate::ports::dates::{clock, stamp};
use crate::ports::error_log::MessageGroup;
use crate::ports::signal::Signal;
use crate::ports::sockets::ConnectionCount;

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
    let is_cured = lingers && flows.all(|flow| !load::is_short(case, &case.flows[flow]));
    Some(if is_cured && drain.now > drain.free { drain.free } else { drain.reload })
}

/// Judges missing ports of a flow that needs no repair: they are those from before the reload, or it is over.
pub(super) fn missing_ports(case: &Case<'_>, seen: &MessageGroup, mut finding: Finding) -> Finding {
    if !seen.is_dated() || finding.repair.is_some() {
        return finding;
    }
    let last = seen.times.1;
    if let Some(drain) =
        drain(case).filter(|drain| (drain.reload..=drain.free).contains(&last) && drain.now <= drain.free)
    {
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
    let when = match drain(case).filter(|drain| last <= drain.free) {
        Some(drain) => format!("until the ports from before the reload at {} were free", stamp(drain.reload)),
        None if now - last > held(case).max(QUIET) => {
            format!("until {}, and not in the {} s since", stamp(last), now - last)
        }
        None => return finding,
    };
    finding.over(&when)
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
