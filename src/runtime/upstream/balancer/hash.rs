//! `hash key`: compatible with `Cache::Memcached` (`ngx_http_upstream_hash_module.c`).

use std::io::Write;

use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(super) struct Hash {
    peers: Peers,
}

impl Hash {
    pub(super) fn new(peers: Peers) -> Self {
        Self { peers }
    }
}

impl Balancer for Hash {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if attempt.misses > 20 || self.peers.primaries < 2 || attempt.key.is_empty() {
            return self.peers.round_robin(attempt, now);
        }
        if let Some(i) = self.peers.hinted(attempt, now) {
            return Some(self.peers.take(i, attempt, now));
        }
        loop {
            let mut crc = !0;
            if attempt.rehash > 0 {
                let mut digits = Vec::new();
                // Writing to memory does not fail.
                let _ = write!(digits, "{}", attempt.rehash);
                crc = crc32(crc, &digits);
            }
            crc = !crc32(crc, &attempt.key);
            attempt.hash = attempt.hash.wrapping_add((crc >> 16) & 0x7fff);
            attempt.rehash += 1;
            let found = self.peers.at_weight(i64::from(attempt.hash) % self.peers.total_weight);
            if let Some(i) = found.filter(|i| self.peers.is_usable(*i, attempt, now)) {
                return Some(self.peers.take(i, attempt, now));
            }
            if attempt.miss() {
                return self.peers.round_robin(attempt, now);
            }
        }
    }
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut c = n as u32;
        let mut bit = 0;
        while bit < 8 {
            c = if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
            bit += 1;
        }
        table[n] = c;
        n += 1;
    }
    table
};

/// `ngx_crc32_update`: the state is not inverted at the end, as points of a ring go on from it.
pub(super) fn crc32(state: u32, data: &[u8]) -> u32 {
    data.iter().fold(state, |crc, byte| TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

#[cfg(test)]
mod tests {
    #[test]
    fn crc() {
        assert_eq!(!super::crc32(!0, b"123456789"), 0xcbf4_3926);
    }
}
