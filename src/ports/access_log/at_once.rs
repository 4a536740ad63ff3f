//! Requests under way at once: how many were at peers in each hundredth of a second, from the ends and durations of a log.

use std::collections::{BTreeMap, VecDeque};

/// Milliseconds from one count to the next.
const STEP: i64 = 10;
/// Counts that still change: a minute, which is the longest duration that is taken in.
const WINDOW: i64 = 6000;
const STEPS: usize = 6000;
/// A count that is exceeded in less than this share of the busy time is a moment's accident.
const RARE: u64 = 100;

/// Requests under way, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct ConcurrencyCounter {
    /// The step of the first element of `changes`.
    first: i64,
    /// Requests that began less those that ended, by step.
    changes: VecDeque<i32>,
    /// Requests under way before the first step.
    open: i64,
    /// Steps by the number of requests under way; those with none are left out.
    counts: BTreeMap<i64, u64>,
}

impl ConcurrencyCounter {
    /// Takes in a request that ended at a time and had taken so long, in milliseconds. Lines come in the order of their
    /// ends, all but a few.
    pub(super) fn add(&mut self, end: i64, taken: i64) {
        let from = (end - taken.clamp(0, STEP * (WINDOW - 1))).div_euclid(STEP);
        let to = end.div_euclid(STEP);
        if self.changes.is_empty() {
            self.first = to - WINDOW + 1;
            self.changes.resize(STEPS, 0);
        }
        let last = self.first + WINDOW - 1;
        // Another log begins, or nobody asked for a minute.
        if to > last + WINDOW || to < self.first {
            self.settle(STEPS);
            (self.first, self.open) = (to - WINDOW + 1, 0);
        } else if to > last {
            self.settle(usize::try_from(to - last).unwrap_or(STEPS));
        }
        let mut change = |at: i64, by: i32| {
            if let Ok(position) = usize::try_from(at - self.first) {
                self.changes[position] += by;
            } else {
                self.open += i64::from(by);
            }
        };
        change(from, 1);
        change(to, -1);
    }

    /// Counts the oldest steps, which no later line changes.
    fn settle(&mut self, steps: usize) {
        for _ in 0..steps.min(STEPS) {
            self.open += i64::from(self.changes.pop_front().unwrap_or_default());
            self.changes.push_back(0);
            self.first += 1;
            if self.open > 0 {
                *self.counts.entry(self.open).or_default() += 1;
            }
        }
    }

    /// Requests under way, of which there were more in one hundredth of the busy time at most.
    pub(super) fn most(&self) -> Option<i64> {
        let mut all = self.clone();
        all.settle(STEPS);
        let sum: u64 = all.counts.values().sum();
        let mut left = sum / RARE;
        for (open, steps) in all.counts.iter().rev() {
            if *steps > left {
                return Some(*open);
            }
            left -= steps;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_are_counted_however_short_the_load_was() {
        let mut log = ConcurrencyCounter::default();
        assert_eq!(log.most(), None);
        // Sixteen clients, each of which asks four times, 40 ms each; then answers that take no time.
        for round in 1..=4 {
            for client in 0..16 {
                log.add(1_795_369_562_000 + round * 40 + client / 8, 40);
            }
        }
        for n in 0..9000 {
            log.add(1_795_369_562_200 + n / 10, 0);
        }
        assert_eq!(log.most(), Some(16));
        // Another log, from before; a moment of more in a long time does not count.
        for n in 0..2000 {
            log.add(1_795_369_000_000 + n * 50, 100);
        }
        for _ in 0..50 {
            log.add(1_795_369_100_000, 20);
        }
        assert_eq!(log.most(), Some(2));
    }
}
