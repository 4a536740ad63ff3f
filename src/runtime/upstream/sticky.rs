//! Sessions and their peers (`ngx_http_upstream_sticky_module.c`): all workers share them, and they stay over reloads.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::Upstream;
use crate::model::sticky::Sticky;
use crate::runtime::net::shared::Shared;

/// Bytes of the zone that a session takes, and pages that the zone itself takes.
const SESSION: u64 = 256;
const OWN: u64 = 8 << 10;

/// MD5 of a session's text.
pub(crate) type Session = [u8; 16];

#[derive(Debug, Default)]
struct SessionTable {
    /// Peer of each session, and the place of the session in `by_age`.
    sessions: HashMap<Session, (Box<[u8]>, (Instant, u64))>,
    by_age: BTreeMap<(Instant, u64), Session>,
    turn: u64,
}

/// The sessions of a zone.
#[derive(Debug)]
pub(crate) struct Sessions {
    most: usize,
    known: Mutex<SessionTable>,
}

impl Sessions {
    fn new(size: u64) -> Self {
        let most = usize::try_from(size.saturating_sub(OWN) / SESSION).unwrap_or(usize::MAX).max(1);
        Self { most, known: Mutex::default() }
    }

    /// The name of a session's peer.
    pub(crate) fn find(&self, session: &Session, timeout: Duration) -> Option<Box<[u8]>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.expire(timeout);
        known.sessions.get(session).map(|(peer, _)| peer.clone())
    }

    /// Notes the peer of a session; `creates`: also of one that is not known yet. The oldest session makes room: true.
    pub(crate) fn learn(&self, session: Session, peer: &[u8], creates: bool, timeout: Duration) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.expire(timeout);
        known.turn += 1;
        let age = (Instant::now(), known.turn);
        let mut is_full = false;
        if let Some((_, before)) = known.sessions.remove(&session) {
            known.by_age.remove(&before);
        } else if !creates {
            return false;
        } else if known.sessions.len() >= self.most {
            is_full = true;
            if let Some((_, oldest)) = known.by_age.pop_first() {
                known.sessions.remove(&oldest);
            }
        }
        known.by_age.insert(age, session);
        known.sessions.insert(session, (peer.into(), age));
        is_full
    }
}

impl SessionTable {
    fn expire(&mut self, timeout: Duration) {
        while let Some((age, session)) = self.by_age.first_key_value()
            && age.0.elapsed() >= timeout
        {
            self.sessions.remove(session);
            self.by_age.pop_first();
        }
    }
}

/// `sticky` of an upstream.
#[derive(Debug)]
pub(crate) struct StickyState {
    pub(crate) settings: Sticky,
    pub(crate) sessions: Option<Arc<Sessions>>,
}

impl StickyState {
    pub(crate) fn new(upstream: &Upstream, shared: &Shared) -> Option<Self> {
        let settings = upstream.sticky.clone()?;
        let sessions = match &settings {
            Sticky::Learn(learn) => {
                let key = [learn.zone.as_bytes(), b"\0", upstream.name.as_bytes()].concat();
                Some(shared.kept(key, || Arc::new(Sessions::new(learn.size))))
            }
            Sticky::Cookie(_) | Sticky::Route(_) => None,
        };
        Some(Self { settings, sessions })
    }
}

/// A request's part in it.
pub(crate) struct StickyRequest {
    pub(crate) state: Rc<StickyState>,
    /// Name of the peer, or of the session.
    pub(crate) id: Vec<u8>,
    /// Name of the chosen peer.
    pub(crate) peer: Box<[u8]>,
    /// The line with the cookie among those of the reply.
    pub(crate) line: Vec<u8>,
    pub(crate) is_learned: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_learned_and_forgotten() {
        let long = Duration::from_secs(100);
        let sessions = Sessions::new(OWN + 2 * SESSION);
        assert!(!sessions.learn([1; 16], b"a", false, long));
        assert_eq!(sessions.find(&[1; 16], long), None);
        sessions.learn([1; 16], b"a", true, long);
        sessions.learn([2; 16], b"b", true, long);
        sessions.learn([1; 16], b"c", false, long);
        assert_eq!(sessions.find(&[1; 16], long).as_deref(), Some(&b"c"[..]));
        assert!(sessions.learn([3; 16], b"d", true, long));
        assert_eq!(sessions.find(&[2; 16], long), None);
        assert_eq!(sessions.find(&[1; 16], Duration::ZERO), None);
        assert_eq!(sessions.find(&[3; 16], long), None);
    }
}
