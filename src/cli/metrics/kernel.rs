//! The sockets of a network namespace and its port settings, read at most every so often.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::exposition::Family;
use crate::cli::namespace::Namespace;
use crate::ports::Host;
use crate::ports::host::{NAMES, Ports};
use crate::ports::sockets::{self, ConnectionCount, Sockets};

/// Sockets are read at most this often, however many look: 28,000 of them take 0.15 s.
const FRESH: Duration = Duration::from_millis(400);

/// Sockets and settings, read a moment ago.
#[derive(Debug)]
pub(in crate::cli) struct Kernel {
    pub(in crate::cli) namespace: Namespace,
    last: Mutex<Option<(Instant, Host, Sockets)>>,
}

impl Kernel {
    /// Of this process, or of another one.
    pub(in crate::cli) fn of(pid: Option<u32>) -> Self {
        Self { namespace: Namespace::of(pid), last: Mutex::new(None) }
    }

    /// A file of the namespace, `net/tcp` for example; nothing if it cannot be read.
    pub(in crate::cli) fn file(&self, name: &str) -> String {
        self.namespace.file(name).unwrap_or_default()
    }

    /// Reads the kernel's numbers, unless they were read just now.
    pub(in crate::cli) fn read(&self) -> (Host, Sockets) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, host, sockets)) = &*last
            && at.elapsed() < FRESH
        {
            return (host.clone(), sockets.clone());
        }
        // A setting that cannot be read is Linux's default.
        let mut host = Host::read(&self.namespace.sysctls(&NAMES)).unwrap_or_default();
        let [v4, v6] = ["net/tcp", "net/tcp6"].map(|name| self.file(name));
        let sockets = sockets::group(&[&v4, &v6], &host);
        host.listening.clone_from(&sockets.listening);
        *last = Some((Instant::now(), host.clone(), sockets.clone()));
        (host, sockets)
    }
}

/// The ports of one source address towards one peer.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Tuple {
    pub(in crate::cli) source: IpAddr,
    pub(in crate::cli) peer: SocketAddr,
    pub(in crate::cli) opened: u64,
    pub(in crate::cli) established: u32,
    pub(in crate::cli) time_wait: u32,
    pub(in crate::cli) syn_sent: u32,
    pub(in crate::cli) fin_wait2: u32,
    pub(in crate::cli) used: u32,
    pub(in crate::cli) total: u32,
    pub(in crate::cli) left: u32,
    pub(in crate::cli) first_parity_left: u32,
    /// Number of used ports from which on `connect()` is slow; `None`: it never is.
    pub(in crate::cli) cliff: Option<u32>,
    /// Seconds for which a port stays in `TIME_WAIT`.
    pub(in crate::cli) held: f64,
}

impl Tuple {
    /// `opened`: connections that are known to have been opened. `ports` are those of `host`, which takes long to count.
    pub(in crate::cli) fn new(
        (source, peer): (IpAddr, SocketAddr),
        opened: u64,
        uses: ConnectionCount,
        host: &Host,
        ports: Ports,
    ) -> Self {
        Self {
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
            cliff: Some(ports.first_parity),
            held: host.time_wait(peer.ip().is_loopback()),
        }
    }

    /// One sample for each state, after the labels that come first.
    pub(in crate::cli) fn put_states(&self, first: &[(&str, &str)], f: &mut Family<'_>) {
        for (state, n) in [
            ("established", self.established),
            ("time_wait", self.time_wait),
            ("syn_sent", self.syn_sent),
            ("fin_wait2", self.fin_wait2),
        ] {
            self.put(first, &[("state", state)], n, f);
        }
    }

    /// A sample of this tuple.
    pub(in crate::cli) fn put(
        &self,
        first: &[(&str, &str)],
        last: &[(&str, &str)],
        value: impl std::fmt::Display,
        f: &mut Family<'_>,
    ) {
        let (src, dst) = (self.source.to_string(), self.peer.to_string());
        f.put(&[first, &[("src", &src), ("dst", &dst)], last].concat(), value);
    }
}
