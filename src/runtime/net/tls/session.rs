//! Sessions that are resumed: tickets that the client keeps, and what a server keeps itself, both no longer than
//! `ssl_session_timeout`.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::server::{NoServerSessionStorage, ProducesTickets, StoresServerSessions};

use crate::runtime::net::shared::Shared;

/// A megabyte of `shared:name:size` holds about so many sessions, says nginx's documentation.
const PER_MEGABYTE: u64 = 4000;

/// Tickets, with the time they were made.
#[derive(Debug)]
pub(crate) struct Tickets {
    inner: Arc<dyn ProducesTickets>,
    timeout: Duration,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Tickets {
    pub(crate) fn new(timeout: Duration) -> Result<Self, rustls::Error> {
        Ok(Self { inner: rustls::crypto::aws_lc_rs::Ticketer::new()?, timeout })
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.inner.encrypt(&[&now().to_be_bytes()[..], plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let mut plain = self.inner.decrypt(cipher)?;
        let made = u64::from_be_bytes(plain.get(..8)?.try_into().ok()?);
        (now().saturating_sub(made) <= self.timeout.as_secs()).then(|| plain.split_off(8))
    }
}

#[derive(Debug, Default)]
struct StoredSession {
    sessions: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    order: VecDeque<Vec<u8>>,
}

/// Sessions that the server keeps, the oldest of which make room.
#[derive(Debug)]
pub(crate) struct Cache {
    kept: Mutex<StoredSession>,
    most: usize,
    timeout: Duration,
}

impl Cache {
    fn with<T>(&self, what: impl FnOnce(&mut StoredSession) -> T) -> T {
        what(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_valid(&self, made: u64) -> bool {
        now().saturating_sub(made) <= self.timeout.as_secs()
    }
}

impl StoresServerSessions for Cache {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.with(|kept| {
            while kept.order.len() >= self.most {
                if let Some(oldest) = kept.order.pop_front() {
                    kept.sessions.remove(&oldest);
                }
            }
            kept.order.push_back(key.clone());
            kept.sessions.insert(key, (now(), value));
        });
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let (made, value) = self.with(|kept| kept.sessions.get(key).cloned())?;
        self.is_valid(made).then_some(value)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        // The key stays in the order until it is the oldest.
        let (made, value) = self.with(|kept| kept.sessions.remove(key))?;
        self.is_valid(made).then_some(value)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Tickets; those of a zone go on with the same keys.
///
/// # Errors
/// There is no randomness for the keys.
pub(crate) fn tickets(
    timeout: Duration,
    zone: Option<&str>,
    shared: &Shared,
) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    let new = Tickets::new(timeout)?;
    Ok(match zone {
        Some(zone) => shared.kept(key(zone, timeout), || Arc::new(new)),
        None => Arc::new(new),
    })
}

fn key(zone: &str, timeout: Duration) -> Vec<u8> {
    format!("ssl_session_cache\n{}\n{zone}", timeout.as_secs()).into_bytes()
}

/// The session cache by `ssl_session_cache`; that of a zone is found again.
pub(crate) fn storage(
    words: &[String],
    timeout: Duration,
    zone: Option<&str>,
    shared: &Shared,
) -> Arc<dyn StoresServerSessions> {
    let mut most = 0;
    for word in words {
        if let Some(size) = word.strip_prefix("shared:").and_then(|rest| rest.rsplit_once(':')) {
            let bytes = crate::model::time::size(size.1.as_bytes()).unwrap_or(1 << 20);
            most = most.max(bytes.saturating_mul(PER_MEGABYTE) >> 20);
        } else if let Some(rest) = word.strip_prefix("builtin") {
            let number = rest.strip_prefix(':').and_then(|n| n.parse().ok());
            most = most.max(number.unwrap_or(20 * 1024));
        }
    }
    if most == 0 {
        return Arc::new(NoServerSessionStorage {});
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX).clamp(1, 1 << 20);
    let new = Arc::new(Cache { kept: Mutex::default(), most, timeout });
    match zone {
        Some(zone) => shared.kept(key(zone, timeout), || new),
        None => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_outlive_a_configuration() {
        let (shared, hour) = (Shared::default(), Duration::from_secs(3600));
        let words = ["shared:a:1m".to_owned()];
        let cache = |zone| storage(&words, hour, zone, &shared);
        assert!(cache(Some("a")).put(b"k".to_vec(), b"v".to_vec()));
        assert_eq!(cache(Some("a")).get(b"k"), Some(b"v".to_vec()));
        assert_eq!((cache(Some("b")).get(b"k"), cache(None).get(b"k")), (None, None));
        let with = |zone, timeout| tickets(timeout, zone, &shared).unwrap();
        let ticket = with(Some("a"), hour).encrypt(b"plain").unwrap();
        assert_eq!(with(Some("a"), hour).decrypt(&ticket), Some(b"plain".to_vec()));
        for (zone, timeout) in [(None, hour), (Some("b"), hour), (Some("a"), hour * 2)] {
            assert_eq!(with(zone, timeout).decrypt(&ticket), None, "{zone:?}");
        }
    }
}
