//! `random`: any peer by its weight, or the one of two with fewer connections
//! (`ngx_http_upstream_random_module.c`).

use std::hash::{BuildHasher, RandomState};

use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(super) struct Random {
    peers: Peers,
    two: bool,
    state: u64,
}

impl Random {
    pub(super) fn new(peers: Peers, two: bool) -> Self {
        // The seed of the standard library's hash maps is random.
        Self { peers, two, state: RandomState::new().hash_one(0u8) | 1 }
    }

    /// xorshift64*
    fn number(&mut self) -> i64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).cast_signed()
    }
}

impl Balancer for Random {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if attempt.misses > 20 || self.peers.primaries < 2 {
            return self.peers.round_robin(attempt, now);
        }
        if let Some(i) = self.peers.hinted(attempt, now) {
            return Some(self.peers.take(i, attempt, now));
        }
        let mut first: Option<usize> = None;
        loop {
            let number = self.number() % self.peers.total_weight;
            let found = self.peers.at_weight(number);
            if let Some(i) = found.filter(|i| first != Some(*i) && self.peers.is_usable(*i, attempt, now)) {
                match first {
                    None if self.two => {
                        first = Some(i);
                        continue;
                    }
                    None => return Some(self.peers.take(i, attempt, now)),
                    Some(other) => {
                        let list = &self.peers.list;
                        let is_busier = i64::from(list[i].conns) * list[other].weight
                            > i64::from(list[other].conns) * list[i].weight;
                        let less = if is_busier { other } else { i };
                        return Some(self.peers.take(less, attempt, now));
                    }
                }
            }
            if attempt.miss() {
                return self.peers.round_robin(attempt, now);
            }
        }
    }
}
