//! Findings from sockets: the fill of each tuple, before an error is logged.

use super::{Case, Finding, Severity};
use crate::ports::host::TIME_WAIT;
use crate::ports::signal::Signal;
use crate::ports::sockets::ConnectionCount;

/// Shares of the ports from which on it is a warning, and the cliff.
const NEAR: f64 = 0.40;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(sockets) = &case.evidence.sockets else { return };
    let host = &case.evidence.host;
    let ports = host.ports();
    for ((source, peer), uses) in &sockets.outgoing {
        let reusable = host.time_wait(peer.ip().is_loopback()) <= 1.0;
        // Ports in TIME_WAIT that are used again after a second are free, all but the newest.
        let used = if reusable { uses.total() - uses.time_wait } else { uses.total() };
        let share = f64::from(used) / f64::from(ports.all.max(1));
        if share < NEAR {
            continue;
        }
        found.push(tuple(case, (*source, *peer), uses, used, share));
    }
    if sockets.incoming_time_wait > 0 && sockets.incoming_time_wait * 10 >= sockets.time_wait {
        found.push(Finding::new(
            "incoming-time-wait",
            Severity::Info,
            format!(
                "{} of {} sockets in TIME_WAIT belong to connections that came in: they take no ephemeral port",
                sockets.incoming_time_wait, sockets.time_wait
            ),
        ));
    }
}

fn tuple(
    case: &Case<'_>,
    (source, peer): (std::net::IpAddr, std::net::SocketAddr),
    uses: &ConnectionCount,
    used: u32,
    share: f64,
) -> Finding {
    let ports = case.evidence.host.ports();
    let cliff = f64::from(ports.first_parity) / f64::from(ports.all.max(1));
    let (name, severity, what) = if used >= ports.all {
        ("ports-exhausted", Severity::Critical, "has no port left")
    } else if share >= cliff {
        ("past-the-cliff", Severity::Critical, "is past the half-range cliff")
    } else {
        ("near-the-cliff", Severity::Warning, "comes near the half-range cliff")
    };
    let closed = f64::from(uses.time_wait) / TIME_WAIT;
    let mut finding = Finding::new(name, severity, format!("{source} to {peer} {what}"))
        .seen(format!(
            "{used} of {} ports in use  {}  {:.0} % (cliff at {:.0} %)",
            ports.all,
            bar(share, cliff),
            share * 100.0,
            cliff * 100.0
        ))
        .seen(format!(
            "TIME_WAIT {}, ESTABLISHED {}, other {}; first parity {} of {}, second {}",
            uses.time_wait,
            uses.established,
            uses.other,
            uses.first_parity,
            ports.first_parity,
            uses.total() - uses.first_parity
        ));
    if uses.time_wait > 0 {
        finding =
            finding.seen(format!("this host closes about {closed:.1} connections/s (TIME_WAIT / 61 s)"));
    }
    if share >= cliff {
        let is_logged = case.evidence.errors.as_ref().is_some_and(|log| log.get(Signal::NoPort).is_some());
        let more = if is_logged || used >= ports.all { "" } else { ", and the error log stays empty" };
        finding = finding.seen(format!(
            "each connect() now searches half of the range in vain first: requests of the whole worker get slow{more}"
        ));
    }
    match case.flow_to(peer) {
        Some(position) => drained(case, uses, finding.blame(case, position)),
        None => finding.remedy(
            "no peer of this configuration has this address: another program, or a name (compare with `ss -tanp`)",
        ),
    }
}

/// Says of a flow that needs no repair when the ports from before the last reload are free.
fn drained(case: &Case<'_>, uses: &ConnectionCount, finding: Finding) -> Finding {
    let Some((now, at)) = case.evidence.reloaded.filter(|_| finding.repair.is_none()) else { return finding };
    #[expect(clippy::cast_possible_truncation, reason = "61")]
    let left = TIME_WAIT as i64 - (now - at);
    if left <= 0 || uses.time_wait == 0 {
        return finding;
    }
    finding.remedy(format!(
        "wait {left} s: nginx was reloaded or started {} s ago, and ports that were in TIME_WAIT then are free again by that time",
        now - at
    ))
}

/// Bar of a tuple's fill, with a mark at the cliff.
fn bar(share: f64, cliff: f64) -> String {
    const WIDTH: usize = 30;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "0 to 30"
    )]
    let at = |part: f64| (part.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
    let (full, mark) = (at(share), at(cliff));
    (0..WIDTH)
        .map(|i| match (i < full, i == mark) {
            (true, _) => '█',
            (false, true) => '┊',
            (false, false) => '·',
        })
        .collect()
}
