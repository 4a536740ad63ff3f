//! The cache of idle upstream connections (`ngx_http_upstream_keepalive_module`): one per upstream and worker.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Context;
use std::time::{Duration, Instant};

use crate::runtime::net::clock;
use crate::runtime::net::ledger::{UpstreamLedger, WorkerLedger};
use crate::runtime::net::stream::Stream;
use crate::runtime::upstream::peer::Address;

/// A connection to an upstream, in use or idle.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    pub(crate) stream: Stream,
    /// Requests it has carried.
    pub(crate) requests: u32,
    pub(crate) opened: Instant,
    /// The address that `proxy_bind` asked for.
    pub(crate) source: Option<SocketAddr>,
    pub(crate) ledger: Option<Arc<WorkerLedger>>,
    /// TLS of the connection, if it has any.
    pub(crate) secure: Option<Rc<str>>,
}

impl Drop for UpstreamConnection {
    /// The side that closed first; every connection comes to this place.
    fn drop(&mut self) {
        if let Some(ledger) = &self.ledger
            && let Some(by_peer) = self.stream.is_closed_by_peer()
        {
            ledger.closed(by_peer);
        }
    }
}

/// Counts an idle connection as long as it is one.
#[derive(Debug)]
struct Counted(Option<Arc<UpstreamLedger>>);

impl Counted {
    fn new(ledger: Option<&Arc<UpstreamLedger>>) -> Self {
        if let Some(ledger) = ledger {
            ledger.idle.fetch_add(1, Relaxed);
        }
        Self(ledger.cloned())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(ledger) = &self.0 {
            ledger.idle.fetch_sub(1, Relaxed);
        }
    }
}

#[derive(Debug)]
struct Idle {
    connection: UpstreamConnection,
    address: Address,
    /// The location that opened it, compared with `keepalive … local`.
    tag: u32,
    until: Instant,
    _counted: Counted,
}

/// Limits by the directives of the upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) size: usize,
    pub(crate) local: bool,
    pub(crate) requests: u32,
    pub(crate) time: Duration,
    pub(crate) timeout: Duration,
    /// Only a connection from the address that `proxy_bind` asks for is taken (`--improve`).
    pub(crate) by_source: bool,
}

/// The cache; the newest connection is last.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    idle: VecDeque<Idle>,
    ledger: Option<Arc<UpstreamLedger>>,
}

impl Pool {
    pub(crate) fn new(limits: Limits, ledger: Option<Arc<UpstreamLedger>>) -> Self {
        Self { limits, idle: VecDeque::new(), ledger }
    }

    /// The newest connection to a peer. Only the peer's address counts, as in nginx: not the local one; but what was
    /// secured for one name is not used for another, or without TLS.
    pub(crate) fn take(
        &mut self,
        address: &Address,
        tag: u32,
        source: Option<SocketAddr>,
        secure: Option<&str>,
    ) -> Option<UpstreamConnection> {
        let Limits { local, by_source, .. } = self.limits;
        let fits = |i: &Idle| (!local || i.tag == tag) && (!by_source || i.connection.source == source);
        let found = self
            .idle
            .iter()
            .rposition(|i| fits(i) && i.address == *address && i.connection.secure.as_deref() == secure)?;
        self.idle.remove(found).map(|idle| idle.connection)
    }

    /// Keeps a connection whose response was complete, unless a limit says otherwise; the oldest one makes room.
    /// Returns when it has to be looked at again.
    pub(crate) fn put(
        &mut self,
        connection: UpstreamConnection,
        address: &Address,
        tag: u32,
        cx: &mut Context<'_>,
    ) -> Option<Duration> {
        let now = clock::instant();
        let Limits { size, requests, time, timeout, .. } = self.limits;
        let is_spent = connection.requests >= requests
            || now.duration_since(connection.opened) > time
            || timeout.is_zero();
        if is_spent || connection.stream.poll_idle_event(cx).is_ready() {
            return None;
        }
        while self.idle.len() >= size {
            self.idle.pop_front();
            if let Some(ledger) = &self.ledger {
                ledger.evicted.fetch_add(1, Relaxed);
            }
        }
        let counted = Counted::new(self.ledger.as_ref());
        let address = address.clone();
        self.idle.push_back(Idle { connection, address, tag, until: now + timeout, _counted: counted });
        Some(timeout)
    }

    /// Closes what has been idle too long or was closed by the peer; returns when to look again.
    pub(crate) fn sweep(&mut self, cx: &mut Context<'_>) -> Option<Instant> {
        let now = Instant::now();
        self.idle.retain(|idle| idle.until > now && idle.connection.stream.poll_idle_event(cx).is_pending());
        self.idle.iter().map(|idle| idle.until).min()
    }

    /// Closes everything.
    pub(crate) fn clear(&mut self) {
        self.idle.clear();
    }
}
