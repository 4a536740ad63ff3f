//! The upstreams of a worker: their state, which changes when names are resolved anew, and their idle connections.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::model::{Config, Upstream};
use crate::runtime::net::clock;
use crate::runtime::net::shared::Shared;
use crate::runtime::net::timer::{Timer, Timers};
use crate::runtime::upstream::balancer;
use crate::runtime::upstream::live::{self, ResolvingUpstream};
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::{Address, Resolved};
use crate::runtime::upstream::pool::{Pool, UpstreamConnection};
use crate::runtime::upstream::state::UpstreamState;

/// An upstream, and where its peers come from if they change.
struct Slot {
    state: RefCell<Rc<UpstreamState>>,
    live: Option<(Arc<ResolvingUpstream>, Cell<u64>)>,
}

/// All upstreams.
pub(crate) struct Upstreams {
    slots: Vec<Slot>,
    /// Woken by an event on an idle connection; `None` before [`Upstreams::watch`] runs.
    waker: RefCell<Option<Waker>>,
    timer: Timer,
    /// Next sweep of the idle connections; `None`: none is planned.
    look: Cell<Option<Instant>>,
}

impl Slot {
    fn new(
        config: &Arc<Config>,
        position: usize,
        upstream: &Upstream,
        peers: &[(usize, Resolved)],
        shared: &Shared,
        outgoing: &Outgoing,
    ) -> Self {
        let key = (Arc::as_ptr(config) as usize, position);
        if live::is_live(upstream) {
            let make = || Arc::new(ResolvingUpstream::new(upstream, live::first(shared, upstream, peers)));
            let live = shared.held(key, make);
            let (version, now) = (live.version(), live.now().clone());
            let state = UpstreamState::new(upstream, &now.peers, now.balancer, outgoing, shared);
            return Self { state: RefCell::new(Rc::new(state)), live: Some((live, Cell::new(version))) };
        }
        let make = || Arc::new(Mutex::new(balancer::of(upstream, peers)));
        // A `zone` is one for all workers of a configuration.
        let balancer = if upstream.zone.is_some() { shared.held(key, make) } else { make() };
        let state = UpstreamState::new(upstream, peers, balancer, outgoing, shared);
        Self { state: RefCell::new(Rc::new(state)), live: None }
    }
}

impl Upstreams {
    /// The upstreams of a configuration; `peers` has the addresses of each, with the position of their `server`.
    pub(crate) fn new(
        config: &Arc<Config>,
        peers: &[Vec<(usize, Resolved)>],
        shared: &Shared,
        outgoing: &Outgoing,
        timers: &Rc<Timers>,
    ) -> Self {
        let all = config.http.upstreams.iter().zip(peers).enumerate();
        let slots =
            all.map(|(at, (upstream, peers))| Slot::new(config, at, upstream, peers, shared, outgoing));
        Self {
            slots: slots.collect(),
            waker: RefCell::default(),
            timer: timers.timer(),
            look: Cell::new(None),
        }
    }

    /// The state of the upstream at a position, with the peers it has now.
    pub(crate) fn get(&self, at: usize) -> Rc<UpstreamState> {
        let slot = &self.slots[at];
        if let Some((live, seen)) = &slot.live
            && live.version() != seen.get()
        {
            seen.set(live.version());
            let now = live.now().clone();
            let mut state = slot.state.borrow_mut();
            *state = Rc::new(UpstreamState {
                name: state.name.clone(),
                peers: now.peers.into_iter().map(|(_, peer)| peer).collect(),
                balancer: now.balancer,
                key: state.key.clone(),
                sticky: state.sticky.clone(),
                pool: state.pool.clone(),
                ledger: state.ledger.clone(),
            });
        }
        Rc::clone(&slot.state.borrow())
    }

    /// The changing peers of the upstream at a position.
    pub(crate) fn live(&self, at: usize) -> Option<Arc<ResolvingUpstream>> {
        self.slots.get(at)?.live.as_ref().map(|(live, _)| Arc::clone(live))
    }

    fn pools(&self) -> impl Iterator<Item = Rc<RefCell<Pool>>> {
        self.slots.iter().filter_map(|slot| slot.state.borrow().pool.clone())
    }

    /// Closes all idle connections.
    pub(crate) fn clear(&self) {
        for pool in self.pools() {
            pool.borrow_mut().clear();
        }
    }

    /// Puts a connection into the pool of its upstream, or closes it if there is no room or no pool.
    pub(crate) fn keep(
        &self,
        upstream: &UpstreamState,
        connection: UpstreamConnection,
        address: &Address,
        tag: u32,
    ) {
        let Some(pool) = &upstream.pool else { return };
        let waker = self.waker.borrow();
        let Some(waker) = waker.as_ref() else { return };
        let Some(timeout) = pool.borrow_mut().put(connection, address, tag, &mut Context::from_waker(waker))
        else {
            return;
        };
        let look = clock::instant() + timeout;
        if self.look.get().is_none_or(|planned| look < planned) {
            self.look.set(Some(look));
            self.timer.set(timeout);
        }
    }

    /// Closes idle connections that were closed by the peer, or are too old; runs as long as the worker.
    pub(crate) async fn watch(&self) {
        poll_fn(|cx| {
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            let next = self.pools().filter_map(|pool| pool.borrow_mut().sweep(cx)).min();
            self.look.set(next);
            match next {
                Some(next) => self.timer.set(next.saturating_duration_since(Instant::now())),
                None => self.timer.clear(),
            }
            let _ = self.timer.poll(cx);
            Poll::<()>::Pending
        })
        .await;
    }
}
