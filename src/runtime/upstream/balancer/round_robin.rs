//! Smooth weighted round robin (`ngx_http_upstream_round_robin.c`).

use crate::model::Peer;
use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::{Attempt, Balancer};

/// The balancer.
#[derive(Debug)]
pub(crate) struct RoundRobin {
    peers: Peers,
}

impl RoundRobin {
    /// A balancer of these peers.
    pub(crate) fn new<'a>(peers: impl Iterator<Item = &'a Peer>) -> Self {
        Self { peers: Peers::new(peers) }
    }

    /// The balancer of addresses that nothing is known of.
    pub(crate) fn of(count: usize) -> Self {
        Self { peers: Peers::plain(count) }
    }
}

impl Balancer for RoundRobin {
    fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        self.peers.round_robin(attempt, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;
    use crate::runtime::upstream::balancer::Outcome;
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
                resolve: false,
                route: String::new(),
                drain: false,
                span,
            })
            .collect();
        RoundRobin::new(peers.iter())
    }

    fn take(balancer: &mut RoundRobin, now: u64) -> Option<usize> {
        let mut attempt = balancer.start(b"");
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
        let mut attempt = balancer.start(b"");
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
        let mut attempt = single.start(b"");
        let peer = single.get(&mut attempt, 100).unwrap();
        assert!(!single.free(&mut attempt, peer, Outcome::Failed, 100));
        assert_eq!(take(&mut single, 100), Some(0));
    }

    #[test]
    fn a_peer_that_was_not_asked_has_not_recovered() {
        let mut balancer = peers(&[(1, false), (1, false)]);
        let mut attempt = balancer.start(b"");
        for _ in 0..2 {
            let peer = balancer.get(&mut attempt, 100).unwrap();
            balancer.free(&mut attempt, peer, Outcome::Failed, 100);
        }
        let mut attempt = balancer.start(b"");
        let unasked = balancer.get(&mut attempt, 111).unwrap();
        assert!(!balancer.free(&mut attempt, unasked, Outcome::Unasked, 111));
        let taken: Vec<_> = (0..4).map(|_| take(&mut balancer, 112)).collect();
        assert_eq!(taken, [Some(1 - unasked); 4]);
    }
}
