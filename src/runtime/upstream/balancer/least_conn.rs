//! `least_conn`: the peer with the fewest connections for its weight (`ngx_http_upstream_least_conn_module.c`).

use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(super) struct LeastConn {
    peers: Peers,
}

impl LeastConn {
    pub(super) fn new(peers: Peers) -> Self {
        Self { peers }
    }

    fn choose(&mut self, attempt: &Attempt, now: u64) -> Option<usize> {
        let load = |peers: &Peers, a: usize, b: usize| i64::from(peers.list[a].conns) * peers.list[b].weight;
        let mut best: Option<usize> = None;
        let mut many = false;
        for i in (0..self.peers.list.len()).filter(|i| self.peers.is_usable(*i, attempt, now)) {
            let Some(least) = best else {
                best = Some(i);
                continue;
            };
            match load(&self.peers, i, least).cmp(&load(&self.peers, least, i)) {
                std::cmp::Ordering::Less => (best, many) = (Some(i), false),
                std::cmp::Ordering::Equal => many = true,
                std::cmp::Ordering::Greater => {}
            }
        }
        let least = best?;
        if !many {
            return best;
        }
        // Among equals it is the turn of one.
        self.peers.turn(|peers, i| {
            i >= least && peers.is_usable(i, attempt, now) && load(peers, i, least) == load(peers, least, i)
        })
    }
}

impl Balancer for LeastConn {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if self.peers.single {
            return self.peers.round_robin(attempt, now);
        }
        let mut chosen = self.peers.hinted(attempt, now).or_else(|| self.choose(attempt, now));
        if chosen.is_none() && self.peers.turns_to_backup(attempt) {
            chosen = self.peers.hinted(attempt, now).or_else(|| self.choose(attempt, now));
        }
        let chosen = chosen?;
        Some(self.peers.take(chosen, attempt, now))
    }
}
