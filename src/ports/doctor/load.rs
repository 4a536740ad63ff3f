//! The load of a flow, as far as logs and sockets tell it; the rest is assumed and said.

use super::{Case, Evidence};
use crate::model::{Config, Endpoint};
use crate::ports::access_log::AccessLog;
use crate::ports::capacity::{Capacity, Load, Setup};
use crate::ports::flow::Flow;
use crate::ports::host::TIME_WAIT;
use crate::reuse::Verdict;

/// Seconds that a request is assumed to take where no log tells it.
pub const ASSUMED_LATENCY: f64 = 0.1;

/// Requests of one flow under way at once that are assumed at most where nothing tells the rate.
const ASSUMED_AT_ONCE: f64 = 25.0;

/// The load of a flow and where its numbers come from, in words.
///
/// The access log counts all flows together, so the rate is that of its busiest second: never too low.
pub fn load(config: &Config, flow: &Flow<'_>, evidence: &Evidence) -> (Load, String) {
    let setup = Setup::new(config, flow, &evidence.host, None);
    let (time_wait, established) = in_sockets(flow, evidence);
    let access = evidence.access.as_ref();
    let peak = access.and_then(AccessLog::peak).map(|(_, n)| count(n));
    let closed = f64::from(time_wait) / TIME_WAIT;
    let (rate, rate_from) = match (peak, closed > 0.0) {
        (Some(peak), _) if peak >= closed => (peak, "busiest second of the access log"),
        (_, true) => (closed, "TIME_WAIT / 61 s"),
        _ => {
            let hard = Capacity::of(&setup, &Load::default()).hard_requests();
            (hard * 1.25, "assumed: a quarter more than the ports allow")
        }
    };
    let measured = access.and_then(AccessLog::latency);
    let latency = measured.unwrap_or(ASSUMED_LATENCY);
    let latency_from = if measured.is_some() { "access log" } else { "assumed" };
    // A rate that is only assumed, to judge ports by, says nothing of how many requests are under way at once.
    let is_measured = peak.is_some() || closed > 0.0;
    let by_rate = if is_measured { rate * latency } else { ASSUMED_AT_ONCE.min(rate * latency) };
    let open = by_rate.max(f64::from(established)).max(1.0);
    let more = overflow(&setup, flow, evidence, time_wait);
    let open_from = match more {
        Some(more) if more > open => " (more than the pool holds: it closes connections)",
        _ if is_measured => "",
        _ => " (assumed: --access-log tells it)",
    };
    let open = more.map_or(open, |more| open.max(more));
    let load = Load { rate, latency, concurrency: Some(open) };
    let text = format!(
        "{rate:.1} requests/s ({rate_from}), {:.0} ms each ({latency_from}), {open:.0} at once{open_from}, {} worker{}",
        latency * 1000.0,
        setup.workers,
        if setup.workers == 1 { "" } else { "s" }
    );
    (load, text)
}

#[expect(clippy::cast_precision_loss, reason = "requests of a second")]
fn count(n: u64) -> f64 {
    n as f64
}

/// True if a flow needs another configuration: its connections are not used again, or its pool does not hold them.
pub(super) fn is_short(case: &Case<'_>, flow: &Flow<'_>) -> bool {
    let setup = || Setup::new(case.config, flow, &case.evidence.host, None);
    flow.verdict != Verdict::Reused || !setup().pool_suffices(&load(case.config, flow, case.evidence).0)
}

/// Requests at once, at least, if the pool of a flow closes more connections than those that served all their requests.
fn overflow(setup: &Setup, flow: &Flow<'_>, evidence: &Evidence, time_wait: u32) -> Option<f64> {
    let reuse = setup.reuse.filter(|_| flow.verdict == Verdict::Reused)?;
    let requests = evidence.access.as_ref().map_or(0, AccessLog::last_minute);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let expected = requests as f64 / f64::from(reuse.requests.max(1));
    let closed = f64::from(time_wait);
    let is_many = closed > 4.0 * expected && closed * 5.0 > f64::from(setup.host.ports().all);
    is_many.then(|| 2.0 * f64::from(reuse.pool.max(1)) * f64::from(setup.workers))
}

/// Connections to the peers of a flow in `TIME_WAIT`, and open.
fn in_sockets(flow: &Flow<'_>, evidence: &Evidence) -> (u32, u32) {
    let is_peer = |peer: &std::net::SocketAddr| {
        flow.destinations.iter().any(|d| matches!(&d.endpoint, Endpoint::Inet(address) if address == peer))
    };
    let uses = evidence.sockets.iter().flat_map(|s| &s.outgoing).filter(|((_, peer), _)| is_peer(peer));
    uses.fold((0, 0), |(waiting, open), (_, u)| (waiting + u.time_wait, open + u.established))
}
