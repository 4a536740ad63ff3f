//! When a look was taken, and since when the workers of nginx run: in the local time that logs are written in.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::master::{field, processes};
use crate::ports::dates::{seconds_of, stamp};
use crate::ports::doctor::Evidence;

/// Ticks of a second in `/proc/PID/stat`.
const TICKS: f64 = 100.0;

/// The times of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LookTimes {
    /// Of the look itself.
    pub(super) at: i64,
    /// Of the start of the oldest worker that is not about to end.
    pub(super) reloaded: Option<i64>,
    /// The workers that are not about to end, by the numbers that logs have.
    pub(super) workers: Vec<u32>,
}

impl LookTimes {
    /// Now, with the workers of a master.
    pub(super) fn now(master: Option<u32>) -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs().cast_signed());
        let found = master.map(workers).unwrap_or_default();
        let started = found.iter().copied().filter_map(start).min();
        let workers = found.into_iter().map(own_number).collect();
        Self { at: local(epoch), reloaded: started.map(local), workers }
    }

    /// The time of the newest line, where nothing else was written down.
    pub(super) fn of_logs(evidence: &Evidence) -> Self {
        let errors = evidence.errors.as_ref().and_then(|log| log.times).map(|(_, last)| last);
        let access = evidence.access.as_ref().and_then(|log| log.seconds.last_key_value());
        Self {
            at: errors.max(access.map(|(at, _)| *at)).unwrap_or_default(),
            reloaded: None,
            workers: Vec::new(),
        }
    }

    /// For a bundle.
    pub(super) fn write(&self) -> String {
        let reloaded = self.reloaded.map_or(String::new(), |at| format!("reloaded {}\n", stamp(at)));
        let workers: Vec<String> = self.workers.iter().map(u32::to_string).collect();
        let workers =
            if workers.is_empty() { String::new() } else { format!("workers {}\n", workers.join(" ")) };
        format!("collected {}\n{reloaded}{workers}", stamp(self.at))
    }

    /// Out of a bundle.
    pub(super) fn read(text: &str) -> Option<Self> {
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            seconds_of(&line.trim().replace('-', "/"))
        };
        let workers = text.lines().find_map(|line| line.strip_prefix("workers ")).unwrap_or_default();
        let workers = workers.split(' ').filter_map(|pid| pid.parse().ok()).collect();
        Some(Self { at: of("collected ")?, reloaded: of("reloaded "), workers })
    }
}

/// Seconds since 1970 as a clock on the wall here shows them.
fn local(epoch: i64) -> i64 {
    let at = jiff::Timestamp::from_second(epoch).unwrap_or_default();
    epoch + i64::from(jiff::tz::TimeZone::system().to_offset(at).seconds())
}

/// The workers of a master, without those that end.
fn workers(master: u32) -> Vec<u32> {
    let is_worker = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.starts_with("nginx: worker process") && !line.contains("shutting down")
    };
    processes().filter(|pid| field(*pid, 4) == Some(i64::from(master))).filter(is_worker).collect()
}

/// The number that a process has in its own namespace of processes: the one in its lines of the log.
fn own_number(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.and_then(|line| line.split_ascii_whitespace().last()?.parse().ok()).unwrap_or(pid)
}

/// When a process started, in seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "seconds and ticks of this century"
)]
fn start(pid: u32) -> Option<i64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
    let age = uptime - field(pid, 22)? as f64 / TICKS;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some((now.as_secs_f64() - age) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_out_of_a_bundle() {
        for (reloaded, workers) in [(None, vec![]), (Some(1_795_369_000), vec![12, 4_194_304])] {
            let when = LookTimes { at: 1_795_369_562, reloaded, workers };
            assert_eq!(LookTimes::read(&when.write()), Some(when));
        }
        assert_eq!(LookTimes::read("nothing"), None);
        let now = LookTimes::now(Some(std::process::id()));
        assert!(now.at > 1_700_000_000 && now.reloaded.is_none());
        assert!(start(std::process::id()).is_some_and(|at| (local(at) - now.at).abs() < 86_400));
    }
}
