//! `server name resolve`: peers whose addresses are asked for again and again
//! (`ngx_http_upstream_zone_module.c`). All workers share what is known; the first one asks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Endpoint, Peer, Upstream};
use crate::runtime::net::shared::Shared;
use crate::runtime::upstream::balancer::{self, SharedBalancer};
use crate::runtime::upstream::names::Names;
use crate::runtime::upstream::peer::{Address, Resolved};

/// A peer with the position of its `server`.
type Placed = (usize, Resolved);

/// The peers of an upstream as they are at the moment.
#[derive(Clone)]
pub(crate) struct CurrentPeers {
    pub(crate) peers: Vec<Placed>,
    pub(crate) balancer: SharedBalancer,
}

/// An upstream with names that are resolved while the program runs.
pub(crate) struct ResolvingUpstream {
    version: AtomicU64,
    now: Mutex<CurrentPeers>,
}

impl ResolvingUpstream {
    /// `peers` are those that were known before the first question.
    pub(crate) fn new(upstream: &Upstream, peers: Vec<Placed>) -> Self {
        let balancer = balancer_of(upstream, &peers);
        Self { version: AtomicU64::new(1), now: Mutex::new(CurrentPeers { peers, balancer }) }
    }

    /// Changes whenever the peers do.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, CurrentPeers> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a name stands for now. Peers that stay keep their order and what is known of them.
    pub(crate) fn update(&self, upstream: &Upstream, at: usize, addresses: &[SocketAddr]) {
        let mut now = self.now();
        let is_new = |address: &SocketAddr, known: &[Placed]| {
            !known.iter().any(|(i, (known, _))| *i == at && *known == Address::Inet(*address))
        };
        let stays = |(i, (address, _)): &Placed| match address {
            Address::Inet(address) => *i != at || addresses.contains(address),
            Address::Unix(_) => true,
        };
        let mut peers: Vec<Placed> = now.peers.iter().filter(|peer| stays(peer)).cloned().collect();
        let count = peers.len();
        for address in addresses {
            if is_new(address, &peers) {
                let place = peers.partition_point(|(i, _)| *i <= at);
                peers.insert(place, placed(at, *address));
            }
        }
        if count == now.peers.len() && count == peers.len() {
            return;
        }
        let balancer = balancer_of(upstream, &peers);
        {
            let mut new = balancer.lock().unwrap_or_else(PoisonError::into_inner);
            let mut old = now.balancer.lock().unwrap_or_else(PoisonError::into_inner);
            for (to, peer) in peers.iter().enumerate() {
                if let Some(from) = now.peers.iter().position(|known| known == peer) {
                    new.peers().adopt(to, old.peers(), from);
                }
            }
        }
        *now = CurrentPeers { peers, balancer };
        self.version.fetch_add(1, Ordering::Release);
    }
}

fn placed(at: usize, address: SocketAddr) -> Placed {
    (at, (Address::Inet(address), address.to_string()))
}

fn balancer_of(upstream: &Upstream, peers: &[Placed]) -> SharedBalancer {
    Arc::new(Mutex::new(balancer::of(upstream, peers)))
}

/// True if names of the upstream are resolved while the program runs.
pub(crate) fn is_live(upstream: &Upstream) -> bool {
    upstream.peers.iter().any(|peer| peer.resolve)
}

/// Host and port of a peer whose name is resolved again and again.
pub(crate) fn name(peer: &Peer) -> Option<(&str, u16)> {
    match &peer.endpoint {
        Endpoint::Name(host, port) if peer.resolve => Some((host, *port)),
        _ => None,
    }
}

/// Peers before the first answer: addresses that are written, and those that names had before a reload
/// (`ngx_http_upstream_zone_preresolve`).
pub(crate) fn first(shared: &Shared, upstream: &Upstream, fixed: &[Placed]) -> Vec<Placed> {
    let names = Names::of(shared);
    let mut peers = fixed.to_vec();
    for (at, peer) in upstream.peers.iter().enumerate() {
        let Some((host, port)) = name(peer) else { continue };
        for ip in names.known(&upstream.name, host) {
            let place = peers.partition_point(|(i, _)| *i <= at);
            peers.insert(place, placed(at, SocketAddr::new(ip, port)));
        }
    }
    peers
}
