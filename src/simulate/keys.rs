//! Counts of different keys, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::report::DISTINCT_LIMIT;

/// Hasher for fingerprints, which are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Counts by fingerprint.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    counts: HashMap<u64, u64, BuildHasherDefault<IdentityHasher>>,
    /// Sum of the squared counts of dropped keys.
    squares: f64,
    /// Highest count of a dropped key.
    forgotten: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
impl Keys {
    #[inline]
    pub(super) fn add(&mut self, key: u64, times: u64) {
        *self.counts.entry(key).or_default() += times;
        if self.counts.len() > DISTINCT_LIMIT {
            self.forget();
        }
    }

    /// Makes room: drops the rare keys and keeps the frequent ones, which decide the spread.
    fn forget(&mut self) {
        while self.counts.len() > DISTINCT_LIMIT / 2 {
            self.forgotten += 1;
            let (most, squares) = (self.forgotten, &mut self.squares);
            self.counts.retain(|_, n| {
                let stays = *n > most;
                if !stays {
                    *squares += (*n * *n) as f64;
                }
                stays
            });
        }
    }

    pub(super) fn merge(&mut self, other: Keys) {
        self.squares += other.squares;
        self.forgotten = self.forgotten.max(other.forgotten);
        for (key, times) in other.counts {
            self.add(key, times);
        }
    }

    /// Number of keys; `None`: more than the limit.
    pub(super) fn distinct(&self) -> Option<u64> {
        (self.forgotten == 0).then_some(self.counts.len() as u64)
    }

    /// Sum of the squared counts.
    pub(super) fn squares(&self) -> f64 {
        self.squares + self.counts.values().map(|n| *n as f64 * *n as f64).sum::<f64>()
    }

    /// Requests of the most frequent key.
    pub(super) fn heaviest(&self) -> u64 {
        self.counts.values().copied().max().unwrap_or_default()
    }
}
