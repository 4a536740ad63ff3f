//! The zone of a `limit_conn_zone`: requests at a time for each key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::runtime::request::limit::NODE;

/// Number of requests of each key of a zone.
#[derive(Debug)]
pub(crate) struct ConnZone {
    counts: Mutex<HashMap<Box<[u8]>, u32>>,
    most: usize,
}

impl ConnZone {
    /// A zone of that many bytes.
    pub(crate) fn new(size: u64) -> Self {
        let most = usize::try_from(size / NODE).unwrap_or(usize::MAX).max(8);
        Self { counts: Mutex::default(), most }
    }

    /// Counts another connection; false if the limit is reached, or the zone has no room for another key.
    pub(crate) fn take(&self, key: &[u8], number: u32) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.len() >= self.most;
        match counts.get_mut(key) {
            Some(count) if *count >= number => false,
            Some(count) => {
                *count += 1;
                true
            }
            None if is_full => false,
            None => {
                counts.insert(key.into(), 1);
                true
            }
        }
    }
}

/// A request that is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct CountedRequest {
    pub(crate) zone: Arc<ConnZone>,
    pub(crate) key: Vec<u8>,
}

impl Drop for CountedRequest {
    fn drop(&mut self) {
        let mut counts = self.zone.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key[..]) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key[..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_back() {
        let zone = Arc::new(ConnZone::new(32 << 10));
        assert!(zone.take(b"a", 1) && !zone.take(b"a", 1) && zone.take(b"b", 1));
        drop(CountedRequest { zone: Arc::clone(&zone), key: b"a".to_vec() });
        assert!(zone.take(b"a", 1));
        assert_eq!(zone.counts.lock().unwrap().len(), 2);
    }
}
