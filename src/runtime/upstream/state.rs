//! The state of an upstream: peers, balancer, pool, and the ledger that counts its connections.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Upstream;
use crate::runtime::net::ledger::UpstreamLedger;
use crate::runtime::net::shared::Shared;
use crate::runtime::upstream::balancer::round_robin::RoundRobin;
use crate::runtime::upstream::balancer::{Balancer, Key, SharedBalancer};
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Resolved;
use crate::runtime::upstream::pool::{Limits, Pool};
use crate::runtime::upstream::sticky::StickyState;

/// The state of an upstream in a worker.
pub(crate) struct UpstreamState {
    pub(crate) name: String,
    pub(crate) peers: Vec<Resolved>,
    pub(crate) balancer: SharedBalancer,
    /// The key that the balancer hashes.
    pub(crate) key: Key,
    pub(crate) sticky: Option<Rc<StickyState>>,
    pub(crate) pool: Option<Rc<RefCell<Pool>>>,
    pub(crate) ledger: Option<Arc<UpstreamLedger>>,
}

impl UpstreamState {
    /// The state of an upstream of the configuration.
    pub(crate) fn new(
        upstream: &Upstream,
        peers: &[(usize, Resolved)],
        balancer: SharedBalancer,
        outgoing: &Outgoing,
        shared: &Shared,
    ) -> Self {
        let ledger = outgoing.upstream(&upstream.name);
        let keepalive = &upstream.keepalive;
        let pool = upstream.pool().filter(|pool| pool.size > 0).map(|pool| {
            let limits = Limits {
                size: pool.size as usize,
                local: pool.local,
                requests: keepalive.requests.value,
                time: keepalive.time.value,
                timeout: keepalive.timeout.value,
                by_source: outgoing.improve,
            };
            Rc::new(RefCell::new(Pool::new(limits, ledger.clone())))
        });
        Self {
            name: upstream.name.clone(),
            peers: peers.iter().map(|(_, peer)| peer.clone()).collect(),
            balancer,
            key: Key::of(&upstream.balancer.value),
            sticky: StickyState::new(upstream, shared).map(Rc::new),
            pool,
            ledger,
        }
    }

    /// The balancer, locked: hold the guard for one call only.
    pub(crate) fn balancer(&self) -> MutexGuard<'_, Box<dyn Balancer + Send>> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upstream of a single request: `proxy_pass` with a host name in a variable.
    pub(crate) fn of(name: String, peers: Vec<Resolved>) -> Self {
        Self {
            balancer: Arc::new(Mutex::new(Box::new(RoundRobin::of(peers.len())))),
            peers,
            name,
            key: Key::None,
            sticky: None,
            pool: None,
            ledger: None,
        }
    }
}
