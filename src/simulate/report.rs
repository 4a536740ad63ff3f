//! What a simulation counted.

use std::collections::HashSet;

use super::population::Ports;
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
    pub malformed_first: Vec<(u64, &'static str)>,
    /// The key depends on ports that the population does not tell: they were chosen from this range.
    pub assumed_ports: Option<Ports>,
    keys: HashSet<u64>,
    distinct: Distinct,
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
            keys: HashSet::new(),
            distinct: Distinct::NotCounted,
        }
    }

    pub(super) fn count_distinct(&mut self, yes: bool) {
        self.distinct = if yes { Distinct::Exactly(0) } else { Distinct::NotCounted };
    }

    /// Keys in all.
    pub fn total(&self) -> u64 {
        self.observed.iter().sum::<u64>() + self.none
    }

    /// How many different keys.
    pub fn distinct(&self) -> Distinct {
        self.distinct
    }

    #[inline]
    pub(super) fn add(&mut self, key: &[u8], bucket: Option<usize>) {
        match bucket {
            Some(bucket) => self.observed[bucket] += 1,
            None => self.none += 1,
        }
        if let Distinct::Exactly(_) = self.distinct {
            // 64 bits of hash stand for the key: a million of them collide with a probability of 3 in 10^8.
            self.keys.insert(fingerprint(key));
            self.distinct = Distinct::Exactly(self.keys.len() as u64);
            if self.keys.len() > DISTINCT_LIMIT {
                self.keys = HashSet::new();
                self.distinct = Distinct::More;
            }
        }
    }

    pub(super) fn malformed(&mut self, line: u64, expected: &'static str) {
        self.malformed += 1;
        if self.malformed_first.len() < MALFORMED_KEPT {
            self.malformed_first.push((line, expected));
        }
    }
}
