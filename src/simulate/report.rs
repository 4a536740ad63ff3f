//! What a simulation counted.

use super::Ports;
use super::keys::Keys;
use crate::eval::Program;
use crate::eval::hash::fingerprint;

/// Different keys are counted up to this many.
pub const DISTINCT_LIMIT: usize = 1_000_000;
/// Malformed lines that are remembered.
pub const MALFORMED_KEPT: usize = 5;

/// How many different keys there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many.
    Exactly(u64),
    /// More than [`DISTINCT_LIMIT`].
    More,
    /// The population was too large to count them.
    NotCounted,
}

/// Keys by bucket.
#[derive(Clone, Debug)]
pub struct Report {
    /// Position of the `split_clients`.
    pub split: usize,
    /// Keys of each bucket.
    pub observed: Vec<u64>,
    /// Keys that no bucket took: the variable is empty.
    pub none: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The first of them: line number and what was expected.
    pub malformed_first: Vec<(u64, String)>,
    /// The key depends on ports that the population does not tell: they were chosen from this range.
    pub assumed_ports: Option<Ports>,
    keys: Option<Keys>,
}

impl Report {
    /// Nothing counted yet.
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

    /// An empty one of the same kind, for another thread.
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

    /// Adds what another thread counted.
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

    /// Each key came so often.
    pub(super) fn scale(&mut self, times: u64) {
        for n in self.observed.iter_mut().chain([&mut self.none]) {
            *n *= times;
        }
    }

    /// Keys in all.
    pub fn total(&self) -> u64 {
        self.observed.iter().sum::<u64>() + self.none
    }

    /// How many different keys.
    pub fn distinct(&self) -> Distinct {
        match &self.keys {
            None => Distinct::NotCounted,
            Some(keys) => keys.distinct().map_or(Distinct::More, Distinct::Exactly),
        }
    }

    /// Kish's effective sample size: so many equally frequent keys would spread as unevenly. A request is no
    /// independent draw when its key came before.
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
            // 64 bits of hash stand for the key: a million of them collide with a probability of 3 in 10^8.
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
