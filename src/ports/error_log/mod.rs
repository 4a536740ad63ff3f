//! The error log: what its lines say in sum.

mod clients;
mod line;
mod reload;
mod workers;
mod wrapped;

use std::collections::BTreeMap;

use super::dates::step;
use super::signal::{Signal, classify, meaning, shape};
use crate::model::log::Severity;
pub use clients::Clients;
pub use line::Line;
pub use reload::Reload;
pub use workers::Workers;
pub use wrapped::bare;

/// Foreign lines that are kept as samples.
const SAMPLES: usize = 3;
/// Peers, addresses or ports that are distinguished for each kind of message.
const MOST_TARGETS: usize = 1000;

/// Messages of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageGroup {
    /// Number of lines.
    pub count: u64,
    /// Of those, about sessions of `stream`.
    pub of_stream: u64,
    /// Time of the first and of the last; zeros if no line has a date.
    pub times: (i64, i64),
    /// The first line.
    pub sample: String,
    /// Largest number of bytes that one names as too large.
    pub largest: Option<u64>,
    /// Subjects of the lines, with counts; of [`Signal::OtherError`] the forms of the messages.
    pub targets: BTreeMap<String, u64>,
}

impl MessageGroup {
    /// True if a line had a date.
    pub fn is_dated(&self) -> bool {
        self.times != (0, 0)
    }

    /// Takes in other messages of the kind, which are earlier.
    fn add(&mut self, earlier: Self) {
        self.count += earlier.count;
        self.of_stream += earlier.of_stream;
        self.largest = self.largest.max(earlier.largest);
        if earlier.is_dated() {
            let last = if self.is_dated() { self.times.1.max(earlier.times.1) } else { earlier.times.1 };
            self.times = (earlier.times.0, last);
        }
        if !earlier.sample.is_empty() {
            self.sample = earlier.sample;
        }
        for (target, count) in earlier.targets {
            *self.targets.entry(target).or_default() += count;
        }
    }
}

/// The bytes in `client intended to send too large body: 9 bytes`, `… too large chunked body: 8192+9 bytes`.
fn too_large(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("client intended to send too large ")?;
    let (_, numbers) = rest.split_once("body: ")?;
    let numbers = numbers.split(' ').next()?.split('+').map(|n| n.parse::<u64>().ok());
    numbers
        .collect::<Option<Vec<u64>>>()
        .map(|numbers| numbers.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)))
}

/// Summary of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorLog {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that are not nginx's.
    pub foreign: u64,
    /// Some of them.
    pub foreign_samples: Vec<String>,
    /// Messages with a date, by second and kind.
    pub seconds: BTreeMap<i64, BTreeMap<Signal, u32>>,
    /// By kind; [`Signal::Other`] too.
    pub seen: BTreeMap<Signal, MessageGroup>,
    /// The same of lines from before the last reload, which are not in `seen`.
    pub before: BTreeMap<Signal, MessageGroup>,
    /// The last reload, if an nginx runs and it is known.
    pub reload: Option<Reload>,
    /// Lines of `seen` that say that something failed: of a known kind, or of level error and worse.
    pub problems: u64,
    /// `no live upstreams` by the failure of a peer that came last before, within `fail_timeout`.
    pub no_live_after: BTreeMap<Signal, u64>,
    /// Seconds for which failed peers are left out; 0: nginx's default of 10.
    pub fail_timeout: i64,
    /// Time of the first and of the last line.
    pub times: Option<(i64, i64)>,
    /// Processes that wrote the log.
    pub workers: Workers,
    /// Clients whose requests found no connection to a peer.
    pub clients: Clients,
    last_failure: Option<(i64, Signal)>,
}

/// `fail_timeout` by default: for so long a peer that could not be reached is left out.
const FAIL_TIMEOUT: i64 = 10;

impl ErrorLog {
    /// Nothing read yet; failed peers are left out for so many seconds.
    pub fn new(fail_timeout: i64) -> Self {
        Self { fail_timeout, ..Self::default() }
    }

    /// Takes a line in, which comes without its end.
    pub fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        self.lines += 1;
        let whole = String::from_utf8_lossy(line);
        let text = bare(&whole);
        let Some(parsed) = Line::read(&text) else {
            self.foreign += 1;
            if self.foreign_samples.len() < SAMPLES {
                self.foreign_samples.push(text.chars().take(200).collect());
            }
            return;
        };
        let signal = match classify(parsed.message) {
            Signal::Other if parsed.severity <= Severity::Error => Signal::OtherError,
            known => known,
        };
        if !parsed.is_dated() {
            return self.see(signal, &parsed, &text, false);
        }
        if self.reload.as_ref().is_some_and(|reload| reload.is_refuted(&parsed, signal)) {
            self.forget_reload();
        }
        let is_before = self.reload.as_mut().is_some_and(|reload| reload.is_before(&parsed));
        let (first, last) = self.times.unwrap_or((parsed.time, parsed.time));
        self.times = Some((first.min(parsed.time), last.max(parsed.time)));
        let fail_timeout = if self.fail_timeout > 0 { self.fail_timeout } else { FAIL_TIMEOUT };
        if meaning(signal).is_some_and(|m| m.fails_peer) {
            self.last_failure = Some((parsed.time, signal));
            if parsed.message.starts_with("connect() ") {
                self.clients.add(&parsed);
            }
        } else if signal == Signal::NoLive
            && !is_before
            && let Some((at, failure)) = self.last_failure
            && (0..=fail_timeout).contains(&(parsed.time - at))
        {
            *self.no_live_after.entry(failure).or_default() += 1;
        }
        self.workers.add(&parsed, signal);
        self.see(signal, &parsed, &text, is_before);
    }

    /// Puts the lines from before a reload, which was none, to the others.
    fn forget_reload(&mut self) {
        self.reload = None;
        for (signal, before) in std::mem::take(&mut self.before) {
            self.problems += if signal == Signal::Other { 0 } else { before.count };
            self.seen.entry(signal).or_default().add(before);
        }
    }

    /// Counts a message, whose time may be unknown.
    fn see(&mut self, signal: Signal, line: &Line<'_>, text: &str, is_before: bool) {
        self.problems += u64::from(signal != Signal::Other && !is_before);
        let kinds = if is_before { &mut self.before } else { &mut self.seen };
        let seen = kinds.entry(signal).or_default();
        if seen.count == 0 {
            seen.sample = text.chars().take(400).collect();
        }
        if line.is_dated() {
            let time = line.time;
            let step = step(self.seconds.len(), time);
            *self.seconds.entry(step).or_default().entry(signal).or_default() += 1;
            let (first, last) = if seen.is_dated() { seen.times } else { (time, time) };
            seen.times = (first.min(time), last.max(time));
        }
        seen.count += 1;
        seen.of_stream += u64::from(line.is_stream());
        seen.largest = seen.largest.max(too_large(text));
        let target = match signal {
            Signal::Other => None,
            Signal::OtherError => Some(shape(line.message)),
            _ => line.target().map(str::to_owned),
        };
        if let Some(target) = target
            && (seen.targets.len() < MOST_TARGETS || seen.targets.contains_key(&target))
        {
            *seen.targets.entry(target).or_default() += 1;
        }
    }

    /// Messages of a kind, if there were any.
    pub fn get(&self, signal: Signal) -> Option<&MessageGroup> {
        self.seen.get(&signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = ", client: 192.0.2.7, server: a, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.1:80/\", host: \"a\"";

    #[test]
    fn lines_as_articles_print_them() {
        let message = format!(
            "connect() to 10.0.0.100:1234 failed (99: Cannot assign requested address) while connecting to upstream{TAIL}"
        );
        let starts = [
            "2016/03/18 09:08:37 [crit] 1888#1888: *13 ",
            "2016/03/18 09:08:37 [alert] 1888#1888: *13 ",
            "[crit] 1888#1888: *13 ",
            "[alert] ",
            "... [error] ",
            "*13 ",
            "1888#0: *13 ",
            "",
        ];
        let mut log = ErrorLog::default();
        for start in starts {
            log.add(format!("{start}{message}").as_bytes());
        }
        let seen = log.get(Signal::NoPort).unwrap();
        assert_eq!((seen.count, log.foreign), (starts.len() as u64, 0), "{:?}", log.foreign_samples);
        assert_eq!(seen.targets.get("10.0.0.100:1234"), Some(&seen.count));
        assert_eq!(crate::ports::dates::clock(seen.times.0), "09:08:37");
        for other in
            ["the article says: connect() fails", "[crit] 1#1: hello", "connect() to a", "[note] connect() x"]
        {
            log.add(other.as_bytes());
        }
        assert_eq!(log.foreign, 4);
    }

    #[test]
    fn no_live_upstreams_after_a_missing_port() {
        let mut log = ErrorLog::default();
        for (second, message) in [
            (0, "no live upstreams while connecting"),
            (2, "connect() to 10.0.0.1:80 failed (99: x)"),
            (3, "no live upstreams while connecting"),
            (12, "no live upstreams while connecting"),
            (13, "no live upstreams while connecting"),
        ] {
            log.add(format!("2026/11/22 17:46:{second:02} [error] 1#1: *1 {message}").as_bytes());
        }
        log.add(b"garbage \xff");
        assert_eq!((log.no_live_after[&Signal::NoPort], log.foreign, log.lines), (2, 1, 6));
        assert_eq!(log.get(Signal::NoLive).unwrap().count, 4);
        assert_eq!(log.foreign_samples, ["garbage \u{fffd}"]);
    }
}
