//! The load of a flow, as far as logs and sockets tell it; the rest is assumed and said.

use super::{Case, Evidence};
use crate::model::{Config, Endpoint};
use crate::ports::access_log::AccessLog;
use crate::ports::capacity::{Capacity, Load, Setup};
use crate::ports::flow::Flow;
use crate::ports::host::TIME_WAIT;
use crate::ports::sockets::ClosedConnections;
use crate::reuse::Verdict;

/// Seconds that a request is assumed to take where no log tells it.
pub const ASSUMED_LATENCY: f64 = 0.1;

/// Said of a number of requests at once that nothing measured.
const ASSUMED: &str = " (assumed: --access-log tells it)";

/// True if an effect rests on the requests that were served alone, as the access log has no durations: during an outage these
/// are fewer than those that were wanted.
pub fn is_lower_bound(evidence: &Evidence, effect: &str) -> bool {
    let is_untimed = evidence.access.as_ref().is_some_and(|log| log.latency().is_none());
    is_untimed && effect.contains(ASSUMED)
}

/// Requests of one flow under way at once that are assumed at most where nothing tells the rate.
const ASSUMED_AT_ONCE: f64 = 25.0;

/// The load of a flow and where its numbers come from, in words.
///
/// The access log counts all flows together, so the rate is that of its busiest second: never too low. Only requests that
/// a peer took count, because nginx's own answers take no time and come as often as clients ask. Requests that found no
/// connection count as often as there were clients that waited for one.
pub fn load(config: &Config, flow: &Flow<'_>, evidence: &Evidence) -> (Load, String) {
    let setup = Setup::new(config, flow, &evidence.host, None);
    let known = in_sockets(flow, evidence);
    let access = evidence.access.as_ref();
    let (latency, latency_from) = latency(evidence);
    let taken = access.and_then(AccessLog::peak).map_or(0.0, |(_, n)| count(n));
    let waiting = waiting(evidence, latency);
    let peak = taken.max(waiting / latency);
    let (rate, rate_from) = match known.closing {
        Some(closing) if closing.rate() > peak => (closing.rate(), closing.words()),
        _ if peak > 0.0 => (peak, busiest(access).to_owned()),
        _ => {
            let hard = Capacity::of(&setup, &Load::default()).hard_requests();
            (hard * 1.25, "assumed: a quarter more than the ports allow".to_owned())
        }
    };
    let is_measured = peak > 0.0 || known.closing.is_some();
    let is_timed = access.and_then(AccessLog::latency).is_some();
    let counted = access.and_then(AccessLog::at_once).map_or(0.0, count);
    let (open, is_seen) = match known.at_once(&setup).filter(|_| !is_timed) {
        Some(open) => (open, true),
        // A rate that is only assumed, to judge ports by, says nothing of how many requests are under way at once; nor does
        // a time that is.
        None if is_timed && is_measured => (rate * latency, false),
        None => (ASSUMED_AT_ONCE.min(rate * latency), false),
    };
    let open = open.max(counted).max(f64::from(known.open)).max(1.0);
    let more = overflow(&setup, flow, evidence, known.time_wait);
    let open_from = match more {
        Some(more) if more > open => " (more than the pool holds: it closes connections)",
        _ if is_seen => " (open sockets)",
        _ if is_timed && is_measured => "",
        _ => ASSUMED,
    };
    let open = more.map_or(open, |more| open.max(more));
    let load = Load { rate, latency, concurrency: Some(open) };
    let text = format!(
        "{rate:.1} requests/s ({rate_from}), {} each ({latency_from}), {open:.0} at once{open_from}, {} worker{}",
        milliseconds(latency),
        setup.workers,
        if setup.workers == 1 { "" } else { "s" }
    );
    (load, text)
}

/// Seconds that a request takes, and what says so.
pub(super) fn latency(evidence: &Evidence) -> (f64, &'static str) {
    let measured = evidence.access.as_ref().and_then(AccessLog::latency);
    measured.map_or((ASSUMED_LATENCY, "assumed"), |latency| (latency, "access log"))
}

/// Requests that waited at once for a connection that could not be made: of those that the access log counts no more than
/// there were clients, because whoever gets an error at once may ask again at once.
fn waiting(evidence: &Evidence, latency: f64) -> f64 {
    let clients = evidence.errors.as_ref().and_then(|log| log.clients.at_once());
    let wanted = evidence.access.as_ref().and_then(AccessLog::wanted).map_or(0.0, |(_, n)| count(n));
    clients.map_or(0.0, |clients| clients.min(wanted * latency))
}

/// Origin of the rate.
fn busiest(access: Option<&AccessLog>) -> &'static str {
    match access {
        Some(log) if !log.tells_peers() => {
            "busiest second of the access log, whose format does not tell which requests went to peers"
        }
        Some(log) if log.local > 0 => "busiest second of the access log, without answers of nginx itself",
        _ => "busiest second of the access log",
    }
}

/// `12 ms`
pub(super) fn milliseconds(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    if milliseconds < 1.0 { "less than 1 ms".to_owned() } else { format!("{milliseconds:.0} ms") }
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

/// Seconds for which sockets tell of the configuration that runs now: those since the last reload, a minute at most.
fn remembered(evidence: &Evidence) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let since = evidence.reloaded.map_or(TIME_WAIT, |(now, at)| (now - at - 1) as f64);
    // Logs have whole seconds, so one of them may be of before.
    since.clamp(0.5, TIME_WAIT)
}

/// Sockets to the peers of a flow.
#[derive(Clone, Copy, Debug, Default)]
struct FlowSockets {
    /// In `TIME_WAIT`, without those from before the last reload.
    time_wait: u32,
    /// Open, or about to be.
    open: u32,
    /// The same as `time_wait`, with the time in which they were closed.
    closing: Option<ClosedConnections>,
    /// Most ports of one pair of source and destination that are in use.
    fullest: u32,
    /// Open connections of clients.
    clients: u32,
}

impl FlowSockets {
    /// Requests under way at once; `None` if nobody sends any now, or if connections fail for want of a port, so that few are
    /// open however many are wanted: then no more than there are clients.
    fn at_once(&self, setup: &Setup) -> Option<f64> {
        let is_full = self.fullest >= setup.host.ports().all;
        let is_now = self.closing.and_then(|closing| closing.since_last).is_some_and(|age| age < NOW);
        match (is_full, self.open > 0 || is_now) {
            (true, _) => (self.clients > 0).then(|| f64::from(self.clients.max(self.open))),
            (false, true) => Some(f64::from(self.open)),
            (false, false) => None,
        }
    }
}

/// Seconds since the last connection was closed, up to which requests come now.
const NOW: f64 = 2.0;

fn in_sockets(flow: &Flow<'_>, evidence: &Evidence) -> FlowSockets {
    let seconds = remembered(evidence);
    let is_peer = |peer: &std::net::SocketAddr| {
        flow.destinations.iter().any(|d| matches!(&d.endpoint, Endpoint::Inet(address) if address == peer))
    };
    let Some(sockets) = &evidence.sockets else { return FlowSockets::default() };
    let uses: Vec<_> = sockets.outgoing.iter().filter(|((_, peer), _)| is_peer(peer)).collect();
    let pairs: Vec<_> = uses.iter().map(|(pair, _)| **pair).collect();
    let closing = sockets.closing(&pairs, seconds);
    FlowSockets {
        time_wait: closing.map_or(0, |closing| closing.count),
        open: uses.iter().map(|(_, uses)| uses.established + uses.syn_sent).sum(),
        closing,
        fullest: uses.iter().map(|(_, uses)| uses.total()).max().unwrap_or_default(),
        clients: sockets.incoming_established,
    }
}
