//! The ledger of upstream connections, which `ngxc run --metrics` shows: a page for each worker, kept across reloads.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::libc as c;

/// Results of wanting a connection; the first two are counted by upstream.
pub const RESULTS: [&str; 7] =
    ["new", "reused", "eaddrnotavail", "eaddrinuse", "refused", "timeout", "other"];

/// Upper bounds of the histogram of `connect()`, in nanoseconds: around 30 µs below the half-range cliff, milliseconds
/// above it.
pub const BOUNDS: [u64; 12] = [
    10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
    20_000_000, 50_000_000,
];

/// Addresses can come with requests; past so many of an upstream and worker the others are one.
const MOST_TUPLES: usize = 4096;

/// Name of upstreams in variables, which have no name in the configuration.
const FROM_REQUEST: &str = "(from the request)";

/// Kind of a failed connection, for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectFailure {
    NotAvailable = 2,
    InUse,
    Refused,
    TimedOut,
    Other,
}

impl ConnectFailure {
    /// The kind of an error of `connect()`.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(c::EADDRNOTAVAIL) => ConnectFailure::NotAvailable,
            Some(c::EADDRINUSE) => ConnectFailure::InUse,
            Some(c::ECONNREFUSED) => ConnectFailure::Refused,
            Some(c::ETIMEDOUT) => ConnectFailure::TimedOut,
            _ => ConnectFailure::Other,
        }
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Ledger {
    pages: Mutex<Vec<Arc<WorkerLedger>>>,
}

/// A worker's page.
#[derive(Debug, Default)]
pub(crate) struct WorkerLedger {
    /// By [`RESULTS`].
    missed: [AtomicU64; RESULTS.len()],
    syscalls: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
    closed_by_proxy: AtomicU64,
    closed_by_peer: AtomicU64,
    upstreams: Mutex<BTreeMap<String, Arc<UpstreamLedger>>>,
    given: Mutex<BTreeMap<(String, String), Arc<AtomicU64>>>,
}

/// Counts of an upstream by one worker.
#[derive(Debug, Default)]
pub(crate) struct UpstreamLedger {
    new: AtomicU64,
    pub(crate) reused: AtomicU64,
    pub(crate) idle: AtomicI64,
    pub(crate) evicted: AtomicU64,
    /// By source and peer; taken once a connection.
    opened: Mutex<BTreeMap<(IpAddr, SocketAddr), u64>>,
}

/// A panic elsewhere does not make counts wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WorkerLedger {
    /// The line of an upstream; the same one after a reload.
    pub(crate) fn upstream(&self, name: &str) -> Arc<UpstreamLedger> {
        Arc::clone(lock(&self.upstreams).entry(name.to_owned()).or_default())
    }

    /// The line of peers that only requests know.
    pub(crate) fn requested(&self) -> Arc<UpstreamLedger> {
        self.upstream(FROM_REQUEST)
    }

    /// The line of a value that `split_clients` can give to `proxy_bind`.
    pub(crate) fn value(&self, variable: &str, value: &str) -> Arc<AtomicU64> {
        Arc::clone(lock(&self.given).entry((variable.to_owned(), value.to_owned())).or_default())
    }

    pub(crate) fn missed(&self, why: ConnectFailure) {
        self.missed[why as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn syscall(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        self.syscalls[bucket].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(time, Relaxed);
    }

    pub(crate) fn closed(&self, by_peer: bool) {
        let counter = if by_peer { &self.closed_by_peer } else { &self.closed_by_proxy };
        counter.fetch_add(1, Relaxed);
    }
}

impl UpstreamLedger {
    /// A connection was opened; a unix socket has neither source nor port.
    pub(crate) fn opened(&self, tuple: Option<(IpAddr, SocketAddr)>) {
        self.new.fetch_add(1, Relaxed);
        let Some(tuple) = tuple else { return };
        let mut opened = lock(&self.opened);
        if opened.len() < MOST_TUPLES || opened.contains_key(&tuple) {
            *opened.entry(tuple).or_default() += 1;
        }
    }
}

/// An upstream's counts, of all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamCounts {
    /// Connections opened.
    pub new: u64,
    /// Requests that took an idle connection.
    pub reused: u64,
    /// Idle connections that had to make room for newer ones.
    pub evicted: u64,
    /// Idle connections, by worker.
    pub idle: Vec<i64>,
    /// Connections opened, by source and peer.
    pub opened: BTreeMap<(IpAddr, SocketAddr), u64>,
}

/// The ledger at one moment, all workers together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By [`RESULTS`].
    pub connects: [u64; RESULTS.len()],
    /// Calls of `connect()` up to each of [`BOUNDS`], not of those below it; the last ones took longer.
    pub syscalls: [u64; BOUNDS.len() + 1],
    /// Time spent in them.
    pub nanoseconds: u64,
    /// Connections that this side closed first, whose ports stay in `TIME_WAIT`.
    pub closed_by_proxy: u64,
    /// Connections that the peer closed first.
    pub closed_by_peer: u64,
    /// By name.
    pub upstreams: BTreeMap<String, UpstreamCounts>,
    /// Count of the values that a variable gave to `proxy_bind`.
    pub given: BTreeMap<(String, String), u64>,
}

impl Ledger {
    /// The page of a worker by its number; a reload goes on with it.
    pub(crate) fn worker(&self, number: usize) -> Arc<WorkerLedger> {
        let mut pages = lock(&self.pages);
        while pages.len() <= number {
            pages.push(Arc::default());
        }
        Arc::clone(&pages[number])
    }

    /// Adds everything up.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        for (number, page) in lock(&self.pages).iter().enumerate() {
            all.add(number, page);
        }
        all
    }
}

impl Counts {
    fn add(&mut self, number: usize, page: &WorkerLedger) {
        for (sum, counter) in self.connects.iter_mut().zip(&page.missed) {
            *sum += counter.load(Relaxed);
        }
        for (sum, counter) in self.syscalls.iter_mut().zip(&page.syscalls) {
            *sum += counter.load(Relaxed);
        }
        self.nanoseconds += page.nanoseconds.load(Relaxed);
        self.closed_by_proxy += page.closed_by_proxy.load(Relaxed);
        self.closed_by_peer += page.closed_by_peer.load(Relaxed);
        for (name, upstream) in lock(&page.upstreams).iter() {
            let counts = self.upstreams.entry(name.clone()).or_default();
            let (new, reused) = (upstream.new.load(Relaxed), upstream.reused.load(Relaxed));
            counts.new += new;
            counts.reused += reused;
            self.connects[0] += new;
            self.connects[1] += reused;
            counts.evicted += upstream.evicted.load(Relaxed);
            counts.idle.resize(number + 1, 0);
            counts.idle[number] = upstream.idle.load(Relaxed);
            for (tuple, opened) in lock(&upstream.opened).iter() {
                *counts.opened.entry(*tuple).or_default() += opened;
            }
        }
        for (value, counter) in lock(&page.given).iter() {
            *self.given.entry(value.clone()).or_default() += counter.load(Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_and_outlive_a_reload() {
        let ledger = Ledger::default();
        let tuple = ("10.0.0.1".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
        for worker in [0, 1, 1] {
            let page = ledger.worker(worker);
            page.upstream("a").opened(Some(tuple));
            page.upstream("a").reused.fetch_add(2, Relaxed);
            page.missed(ConnectFailure::of(&io::Error::from_raw_os_error(c::EADDRNOTAVAIL)));
            page.syscall(Duration::from_micros(15));
            page.value("source", "10.0.0.1").fetch_add(1, Relaxed);
        }
        let counts = ledger.counts();
        assert_eq!(counts.connects, [3, 6, 3, 0, 0, 0, 0]);
        assert_eq!((counts.syscalls[1], counts.nanoseconds), (3, 45_000));
        assert_eq!(counts.upstreams["a"].opened[&tuple], 3);
        assert_eq!(counts.upstreams["a"].idle, [0, 0]);
        assert_eq!(counts.given[&("source".to_owned(), "10.0.0.1".to_owned())], 3);
    }

    #[test]
    fn tuples_are_bounded() {
        let upstream = UpstreamLedger::default();
        for port in 0..u16::MAX {
            upstream.opened(Some(([10, 0, 0, 1].into(), ([10, 0, 0, 2], port).into())));
        }
        assert_eq!(lock(&upstream.opened).len(), MOST_TUPLES);
        assert_eq!(upstream.new.load(Relaxed), u64::from(u16::MAX));
    }
}
