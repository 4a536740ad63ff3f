//! `hash key consistent`: a ring of 160 points for each weight (`ngx_http_upstream_hash_module.c`).

use crate::runtime::upstream::balancer::hash::crc32;
use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(super) struct Consistent {
    peers: Peers,
    /// Points of the ring, by hash, with the positions of their names.
    points: Vec<(u32, u32)>,
    /// For each peer the position of the first peer of the same name.
    names: Vec<u32>,
}

impl Consistent {
    pub(super) fn new<'a>(peers: Peers, names: impl Iterator<Item = &'a str>) -> Self {
        let mut known: Vec<&str> = Vec::new();
        let mut own = Vec::new();
        let mut points = Vec::new();
        for (peer, name) in peers.list.iter().zip(names) {
            let at = known.iter().position(|other| *other == name).unwrap_or(known.len());
            if at == known.len() {
                known.push(name);
            }
            own.push(at as u32);
            let (host, port) = split(name);
            let base = crc32(crc32(crc32(!0, host.as_bytes()), b"\0"), port.as_bytes());
            let mut previous = 0u32;
            for _ in 0..peer.weight * 160 {
                previous = !crc32(base, &previous.to_le_bytes());
                points.push((previous, at as u32));
            }
        }
        points.sort_by_key(|(hash, _)| *hash);
        points.dedup_by_key(|(hash, _)| *hash);
        Self { peers, points, names: own }
    }
}

/// `crc32(HOST \0 PORT PREV_HASH)`, as `Cache::Memcached::Fast`.
fn split(name: &str) -> (&str, &str) {
    if let Some(prefix) = name.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("unix:")) {
        return (&name[prefix.len()..], "");
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}

impl Balancer for Consistent {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn start(&mut self, key: &[u8]) -> Attempt {
        let mut attempt = self.peers.start();
        attempt.key.extend_from_slice(key);
        let hash = !crc32(!0, key);
        attempt.hash = self.points.partition_point(|(point, _)| *point < hash) as u32;
        attempt
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        let is_out = attempt.misses > 20 || self.peers.single || attempt.key.is_empty();
        if is_out || self.points.is_empty() {
            return self.peers.round_robin(attempt, now);
        }
        if let Some(i) = self.peers.hinted(attempt, now) {
            return Some(self.peers.take(i, attempt, now));
        }
        loop {
            let (_, name) = self.points[attempt.hash as usize % self.points.len()];
            let names = &self.names;
            let may =
                |peers: &Peers, i: usize| names.get(i) == Some(&name) && peers.is_usable(i, attempt, now);
            if let Some(i) = self.peers.turn(may) {
                return Some(self.peers.take(i, attempt, now));
            }
            attempt.hash = attempt.hash.wrapping_add(1);
            if attempt.miss() {
                return self.peers.round_robin(attempt, now);
            }
        }
    }
}
