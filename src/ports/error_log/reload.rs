//! The last reload of an nginx that runs: which lines of its log are of the configuration before.

use std::collections::BTreeSet;

use super::line::Line;
use crate::ports::signal::Signal;

/// Processes that are remembered.
const MOST_PROCESSES: usize = 2000;

/// Seconds in which a worker that died is started again.
const AGAIN: i64 = 2;

/// The time of a reload, and the workers that it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// Seconds since 1970 of the local time that logs are written in.
    pub at: i64,
    /// The workers that run, by the numbers that logs have.
    pub workers: BTreeSet<u32>,
    /// Processes that wrote lines before.
    older: BTreeSet<u32>,
}

impl Reload {
    /// A reload at a time.
    pub fn new(at: i64, workers: impl IntoIterator<Item = u32>) -> Self {
        Self { at, workers: workers.into_iter().collect(), older: BTreeSet::new() }
    }

    /// True if a line is of the configuration before: it is older, or of a worker that was still ending.
    pub(super) fn is_before(&mut self, line: &Line<'_>) -> bool {
        if line.time < self.at {
            if self.older.len() < MOST_PROCESSES {
                self.older.insert(line.pid);
            }
            return true;
        }
        // Of the master in the second of the reload: an attempt before that nginx did not take.
        if line.connection.is_none() {
            return line.time == self.at && !self.workers.contains(&line.pid);
        }
        let is_of_old = line.time == self.at || self.older.contains(&line.pid);
        is_of_old && !self.workers.is_empty() && !self.workers.contains(&line.pid)
    }

    /// True if a line says that the workers are new because one died, and not because nginx was reloaded.
    pub(super) fn is_refuted(&self, line: &Line<'_>, signal: Signal) -> bool {
        signal == Signal::WorkerDied && (0..=AGAIN).contains(&(self.at - line.time))
    }
}
