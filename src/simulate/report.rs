//! Counts of a simulation.

use super::Ports;
use super::keys::Keys;
use crate::eval::Program;
use crate::eval::hash::fingerprint;

/// Largest number of different keys that is counted.
pub const DISTINCT_LIMIT: usize = 1_000_000;
/// Number of malformed lines that the report keeps.
pub const MALFORMED_KEPT: usize = 5;

/// Number of different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// Exact number.
    Exactly(u64),
    /// More than [`DISTINCT_LIMIT`].
    More,
    /// The population was too large to count different keys.
    NotCounted,
}

/// Keys by bucket.
#[derive(Clone, Debug)]
pub struct Report {
    /// Position of the `split_clients`.
    pub split: usize,
    /// Keys of each bucket.
    pub observed: Vec<u64>,
    /// Keys without a bucket: the variable is empty.
    pub none: u64,
    /// Malformed lines.
    pub malformed: u64,
    /// First malformed lines: line number and expected text.
    pub malformed_first: Vec<(u64, String)>,
    /// Range of ports that were assumed, if the key has a port that the population lacks.
    pub assumed_ports: Option<Ports>,
    keys: Option<Keys>,
}

impl Report {
    /// Report without any key.
    pub fn new(program: &Program, split: usize) -> Self {
        let buckets = program.config().http.split_clients[split].buckets.len();
        Self {
            split,
            observed: vec![0; buckets],
            none: 0,
            malformed: 0,
            malformed_first: Vec::new(),
            assumed_ports: None,
            keys: None,
        }
    }

    pub(super) fn count_distinct(&mut self, yes: bool) {
        self.keys = yes.then(Keys::default);
    }

    /// Empty report of the same kind, for another thread.
    pub(super) fn empty(&self) -> Self {
        Self {
            observed: vec![0; self.observed.len()],
            malformed_first: Vec::new(),
            none: 0,
            malformed: 0,
            keys: self.keys.as_ref().map(|_| Keys::default()),
            ..*self
        }
    }

    /// Adds the counts of another thread.
    pub(super) fn merge(&mut self, other: Report) {
        for (sum, n) in self.observed.iter_mut().zip(&other.observed) {
            *sum += n;
        }
        self.none += other.none;
        self.malformed += other.malformed;
        self.malformed_first.extend(other.malformed_first);
        self.malformed_first.sort();
        self.malformed_first.truncate(MALFORMED_KEPT);
        if let (Some(keys), Some(more)) = (&mut self.keys, other.keys) {
            keys.merge(more);
        }
    }

    /// Multiplies all counts, for keys that occur equally often.
    pub(super) fn scale(&mut self, times: u64) {
        for n in self.observed.iter_mut().chain([&mut self.none]) {
            *n *= times;
        }
    }

    /// Number of keys.
    pub fn total(&self) -> u64 {
        self.observed.iter().sum::<u64>() + self.none
    }

    /// Number of different keys.
    pub fn distinct(&self) -> Distinct {
        match &self.keys {
            None => Distinct::NotCounted,
            Some(keys) => keys.distinct().map_or(Distinct::More, Distinct::Exactly),
        }
    }

    /// Kish's effective sample size: the number of equally frequent keys with the same unevenness. A request whose key
    /// came before is not an independent draw.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
    pub fn effective(&self) -> f64 {
        let total = self.total() as f64;
        match &self.keys {
            Some(keys) if total > 0.0 => total * total / keys.squares().max(1.0),
            _ => total,
        }
    }

    /// Requests of the most frequent key.
    pub fn heaviest(&self) -> u64 {
        self.keys.as_ref().map_or(u64::from(self.total() > 0), Keys::heaviest)
    }

    #[inline]
    pub(super) fn add(&mut self, key: &[u8], bucket: Option<usize>) {
        match bucket {
            Some(bucket) => self.observed[bucket] += 1,
            None => self.none += 1,
        }
        if let Some(keys) = &mut self.keys {
            // A hash of 64 bits stands for the key: among a million keys, collisions have a probability of 3 in 10^8.
            keys.add(fingerprint(key), 1);
        }
    }

    pub(super) fn malformed(&mut self, line: u64, expected: impl FnOnce() -> String) {
        self.malformed += 1;
        if self.malformed_first.len() < MALFORMED_KEPT {
            self.malformed_first.push((line, expected()));
        }
    }
}
