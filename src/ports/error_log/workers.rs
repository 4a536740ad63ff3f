//! Lines of an error log by worker: workers that came with a reload, and those that were about to end.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use crate::ports::dates::step;
use crate::ports::signal::Signal;

/// Processes that are distinguished; a host that restarts nginx each minute has as many in a day.
const MOST_PROCESSES: usize = 2000;

/// Messages of workers by process, and what the log itself says of processes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// Messages about connections, by process, second and kind.
    seconds: BTreeMap<u32, BTreeMap<i64, BTreeMap<Signal, u32>>>,
    /// Seconds that are distinguished.
    known: usize,
    /// Processes that said `gracefully shutting down`.
    ending: BTreeSet<u32>,
    /// Start of each process, if the log is of level notice.
    started: BTreeMap<u32, i64>,
    /// Begin of the last reload or start, if the log is of level notice.
    pub reloaded: Option<i64>,
}

impl Workers {
    /// Takes a line in.
    pub(super) fn add(&mut self, line: &Line<'_>, signal: Signal) {
        if line.message.starts_with("gracefully shutting down") {
            self.ending.insert(line.pid);
        }
        let started = line.message.strip_prefix("start worker process ").and_then(|pid| pid.parse().ok());
        if let Some(pid) = started.filter(|_| self.started.len() < MOST_PROCESSES) {
            self.started.insert(pid, line.time);
        }
        if started.is_some() || line.message.starts_with("reconfiguring") {
            self.reloaded = self.reloaded.max(Some(line.time));
        }
        let is_known = self.seconds.contains_key(&line.pid) || self.seconds.len() < MOST_PROCESSES;
        if signal == Signal::Other || line.connection.is_none() || line.pid == 0 || !is_known {
            return;
        }
        let seconds = self.seconds.entry(line.pid).or_default();
        let step = step(self.known, line.time);
        self.known += usize::from(!seconds.contains_key(&step));
        *seconds.entry(step).or_default().entry(signal).or_default() += 1;
    }

    /// Processes that are older than a time by the log: they had connections before, or had begun to shut down.
    pub fn before(&self, time: i64) -> BTreeSet<u32> {
        let of_before = |(pid, seconds): (&u32, &BTreeMap<i64, _>)| {
            seconds.first_key_value().is_some_and(|(first, _)| *first < time).then_some(*pid)
        };
        let found = self.seconds.iter().filter_map(of_before).chain(self.ending.iter().copied());
        found.filter(|pid| !self.is_started(*pid, time)).collect()
    }

    /// True if the log has the start of a process at `time` or later: the process may reuse the number of an older one.
    pub fn is_started(&self, pid: u32, time: i64) -> bool {
        self.started.get(&pid).is_some_and(|at| *at >= time)
    }

    /// Messages of some processes in a time, by kind.
    pub fn count(&self, pids: &BTreeSet<u32>, from: i64, to: i64) -> BTreeMap<Signal, u64> {
        let mut found = BTreeMap::new();
        let of = self.seconds.iter().filter(|(pid, _)| pids.contains(pid));
        for (_, signals) in of.flat_map(|(_, seconds)| seconds.range(from..=to)) {
            for (signal, count) in signals {
                *found.entry(*signal).or_default() += u64::from(*count);
            }
        }
        found
    }
}
