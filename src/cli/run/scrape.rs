//! One look: the ledger joined with the sockets and port settings of this network namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::ports::this_host;
use crate::ports::Host;
use crate::ports::sockets::{self, Sockets, Use};
use crate::runtime::{self, Counts, Ledger};

/// Sockets are read at most this often, however many look: 28,000 of them take 0.15 s.
const FRESH: Duration = Duration::from_millis(400);

/// Everything that the page and the metrics show.
#[derive(Debug, Serialize)]
pub(super) struct Scrape {
    pub(super) tuples: Vec<Tuple>,
    pub(super) upstreams: Vec<UpstreamRow>,
    pub(super) connects: BTreeMap<&'static str, u64>,
    pub(super) closed_first: ClosedFirst,
    pub(super) split: Vec<SplitRow>,
    pub(super) range: (u16, u16),
    #[serde(skip)]
    pub(super) counts: Counts,
}

/// The ports of one source address towards one peer.
#[derive(Debug, Serialize)]
pub(super) struct Tuple {
    pub(super) source: IpAddr,
    pub(super) peer: SocketAddr,
    pub(super) opened: u64,
    pub(super) established: u32,
    pub(super) time_wait: u32,
    pub(super) syn_sent: u32,
    pub(super) fin_wait2: u32,
    pub(super) used: u32,
    pub(super) total: u32,
    pub(super) left: u32,
    pub(super) first_parity_left: u32,
    /// So many ports in use make `connect()` slow; `None`: none do.
    pub(super) cliff: Option<u32>,
    /// Seconds for which a port stays in `TIME_WAIT`.
    pub(super) held: f64,
}

/// An upstream's connections.
#[derive(Debug, Serialize)]
pub(super) struct UpstreamRow {
    pub(super) name: String,
    pub(super) new: u64,
    pub(super) reused: u64,
    /// `None` before the first request.
    pub(super) reuse_ratio: Option<f64>,
    pub(super) idle: Vec<i64>,
    pub(super) evicted: u64,
}

/// Who closed connections.
#[derive(Debug, Serialize)]
pub(super) struct ClosedFirst {
    pub(super) proxy: u64,
    pub(super) backend: u64,
}

/// A value of a `split_clients` variable.
#[derive(Debug, Serialize)]
pub(super) struct SplitRow {
    pub(super) variable: String,
    pub(super) value: String,
    pub(super) given: u64,
}

/// Whether `connect()` of a socket with a range of its own takes all ports alike: so since Linux 6.8.
pub(super) fn searches_all_ports() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 8) && runtime::has_port_range()
}

/// Sockets and settings, read a moment ago.
#[derive(Debug, Default)]
pub(super) struct Kernel(Mutex<Option<(Instant, Host, Sockets)>>);

impl Kernel {
    fn read(&self) -> (Host, Sockets) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, host, sockets)) = &*last
            && at.elapsed() < FRESH
        {
            return (host.clone(), sockets.clone());
        }
        // A setting that cannot be read is Linux' default.
        let mut host = Host::read(&this_host()).unwrap_or_default();
        let [v4, v6] = ["tcp", "tcp6"]
            .map(|name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default());
        let sockets = sockets::group(&[&v4, &v6], &host);
        host.listening.clone_from(&sockets.listening);
        *last = Some((Instant::now(), host.clone(), sockets.clone()));
        (host, sockets)
    }
}

/// Looks. `has_cliff`: half of the ports are tried first.
pub(super) fn scrape(ledger: &Ledger, kernel: &Kernel, has_cliff: bool) -> Scrape {
    let counts = ledger.counts();
    let (host, sockets) = kernel.read();
    let mut opened: BTreeMap<(IpAddr, SocketAddr), u64> = BTreeMap::new();
    for (tuple, n) in counts.upstreams.values().flat_map(|u| &u.opened) {
        *opened.entry(*tuple).or_default() += n;
    }
    // Ports of connections from before this process started are taken as well.
    let peers: BTreeSet<SocketAddr> = opened.keys().map(|(_, peer)| *peer).collect();
    for tuple in sockets.outgoing.keys().filter(|(_, peer)| peers.contains(peer)) {
        opened.entry(*tuple).or_default();
    }
    let tuples = opened.into_iter().map(|(tuple, opened)| {
        tuple_row(tuple, opened, sockets.outgoing.get(&tuple).copied().unwrap_or_default(), &host, has_cliff)
    });
    Scrape {
        tuples: tuples.collect(),
        upstreams: counts.upstreams.iter().map(upstream_row).collect(),
        connects: runtime::RESULTS.into_iter().zip(counts.connects).collect(),
        closed_first: ClosedFirst { proxy: counts.closed_by_proxy, backend: counts.closed_by_peer },
        split: counts
            .given
            .iter()
            .map(|((variable, value), given)| SplitRow {
                variable: variable.clone(),
                value: value.clone(),
                given: *given,
            })
            .collect(),
        range: host.range.value,
        counts,
    }
}

fn tuple_row(
    (source, peer): (IpAddr, SocketAddr),
    opened: u64,
    uses: Use,
    host: &Host,
    has_cliff: bool,
) -> Tuple {
    let ports = host.ports();
    Tuple {
        source,
        peer,
        opened,
        established: uses.established,
        time_wait: uses.time_wait,
        syn_sent: uses.syn_sent,
        fin_wait2: uses.fin_wait2,
        used: uses.total(),
        total: ports.all,
        left: ports.all.saturating_sub(uses.total()),
        first_parity_left: ports.first_parity.saturating_sub(uses.first_parity),
        cliff: has_cliff.then_some(ports.first_parity),
        held: host.time_wait(peer.ip().is_loopback()),
    }
}

fn upstream_row((name, counts): (&String, &runtime::UpstreamCounts)) -> UpstreamRow {
    UpstreamRow {
        name: name.clone(),
        new: counts.new,
        reused: counts.reused,
        reuse_ratio: ratio(counts.reused, counts.new + counts.reused),
        idle: counts.idle.clone(),
        evicted: counts.evicted,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 53 bits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
