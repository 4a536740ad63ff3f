//! `server name resolve`: peers whose addresses are asked for again and again
//! (`ngx_http_upstream_zone_module.c`). All workers share what is known; the first one asks.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::balancer;
use super::dns::Failure;
use super::peer::Address;
use super::shared::SharedBalancer;
use super::worker::{Resolved, Worker};
use crate::model::limit::Resolver;
use crate::model::log::Severity;
use crate::model::{Endpoint, Peer, Upstream};

/// A peer with the position of its `server`.
type Placed = (usize, Resolved);

/// The peers of an upstream as they are at the moment.
#[derive(Clone)]
pub(crate) struct Now {
    pub(crate) peers: Vec<Placed>,
    pub(crate) balancer: SharedBalancer,
}

/// An upstream with names that are resolved while the program runs.
pub(crate) struct Live {
    version: AtomicU64,
    now: Mutex<Now>,
}

impl Live {
    /// `peers` are those that were known before the first question.
    pub(crate) fn new(upstream: &Upstream, peers: Vec<Placed>) -> Self {
        let balancer = balancer_of(upstream, &peers);
        Self { version: AtomicU64::new(1), now: Mutex::new(Now { peers, balancer }) }
    }

    /// Changes whenever the peers do.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a name stands for now. Peers that stay keep their order and what is known of them.
    fn update(&self, upstream: &Upstream, at: usize, addresses: &[SocketAddr]) {
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
        *now = Now { peers, balancer };
        self.version.fetch_add(1, Ordering::Release);
    }
}

fn placed(at: usize, address: SocketAddr) -> Placed {
    (at, (Address::Inet(address), address.to_string()))
}

fn balancer_of(upstream: &Upstream, peers: &[Placed]) -> SharedBalancer {
    let list = peers.iter().map(|(at, _)| &upstream.peers[*at]);
    Arc::new(Mutex::new(balancer::new(&upstream.balancer.value, list)))
}

/// Whether names of the upstream are resolved while the program runs.
pub(crate) fn is_live(upstream: &Upstream) -> bool {
    upstream.peers.iter().any(|peer| peer.resolve)
}

fn name(peer: &Peer) -> Option<(&str, u16)> {
    match &peer.endpoint {
        Endpoint::Name(host, port) if peer.resolve => Some((host, *port)),
        _ => None,
    }
}

/// What is known before the first answer: addresses that are written, and those that names had before a reload
/// (`ngx_http_upstream_zone_preresolve`).
pub(crate) fn first(worker: &super::shared::Shared, upstream: &Upstream, fixed: &[Placed]) -> Vec<Placed> {
    let mut peers = fixed.to_vec();
    for (at, peer) in upstream.peers.iter().enumerate() {
        let Some((host, port)) = name(peer) else { continue };
        for ip in worker.names.known(&upstream.name, host) {
            let place = peers.partition_point(|(i, _)| *i <= at);
            peers.insert(place, placed(at, SocketAddr::new(ip, port)));
        }
    }
    peers
}

/// Starts to ask for the names of all upstreams; the tasks end with the worker.
pub(crate) fn watch(worker: &Rc<Worker>) {
    let config = Arc::clone(&worker.config);
    for (i, upstream) in config.http.upstreams.iter().enumerate().filter(|(_, u)| is_live(u)) {
        for (at, _) in upstream.peers.iter().enumerate().filter(|(_, peer)| name(peer).is_some()) {
            tokio::task::spawn_local(ask(Rc::clone(worker), i, at));
        }
    }
}

/// Asks for one name for ever (`ngx_http_upstream_zone_resolve_timer`).
async fn ask(worker: Rc<Worker>, upstream: usize, at: usize) {
    let config = Arc::clone(&worker.config);
    let Some(live) = worker.live(upstream) else { return };
    let upstream = &config.http.upstreams[upstream];
    let Some((host, port)) = name(&upstream.peers[at]) else { return };
    let (settings, timeout) = resolver(&config, upstream);
    let resolver = worker.resolver(&settings);
    loop {
        let found = tokio::time::timeout(timeout, resolver.resolve(&worker, host)).await;
        let wait = match found.unwrap_or(Err(Failure::TIMED_OUT)) {
            Ok(addresses) => {
                take(&worker, &live, upstream, at, (host, port), &addresses);
                // A second more than it holds: then the answer is not taken from what is kept.
                resolver.holds(host) + Duration::from_secs(1)
            }
            Err(failure) => {
                let message = format!("{host} could not be resolved ({})", failure.text());
                worker.error_log.write(Severity::Error, None, &message);
                if failure == Failure::NO_NAME {
                    take(&worker, &live, upstream, at, (host, port), &[]);
                    Duration::from_secs(1)
                } else {
                    timeout.max(Duration::from_secs(1))
                }
            }
        };
        tokio::time::sleep(wait).await;
    }
}

fn take(
    worker: &Worker,
    live: &Live,
    upstream: &Upstream,
    at: usize,
    (host, port): (&str, u16),
    addresses: &[IpAddr],
) {
    let with_port: Vec<_> = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    live.update(upstream, at, &with_port);
    worker.counters.shared.names.learn(&upstream.name, host, addresses);
}

/// The upstream's own resolver, or that of `http`.
fn resolver(config: &crate::model::Config, upstream: &Upstream) -> (Resolver, Duration) {
    let outer = config.http.settings.as_ref().map(|settings| &settings.limit);
    let settings = upstream.resolver.clone().or_else(|| Some(outer?.resolver.value.clone()));
    let timeout = upstream.resolver_timeout.or_else(|| Some(outer?.resolver_timeout.value));
    (settings.unwrap_or_default(), timeout.unwrap_or(Duration::from_secs(30)))
}
