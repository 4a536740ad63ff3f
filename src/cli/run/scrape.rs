//! One look: the ledger joined with the sockets and port settings of this network namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::cli::metrics::kernel::{Kernel, Tuple};
use crate::runtime::{self, Counts, Ledger};

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

/// Side that closed connections.
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

/// True if `connect()` of a socket with a range of its own takes all ports alike: so since Linux 6.8.
pub(super) fn searches_all_ports() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 8) && runtime::has_port_range()
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
    let ports = host.ports();
    let tuples = opened.into_iter().map(|(tuple, opened)| {
        let mut row = Tuple::new(
            tuple,
            opened,
            sockets.outgoing.get(&tuple).copied().unwrap_or_default(),
            &host,
            ports,
        );
        row.cliff = row.cliff.filter(|_| has_cliff);
        row
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
