//! `ip_hash`: the first three bytes of an IPv4 address, or all of an IPv6 address, decide
//! (`ngx_http_upstream_ip_hash_module.c`).

use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(super) struct IpHash {
    peers: Peers,
}

impl IpHash {
    pub(super) fn new(peers: Peers) -> Self {
        Self { peers }
    }
}

impl Balancer for IpHash {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn start(&mut self, key: &[u8]) -> Attempt {
        let mut attempt = self.peers.start();
        attempt.key.extend_from_slice(if key.len() == 4 { &key[..3] } else { key });
        attempt.hash = 89;
        attempt
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if attempt.misses > 20 || self.peers.primaries < 2 {
            return self.peers.round_robin(attempt, now);
        }
        if let Some(i) = self.peers.hinted(attempt, now) {
            return Some(self.peers.take(i, attempt, now));
        }
        let mut hash = attempt.hash;
        loop {
            hash = attempt.key.iter().fold(hash, |hash, byte| (hash * 113 + u32::from(*byte)) % 6271);
            let found = self.peers.at_weight(i64::from(hash) % self.peers.total_weight);
            if let Some(i) = found.filter(|i| self.peers.is_usable(*i, attempt, now)) {
                attempt.hash = hash;
                return Some(self.peers.take(i, attempt, now));
            }
            if attempt.miss() {
                return self.peers.round_robin(attempt, now);
            }
        }
    }
}
