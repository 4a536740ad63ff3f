//! The peers of an upstream with what is known of each, and the smooth weighted round robin that every method falls
//! back to (`ngx_http_upstream_round_robin.c`).

use crate::model::Peer;
use crate::runtime::upstream::balancer::{Attempt, Outcome};

/// A peer (`ngx_http_upstream_rr_peer_t`).
#[derive(Clone, Debug)]
pub(crate) struct PeerState {
    pub(super) backup: bool,
    pub(super) down: bool,
    pub(super) weight: i64,
    pub(super) effective_weight: i64,
    pub(super) current_weight: i64,
    max_fails: u32,
    fail_timeout: u64,
    max_conns: u32,
    pub(super) conns: u32,
    fails: u32,
    accessed: u64,
    checked: u64,
    /// Name of the peer for `sticky`.
    sid: Box<[u8]>,
    /// Only requests of known sessions.
    drains: bool,
}

/// All peers; backup ones among them.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(super) list: Vec<PeerState>,
    /// Only one primary peer: its failures do not count.
    pub(super) single: bool,
    /// Weight of the primary peers together, and their number.
    pub(super) total_weight: i64,
    pub(super) primaries: usize,
}

impl Peers {
    pub(super) fn new<'a>(peers: impl Iterator<Item = &'a Peer>) -> Self {
        let list: Vec<PeerState> = peers
            .map(|peer| PeerState {
                backup: peer.backup,
                down: peer.down || peer.drain,
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
                sid: Box::default(),
                drains: peer.drain,
            })
            .collect();
        let backups = list.iter().filter(|p| p.backup).count();
        let total_weight = list.iter().filter(|p| !p.backup).map(|p| p.weight).sum();
        Self { single: list.len() == 1 && backups == 0, total_weight, primaries: list.len() - backups, list }
    }

    /// Peers without parameters (`ngx_http_upstream_create_round_robin_peer`).
    pub(super) fn plain(count: usize) -> Self {
        let peer = |_| PeerState {
            backup: false,
            down: false,
            weight: 1,
            effective_weight: 1,
            current_weight: 0,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            conns: 0,
            fails: 0,
            accessed: 0,
            checked: 0,
            sid: Box::default(),
            drains: false,
        };
        let list: Vec<PeerState> = (0..count).map(peer).collect();
        Self { single: count == 1, total_weight: list.iter().map(|p| p.weight).sum(), primaries: count, list }
    }

    /// Takes over what is known of a peer.
    pub(crate) fn adopt(&mut self, to: usize, other: &mut Self, from: usize) {
        if let (Some(to), Some(from)) = (self.list.get_mut(to), other.list.get(from)) {
            to.clone_from(from);
        }
    }

    /// `ngx_http_upstream_tries`: backups count.
    pub(super) fn start(&self) -> Attempt {
        Attempt { tries: self.list.iter().filter(|p| !p.down).count().max(1), ..Attempt::default() }
    }

    /// Names the peers for `sticky`, in order.
    pub(crate) fn name(&mut self, names: impl Iterator<Item = Box<[u8]>>) {
        for (peer, name) in self.list.iter_mut().zip(names) {
            peer.sid = name;
        }
    }

    /// Name of a peer.
    pub(crate) fn sid(&self, i: usize) -> Box<[u8]> {
        self.list.get(i).map(|peer| peer.sid.clone()).unwrap_or_default()
    }

    /// The peer that the request asks for, if it may be asked (`ngx_http_upstream_get_rr_peer_by_sid`).
    pub(super) fn hinted(&self, attempt: &Attempt, now: u64) -> Option<usize> {
        let hint = attempt.hint.as_deref()?;
        let is_it = |peer: &PeerState| peer.backup == attempt.backup && *peer.sid == *hint;
        let found = self.list.iter().position(is_it)?;
        let peer = &self.list[found];
        ((!peer.down || peer.drains) && self.is_able(found, attempt, now)).then_some(found)
    }

    /// True if a peer may be asked in this attempt.
    pub(super) fn is_usable(&self, i: usize, attempt: &Attempt, now: u64) -> bool {
        let peer = &self.list[i];
        peer.backup == attempt.backup && !peer.down && self.is_able(i, attempt, now)
    }

    /// True if a peer has neither failed nor too many connections.
    fn is_able(&self, i: usize, attempt: &Attempt, now: u64) -> bool {
        let peer = &self.list[i];
        let is_disabled = peer.max_fails > 0
            && peer.fails >= peer.max_fails
            && now.saturating_sub(peer.checked) <= peer.fail_timeout;
        let is_full = peer.max_conns > 0 && peer.conns >= peer.max_conns;
        !is_disabled && !is_full && !attempt.tried.contains(&i)
    }

    /// The primary peer at a position of all weights laid side by side.
    pub(super) fn at_weight(&self, mut weight: i64) -> Option<usize> {
        self.list.iter().enumerate().filter(|(_, p)| !p.backup).find_map(|(i, peer)| {
            weight -= peer.weight;
            (weight < 0).then_some(i)
        })
    }

    /// Gives a peer to the attempt.
    pub(super) fn take(&mut self, i: usize, attempt: &mut Attempt, now: u64) -> usize {
        let peer = &mut self.list[i];
        peer.conns += 1;
        if now.saturating_sub(peer.checked) > peer.fail_timeout {
            peer.checked = now;
        }
        attempt.tried.push(i);
        i
    }

    /// The one whose turn it is among those that may be.
    pub(super) fn turn(&mut self, may: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        self.turn_of(None, may)
    }

    /// The same, and the turn goes to a given peer.
    fn turn_of(&mut self, given: Option<usize>, may: impl Fn(&Self, usize) -> bool) -> Option<usize> {
        let mut best: Option<usize> = None;
        let mut total = 0;
        for i in 0..self.list.len() {
            if !may(self, i) {
                continue;
            }
            let peer = &mut self.list[i];
            peer.current_weight += peer.effective_weight;
            total += peer.effective_weight;
            if peer.effective_weight < peer.weight {
                peer.effective_weight += 1;
            }
            let current = peer.current_weight;
            if best.is_none_or(|best| current > self.list[best].current_weight) {
                best = Some(i);
            }
        }
        let best = given.or(best)?;
        self.list[best].current_weight -= total;
        Some(best)
    }

    /// `ngx_http_upstream_get_round_robin_peer`
    pub(super) fn round_robin(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize> {
        if self.single {
            let is_hinted = self.hinted(attempt, now).is_some();
            let peer = &mut self.list[0];
            let is_full = peer.max_conns > 0 && peer.conns >= peer.max_conns;
            if !is_hinted && (peer.down || is_full) {
                return None;
            }
            peer.conns += 1;
            return Some(0);
        }
        let mut chosen = self.next(attempt, now);
        if chosen.is_none() && self.turns_to_backup(attempt) {
            chosen = self.next(attempt, now);
        }
        let chosen = chosen?;
        Some(self.take(chosen, attempt, now))
    }

    /// The peer that is asked for, else the one whose turn it is (`ngx_http_upstream_get_peer`).
    fn next(&mut self, attempt: &Attempt, now: u64) -> Option<usize> {
        let hinted = self.hinted(attempt, now);
        if let Some(i) = hinted {
            let group = self.list.iter().filter(|peer| peer.backup == attempt.backup);
            let total: i64 = group.map(|peer| peer.weight).sum();
            let peer = &self.list[i];
            // One request of a session in a row counts.
            if peer.current_weight <= peer.weight - total {
                return hinted;
            }
        }
        self.turn_of(hinted, |peers, i| peers.is_usable(i, attempt, now))
    }

    /// The primary peers are used up: the backup ones follow, if there are any and they had not their turn.
    pub(super) fn turns_to_backup(&self, attempt: &mut Attempt) -> bool {
        let turns = !attempt.backup && self.primaries < self.list.len();
        attempt.backup |= turns;
        turns
    }

    /// A peer has recovered: it has accepted a connection after its failure.
    pub(super) fn connected(&mut self, peer: usize) {
        if let Some(peer) = self.list.get_mut(peer)
            && peer.accessed < peer.checked
        {
            peer.fails = 0;
        }
    }

    /// `ngx_http_upstream_free_round_robin_peer`
    pub(super) fn free(&mut self, attempt: &mut Attempt, peer: usize, outcome: Outcome, now: u64) -> bool {
        let single = self.single;
        let Some(peer) = self.list.get_mut(peer) else { return false };
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
        } else if outcome == Outcome::Good && peer.accessed < peer.checked {
            peer.fails = 0;
        }
        attempt.tries = attempt.tries.saturating_sub(1);
        is_disabled
    }
}
