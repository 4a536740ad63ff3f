//! The access log as evidence: how many requests, how many failed, and how many of those look like a missing port.

mod at_once;
mod peers;
mod reached;

use std::collections::BTreeMap;

use super::dates::{seconds, step};
use crate::eval::log_format::{Field, Format};
use crate::model::Config;
use crate::model::log::LogFormat;
use at_once::ConcurrencyCounter;
pub use peers::{Burst, Peers};
use reached::{PartyTexts, ReachedParty, last, reached};

/// Values that the diagnosis looks at.
const NAMES: [&str; 10] = [
    "status",
    "time_local",
    "time_iso8601",
    "msec",
    "upstream_addr",
    "upstream_status",
    "upstream_connect_time",
    "upstream_response_time",
    "upstream_bytes_sent",
    "request_time",
];

/// A request takes this long at least: half of the millisecond that logs are exact to.
const SHORTEST: f64 = 0.0005;

/// Summary of a log.
#[derive(Clone, Debug)]
pub struct AccessLog {
    format: Format,
    positions: [Option<usize>; 10],
    fields: Vec<Field>,
    value: Vec<u8>,
    /// Lines of the format.
    pub requests: u64,
    /// Other lines.
    pub foreign: u64,
    /// The first of them, and why it is none.
    pub foreign_sample: Option<(String, String)>,
    /// Requests with status 500 to 599.
    pub errors: u64,
    /// Status 502, sent to a peer that was never reached: what a missing port looks like, and a refused connection.
    pub no_port: u64,
    /// Status 500.
    pub internal: u64,
    /// Status 500 and no peer: what a failing `bind()` looks like.
    pub bind_failed: u64,
    /// Status 502 and the name of an upstream as the peer: no live upstreams.
    pub no_live: u64,
    /// Responses of peers that took a known time, and the sum of it in seconds.
    pub durations: (u64, f64),
    /// Requests that nginx answered without a peer.
    pub local: u64,
    at_once: ConcurrencyCounter,
    /// By second.
    pub seconds: BTreeMap<i64, Second>,
    /// By peer.
    pub peers: Peers,
}

/// Counts of one second, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Requests.
    pub requests: u64,
    /// Requests answered 500 to 599.
    pub errors: u64,
    /// Of the errors, those that a peer answered so.
    pub by_peer: u64,
    /// Requests that a peer took.
    pub taken: u64,
    /// Requests for which no peer could be connected to.
    pub unconnected: u64,
}

impl AccessLog {
    /// Nothing read yet.
    pub fn new(config: &Config, format: &LogFormat) -> Self {
        let variables = &config.http.variables;
        let format = Format::new(format, variables);
        let positions = NAMES.map(|name| variables.find(name).and_then(|id| format.position(id)));
        Self {
            format,
            positions,
            fields: Vec::new(),
            value: Vec::new(),
            requests: 0,
            foreign: 0,
            foreign_sample: None,
            errors: 0,
            no_port: 0,
            internal: 0,
            bind_failed: 0,
            no_live: 0,
            durations: (0, 0.0),
            local: 0,
            at_once: ConcurrencyCounter::default(),
            seconds: BTreeMap::new(),
            peers: Peers::default(),
        }
    }

    /// Variables that the format lacks and the diagnosis could use.
    pub fn missing(&self) -> Vec<&'static str> {
        let lacks = |i: &usize| self.positions[*i].is_none();
        let mut names: Vec<&str> = [0, 4, 5, 6].iter().filter(|i| lacks(i)).map(|i| NAMES[*i]).collect();
        if (1..=3).all(|i| self.positions[i].is_none()) {
            names.push("msec");
        }
        names
    }

    /// Takes a line in, which comes without its end.
    pub fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if let Err(why) = self.format.read(line, &mut self.fields) {
            self.foreign += 1;
            if self.foreign_sample.is_none() {
                let text = String::from_utf8_lossy(line).chars().take(120).collect();
                self.foreign_sample = Some((text, why.to_string()));
            }
            return;
        }
        self.requests += 1;
        let is_error = self.text(0, line).first() == Some(&b'5');
        if is_error {
            self.errors += 1;
            self.internal += u64::from(self.text(0, line) == b"500");
            self.judge(line);
        }
        let reached = reached(self.said(line));
        self.local += u64::from(reached == ReachedParty::Nobody);
        let taken = self.taken(line).filter(|_| reached == ReachedParty::Peer);
        if let Some(seconds) = taken.filter(|_| !is_error) {
            self.durations = (self.durations.0 + 1, self.durations.1 + seconds);
        }
        if let Some((seconds, end)) = taken.zip(self.end(line)) {
            #[expect(clippy::cast_possible_truncation, reason = "a cast saturates")]
            self.at_once.add(end, (seconds * 1000.0).round() as i64);
        }
        if let Some(time) = self.time(line) {
            let by_peer = is_error && self.is_of_peer(line);
            let second = self.seconds.entry(step(self.seconds.len(), time)).or_default();
            second.requests += 1;
            second.errors += u64::from(is_error);
            second.by_peer += u64::from(by_peer);
            second.taken += u64::from(reached == ReachedParty::Peer);
            second.unconnected += u64::from(reached == ReachedParty::NoPeer);
            if self.positions[4].is_some() {
                let statuses =
                    if self.positions[5].is_some() { self.text(5, line) } else { self.text(0, line) };
                let peers = self.text(4, line);
                self.peers.add(time, peers, statuses);
            }
        }
    }

    /// The value as it is written.
    fn text<'l>(&self, name: usize, line: &'l [u8]) -> &'l [u8] {
        let field = self.positions[name].map(|p| &self.fields[p]);
        field.map_or(b"", |f| &line[f.start as usize..f.end as usize])
    }

    fn said<'l>(&self, line: &'l [u8]) -> PartyTexts<'l> {
        let part = |name: usize| self.positions[name].map(|_| self.text(name, line));
        PartyTexts {
            status: self.text(0, line),
            peer: part(4),
            peer_status: part(5),
            connect_time: part(6),
            response_time: part(7),
        }
    }

    /// Seconds that the last peer took, else the whole request.
    fn taken(&self, line: &[u8]) -> Option<f64> {
        let read = |name| std::str::from_utf8(last(self.text(name, line))).ok()?.parse::<f64>().ok();
        read(7).or_else(|| read(9)).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    }

    /// Milliseconds since 1970 when a request ended, if the format has them.
    fn end(&self, line: &[u8]) -> Option<i64> {
        let (seconds, thousandths) = std::str::from_utf8(self.text(3, line)).ok()?.split_once('.')?;
        let (seconds, thousandths) = (seconds.parse::<i64>().ok()?, thousandths.parse::<i64>().ok()?);
        seconds.checked_mul(1000)?.checked_add(thousandths)
    }

    fn judge(&mut self, line: &[u8]) {
        if self.positions[4].is_none() {
            return;
        }
        let status = self.text(0, line);
        let peer = self.text(4, line);
        let none = |text: &[u8]| text.is_empty() || text == b"-";
        match status {
            b"500" if none(peer) => self.bind_failed += 1,
            b"502" if !none(peer) && !last(peer).contains(&b':') => self.no_live += 1,
            b"502" if !none(peer) => {
                let connect = last(self.text(6, line));
                let response = self.text(7, line);
                let at_once = response.is_empty() || response.ends_with(b"0.000") || response.ends_with(b"-");
                if self.positions[6].is_some() && connect == b"-" && at_once {
                    self.no_port += 1;
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, line: &[u8]) -> Option<i64> {
        for name in [3, 2, 1] {
            if let Some(position) = self.positions[name] {
                self.value.clear();
                self.format.value(line, &self.fields[position], &mut self.value);
                return moment(NAMES[name], std::str::from_utf8(&self.value).ok()?);
            }
        }
        None
    }

    /// Requests a second, from the first to the last.
    pub fn rate(&self) -> Option<f64> {
        let (first, _) = self.seconds.first_key_value()?;
        let (last, _) = self.seconds.last_key_value()?;
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        Some(self.requests as f64 / (last - first + 1) as f64)
    }

    /// Requests that peers took in the last minute of the log.
    pub fn last_minute(&self) -> u64 {
        let last = self.seconds.last_key_value().map_or(0, |(last, _)| *last);
        self.sum(last - 60, last).taken
    }

    /// All of some seconds, the first and the last with them.
    pub fn sum(&self, first: i64, last: i64) -> Second {
        self.seconds.range(first..=last).fold(Second::default(), |sum, (_, second)| Second {
            requests: sum.requests + second.requests,
            errors: sum.errors + second.errors,
            by_peer: sum.by_peer + second.by_peer,
            taken: sum.taken + second.taken,
            unconnected: sum.unconnected + second.unconnected,
        })
    }

    /// True if a peer, which was reached, gave the status that the client got.
    fn is_of_peer(&self, line: &[u8]) -> bool {
        let last = |name| last(self.text(name, line));
        let is_reached = self.positions[6].is_none() || last(6) != b"-";
        self.positions[5].is_some() && is_reached && last(5) == self.text(0, line)
    }

    /// Seconds that a peer takes for a response in the mean; errors do not count.
    pub fn latency(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let mean = self.durations.1 / self.durations.0 as f64;
        (self.durations.0 > 0 && mean.is_finite()).then_some(mean.max(SHORTEST))
    }

    /// The busiest second of peers, by the requests that they took.
    pub fn peak(&self) -> Option<(i64, u64)> {
        let taken = self.seconds.iter().map(|(at, second)| (*at, second.taken));
        taken.filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n)
    }

    /// The busiest second of peers, with the requests for which no connection could be made.
    pub fn wanted(&self) -> Option<(i64, u64)> {
        let wanted = self.seconds.iter().map(|(at, second)| (*at, second.taken + second.unconnected));
        wanted.filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n)
    }

    /// Requests that peers worked on at once, but for rare moments; `None` if the format has not `$msec` and a duration.
    pub fn at_once(&self) -> Option<u64> {
        self.at_once.most().map(i64::unsigned_abs)
    }

    /// True if the format tells which requests were passed to a peer.
    pub fn tells_peers(&self) -> bool {
        (4..=7).any(|name| self.positions[name].is_some())
    }

    /// Bursts of failures, the worst first; none spans the time `divide` (a reload).
    pub fn bursts(&self, divide: Option<i64>) -> Vec<Burst> {
        peers::bursts(self.seconds.iter().map(|(at, second)| (*at, second.requests, second.errors)), divide)
    }
}

/// Seconds that the value of a variable of time says.
pub(super) fn moment(variable: &str, text: &str) -> Option<i64> {
    match variable {
        "msec" => msec(text),
        "time_iso8601" => iso8601(text),
        _ => local(text),
    }
}

/// `1795369562.123`
fn msec(text: &str) -> Option<i64> {
    text.split('.').next()?.parse().ok()
}

/// `2026-11-22T17:46:02+00:00`, as seconds of the local time that is written.
fn iso8601(text: &str) -> Option<i64> {
    let n = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    Some(seconds((n(0, 4)?, n(5, 7)?, n(8, 10)?), (n(11, 13)?, n(14, 16)?, n(17, 19)?)))
}

/// `22/Nov/2026:17:46:02 +0000`, as seconds of the local time that is written.
fn local(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let n = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (month, _) = (1..).zip(MONTHS).find(|(_, m)| text.get(3..6) == Some(m))?;
    Some(seconds((n(7, 11)?, month, n(0, 2)?), (n(12, 14)?, n(15, 17)?, n(18, 20)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        type Read = fn(&str) -> Option<i64>;
        let cases: [(Read, &str); 3] = [
            (msec, "1795369562.123"),
            (iso8601, "2026-11-22T17:46:02+00:00"),
            (local, "22/Nov/2026:17:46:02 +0000"),
        ];
        for (read, text) in cases {
            assert_eq!(read(text), Some(1_795_369_562), "{text}");
            assert_eq!(read("x"), None);
        }
    }
}
