//! The cache of idle upstream connections (`ngx_http_upstream_keepalive_module`): one per upstream and worker.

use std::collections::VecDeque;
use std::task::Context;
use std::time::{Duration, Instant};

use super::peer::Address;
use super::stream::Stream;

/// A connection to an upstream, in use or idle.
#[derive(Debug)]
pub(crate) struct Upstreamed {
    pub(crate) stream: Stream,
    /// Requests it has carried.
    pub(crate) requests: u32,
    pub(crate) opened: Instant,
}

#[derive(Debug)]
struct Idle {
    connection: Upstreamed,
    address: Address,
    /// The location that opened it, compared with `keepalive … local`.
    tag: u32,
    until: Instant,
}

/// What the directives of the upstream say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) size: usize,
    pub(crate) local: bool,
    pub(crate) requests: u32,
    pub(crate) time: Duration,
    pub(crate) timeout: Duration,
}

/// The cache; the newest connection is last.
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    idle: VecDeque<Idle>,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, idle: VecDeque::new() }
    }

    /// The newest connection to a peer. Only the peer's address counts, as in nginx: not the local one.
    pub(crate) fn take(&mut self, address: &Address, tag: u32) -> Option<Upstreamed> {
        let local = self.limits.local;
        let found = self.idle.iter().rposition(|i| (!local || i.tag == tag) && i.address == *address)?;
        self.idle.remove(found).map(|idle| idle.connection)
    }

    /// Keeps a connection whose response was complete, unless a limit says otherwise; the oldest one makes room.
    /// Returns when it has to be looked at again.
    pub(crate) fn put(
        &mut self,
        connection: Upstreamed,
        address: &Address,
        tag: u32,
        cx: &mut Context<'_>,
    ) -> Option<Duration> {
        let now = Instant::now();
        let Limits { size, requests, time, timeout, .. } = self.limits;
        let is_spent = connection.requests >= requests
            || now.duration_since(connection.opened) > time
            || timeout.is_zero();
        if is_spent || connection.stream.poll_stir(cx).is_ready() {
            return None;
        }
        while self.idle.len() >= size {
            self.idle.pop_front();
        }
        self.idle.push_back(Idle { connection, address: address.clone(), tag, until: now + timeout });
        Some(timeout)
    }

    /// Closes what has been idle too long or was closed by the peer; returns when to look again.
    pub(crate) fn sweep(&mut self, cx: &mut Context<'_>) -> Option<Instant> {
        let now = Instant::now();
        self.idle.retain(|idle| idle.until > now && idle.connection.stream.poll_stir(cx).is_pending());
        self.idle.iter().map(|idle| idle.until).min()
    }

    /// Closes everything.
    pub(crate) fn clear(&mut self) {
        self.idle.clear();
    }
}
