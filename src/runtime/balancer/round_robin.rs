//! Smooth weighted round robin (`ngx_http_upstream_round_robin.c`).

use super::{Attempt, Balancer, Outcome};
use crate::model::Peer;

#[derive(Debug)]
struct State {
    backup: bool,
    down: bool,
    weight: i64,
    effective_weight: i64,
    current_weight: i64,
    max_fails: u32,
    fail_timeout: u64,
    max_conns: u32,
    conns: u32,
    fails: u32,
    accessed: u64,
    checked: u64,
}

/// The balancer.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    peers: Vec<State>,
    /// Only one primary peer: its failures do not count.
    single: bool,
}

impl RoundRobin {
    /// A balancer of these peers.
    pub(crate) fn new<'a>(peers: impl Iterator<Item = &'a Peer>) -> Self {
        let peers: Vec<State> = peers
            .map(|peer| State {
                backup: peer.backup,
                down: peer.down,
                weight: i64::from(peer.weight),
                effective_weight: i64::from(peer.weight),
                current_weight: 0,
                max_fails: peer.max_fails,
                fail_timeout: peer.fail_timeout.as_secs(),
                max_conns: peer.max_conns,
                conns: 0,
                fails: 0,
                accessed: 0,
                checked: 0,
            })
            .collect();
        let backups = peers.iter().filter(|p| p.backup).count();
        Self { single: peers.len() == 1 && backups == 0, peers }
    }

    /// The balancer of one peer.
    pub(crate) fn single() -> Self {
        let peer = State {
            backup: false,
            down: false,
            weight: 1,
            effective_weight: 1,
            current_weight: 0,
            max_fails: 0,
            fail_timeout: 0,
            max_conns: 0,
            conns: 0,
            fails: 0,
            accessed: 0,
            checked: 0,
        };
        Self { single: true, peers: vec![peer] }
    }

    fn choose(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        let mut best: Option<usize> = None;
        let mut total = 0;
        for i in 0..self.peers.len() {
            let peer = &mut self.peers[i];
            let is_disabled = peer.max_fails > 0
                && peer.fails >= peer.max_fails
                && now.saturating_sub(peer.checked) <= peer.fail_timeout;
            let is_full = peer.max_conns > 0 && peer.conns >= peer.max_conns;
            if peer.backup != attempt.backup
                || peer.down
                || is_disabled
                || is_full
                || attempt.tried.contains(&i)
            {
                continue;
            }
            peer.current_weight += peer.effective_weight;
            total += peer.effective_weight;
            if peer.effective_weight < peer.weight {
                peer.effective_weight += 1;
            }
            let current = peer.current_weight;
            if best.is_none_or(|best| current > self.peers[best].current_weight) {
                best = Some(i);
            }
        }
        let best = best?;
        let peer = &mut self.peers[best];
        peer.current_weight -= total;
        if now.saturating_sub(peer.checked) > peer.fail_timeout {
            peer.checked = now;
        }
        attempt.tried.push(best);
        Some(best)
    }
}

impl Balancer for RoundRobin {
    fn start(&self) -> Attempt {
        // `ngx_http_upstream_tries`: backups count.
        Attempt { tries: self.peers.iter().filter(|p| !p.down).count().max(1), ..Attempt::default() }
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if self.single {
            let peer = &mut self.peers[0];
            if peer.down || (peer.max_conns > 0 && peer.conns >= peer.max_conns) {
                return None;
            }
            peer.conns += 1;
            return Some(0);
        }
        let mut chosen = self.choose(attempt, now);
        if chosen.is_none() && !attempt.backup && self.peers.iter().any(|p| p.backup) {
            attempt.backup = true;
            chosen = self.choose(attempt, now);
        }
        let chosen = chosen?;
        self.peers[chosen].conns += 1;
        Some(chosen)
    }

    fn free(&mut self, attempt: &mut Attempt, peer: usize, outcome: Outcome, now: u64) -> bool {
        let single = self.single;
        let peer = &mut self.peers[peer];
        peer.conns = peer.conns.saturating_sub(1);
        if single {
            peer.fails = 0;
            attempt.tries = 0;
            return false;
        }
        let mut is_disabled = false;
        if outcome == Outcome::Failed {
            peer.fails += 1;
            peer.accessed = now;
            peer.checked = now;
            if peer.max_fails > 0 {
                peer.effective_weight -= peer.weight / i64::from(peer.max_fails);
                is_disabled = peer.fails >= peer.max_fails;
            }
            peer.effective_weight = peer.effective_weight.max(0);
        } else if peer.accessed < peer.checked {
            peer.fails = 0;
        }
        attempt.tries = attempt.tries.saturating_sub(1);
        is_disabled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;
    use std::time::Duration;

    fn peers(weights: &[(u32, bool)]) -> RoundRobin {
        let mut sources = crate::source::SourceMap::default();
        let span = crate::source::Span::new(sources.add("t", *b"x"), 0, 1);
        let peers: Vec<Peer> = weights
            .iter()
            .map(|(weight, backup)| Peer {
                endpoint: Endpoint::Unix(String::new()),
                name: String::new(),
                weight: *weight,
                max_fails: 1,
                fail_timeout: Duration::from_secs(10),
                max_conns: 0,
                backup: *backup,
                down: false,
                span,
            })
            .collect();
        RoundRobin::new(peers.iter())
    }

    fn take(balancer: &mut RoundRobin, now: u64) -> Option<usize> {
        let mut attempt = balancer.start();
        let peer = balancer.get(&mut attempt, now)?;
        balancer.free(&mut attempt, peer, Outcome::Good, now);
        Some(peer)
    }

    #[test]
    fn smooth() {
        let mut balancer = peers(&[(5, false), (1, false), (1, false)]);
        let order: Vec<_> = (0..7).filter_map(|_| take(&mut balancer, 100)).collect();
        assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn failures_and_backup() {
        let mut balancer = peers(&[(1, false), (1, false), (1, true)]);
        let mut attempt = balancer.start();
        assert_eq!(attempt.tries, 3);
        for expected in [0, 1, 2] {
            assert_eq!(balancer.get(&mut attempt, 100), Some(expected));
            assert!(balancer.free(&mut attempt, expected, Outcome::Failed, 100));
        }
        assert_eq!((attempt.tries, balancer.get(&mut attempt, 100)), (0, None));
        assert_eq!(take(&mut balancer, 105), None);
        // The first one still owes the weight of its last turn.
        assert_eq!(take(&mut balancer, 111), Some(1));
        let mut single = peers(&[(1, false)]);
        let mut attempt = single.start();
        let peer = single.get(&mut attempt, 100).unwrap();
        assert!(!single.free(&mut attempt, peer, Outcome::Failed, 100));
        assert_eq!(take(&mut single, 100), Some(0));
    }
}
