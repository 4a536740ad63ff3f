//! Idle connections: how many a configuration can hold to each peer, and who is in danger when an upgrade adds some.

use std::collections::HashSet;

use super::flow::Flow;
use crate::model::{Config, Upstream};
use crate::reuse::Verdict;

/// Share of `worker_connections` from which on idle connections leave too few for requests.
const MUCH: f64 = 0.25;

/// Idle connections to one peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Address as logs show it, or name and port.
    pub name: String,
    /// All pools of all workers full of connections to it.
    pub most: u64,
    /// If the peers of each upstream get what their weights say.
    pub even: f64,
    /// The least `max_conns=` of its `server` lines; 0: none.
    pub max_conns: u32,
}

/// The idle connections of a configuration, at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Idle {
    /// In one worker: the pools that are used, together.
    pub each_worker: u64,
    /// Worker processes.
    pub workers: u32,
    /// `worker_connections`, of which each idle connection takes one.
    pub worker_connections: u32,
    /// In the order of the configuration.
    pub peers: Vec<Peer>,
}

/// Counts them. A pool to which no flow gives a connection back holds none.
pub fn idle(config: &Config, flows: &[Flow<'_>], workers: u32) -> Idle {
    let mut idle = Idle {
        each_worker: 0,
        workers,
        worker_connections: config.core.worker_connections.value,
        peers: Vec::new(),
    };
    let mut counted: HashSet<*const Upstream> = HashSet::new();
    let keeps = |flow: &&Flow<'_>| !matches!(flow.verdict, Verdict::NotReused(_));
    // Flows that keep nothing come last: their peers are listed with none.
    let (kept, others): (Vec<_>, Vec<_>) = flows.iter().partition(keeps);
    for flow in kept.into_iter().chain(others) {
        let Some(upstream) = flow.upstream.filter(|u| counted.insert(std::ptr::from_ref(*u))) else {
            continue;
        };
        let pool = upstream.pool().filter(|_| keeps(&flow)).map_or(0, |pool| u64::from(pool.size));
        idle.each_worker += pool;
        let all = pool * u64::from(workers);
        for destination in &flow.destinations {
            let limits = upstream.peers.iter().filter(|p| p.endpoint == destination.endpoint);
            let limit = limits.map(|p| p.max_conns).filter(|n| *n > 0).min().unwrap_or(0);
            #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
            idle.add(&destination.endpoint.to_string(), all, all as f64 * destination.share, limit);
        }
    }
    idle
}

impl Idle {
    /// A peer of several upstreams gets the connections of all.
    fn add(&mut self, name: &str, most: u64, even: f64, max_conns: u32) {
        match self.peers.iter_mut().find(|peer| peer.name == name) {
            Some(known) => {
                known.most += most;
                known.even += even;
                known.max_conns =
                    [known.max_conns, max_conns].into_iter().filter(|n| *n > 0).min().unwrap_or(0);
            }
            None => self.peers.push(Peer { name: name.to_owned(), most, even, max_conns }),
        }
    }

    /// Idle connections to a peer, at most.
    pub fn to(&self, name: &str) -> u64 {
        self.peers.iter().find(|peer| peer.name == name).map_or(0, |peer| peer.most)
    }
}

/// Whom the idle connections that an upgrade adds endanger, in words.
pub fn dangers(before: &Idle, after: &Idle) -> Vec<String> {
    let mut found = Vec::new();
    let all = f64::from(after.worker_connections.max(1));
    #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
    let share = after.each_worker as f64 / all;
    if after.each_worker > before.each_worker && share >= MUCH {
        found.push(format!(
            "this nginx: {} of the {} worker_connections of each worker can be idle connections to peers, {} before; \
             raise worker_connections to {}",
            after.each_worker,
            after.worker_connections,
            before.each_worker,
            u64::from(after.worker_connections) + after.each_worker
        ));
    }
    for peer in after.peers.iter().filter(|p| p.max_conns > 0 && p.most > before.to(&p.name)) {
        if peer.most > u64::from(peer.max_conns) {
            found.push(format!(
                "{}: max_conns={} does not bound idle connections; up to {} come on top, {} before",
                peer.name,
                peer.max_conns,
                peer.most,
                before.to(&peer.name)
            ));
        }
    }
    found
}
