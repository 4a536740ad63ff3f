//! Findings from sockets: the fill of each tuple, before an error is logged.

use super::{Case, Finding, Severity};
use crate::ports::host::TIME_WAIT;
use crate::ports::signal::{Signal, meaning};
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
        let is_needed = case.flow_to(*peer).is_some_and(|n| {
            super::load::is_short(case, &case.flows[n]) && !super::drain::is_settled(case, n)
        });
        let draining = super::drain::draining(case, (*source, *peer), uses);
        // Another program's ports, or those of a flow that still has to be repaired, are not over by waiting.
        found.push(match draining.filter(|_| !is_needed && case.flow_to(*peer).is_some()) {
            Some(draining) => draining,
            None => tuple(case, (*source, *peer), uses, used, share),
        });
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
    let closing = case.evidence.sockets.as_ref().and_then(|s| s.closing(&[(source, peer)], TIME_WAIT));
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
    if let Some(closing) = closing {
        finding = finding.seen(format!(
            "this host closes about {:.1} connections/s ({})",
            closing.rate(),
            closing.words()
        ));
    }
    if used >= ports.all {
        finding = finding.seen("each connect() now fails, after it has searched the whole range in vain");
    } else if uses.first_parity >= ports.first_parity && used == uses.total() {
        let is_logged = case.evidence.errors.as_ref().is_some_and(|log| log.get(Signal::NoPort).is_some());
        let more = if is_logged { "" } else { ", and the error log stays empty" };
        finding = finding.seen(format!(
            "each connect() now searches half of the range in vain first: requests of the whole worker get slow{more}"
        ));
    }
    match case.flow_to(peer) {
        Some(position) if case.flows[position].session.is_some() => {
            let remedy = meaning(Signal::NoPort).map_or("", |meaning| meaning.remedy_of(true));
            finding.blame(case, position).remedy(remedy)
        }
        Some(position) => finding.blame(case, position),
        None => finding.remedy(
            "no peer of this configuration has this address: another program, or a name (compare with `ss -tanp`)",
        ),
    }
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
