//! The error log: its lines taken apart (`ngx_log_error_core`), and what they say in sum.

use std::collections::BTreeMap;

use super::dates::seconds_of;
use super::signal::{Signal, classify, meaning};
use crate::model::log::Severity;

/// Foreign lines that are kept as samples.
const SAMPLES: usize = 3;
/// Peers, addresses or ports that are told apart for each kind of message.
const MOST_TARGETS: usize = 1000;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// Seconds since 1970 of the local time that is written.
    pub time: i64,
    /// Its severity.
    pub severity: Severity,
    /// The process.
    pub pid: u32,
    /// What nginx says, with `client: …` and so on.
    pub message: &'l str,
}

impl<'l> Line<'l> {
    /// Reads `YYYY/MM/DD hh:mm:ss [level] pid#tid: *cid message`, after whatever a syslog daemon put before it.
    pub fn parse(line: &'l str) -> Option<Self> {
        for (at, _) in line.match_indices(" [").take(8) {
            let Some(time) = at.checked_sub(19).and_then(|start| line.get(start..at)).and_then(seconds_of)
            else {
                continue;
            };
            let (level, rest) = line[at + 2..].split_once("] ")?;
            let severity = Severity::NAMES.iter().find(|(name, _)| *name == level)?.1;
            let (process, mut message) = rest.split_once(": ")?;
            let pid = process.split('#').next()?.parse().ok()?;
            if let Some(after) = message.strip_prefix('*')
                && let Some((connection, text)) = after.split_once(' ')
                && connection.bytes().all(|b| b.is_ascii_digit())
            {
                message = text;
            }
            return Some(Self { time, severity, pid, message });
        }
        None
    }

    /// A part such as `upstream: "…"`, without quotes.
    pub fn part(&self, name: &str) -> Option<&'l str> {
        let start = self.message.find(&format!(", {name}: "))? + name.len() + 4;
        let rest = &self.message[start..];
        match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split(',').next(),
        }
    }

    /// What the message is about: the address in `connect() to ADDRESS`, `bind(ADDRESS)`, `bind() to ADDRESS`; else the
    /// upstream.
    pub fn target(&self) -> Option<&'l str> {
        for start in ["connect() to ", "bind() to ", "bind("] {
            if let Some(at) = self.message.find(start) {
                let rest = &self.message[at + start.len()..];
                return rest.split([' ', ')']).next().filter(|t| !t.is_empty());
            }
        }
        if let Some(name) = self.message.split_once("host not found in upstream \"").map(|(_, rest)| rest) {
            return name.split('"').next();
        }
        let url = self.part("upstream")?;
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        if let Some(path) = host.strip_prefix("unix:") {
            // `fastcgi://unix:/run/php.sock:`, `http://unix:/run/app.sock:/uri`
            return host.get(..5 + path.find(':').unwrap_or(path.len()));
        }
        host.split('/').next()
    }
}

/// Messages of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many.
    pub count: u64,
    /// Time of the first and of the last; zeros if no line has a date.
    pub times: (i64, i64),
    /// The first line.
    pub sample: String,
    /// Largest number of bytes that one names as too large.
    pub largest: Option<u64>,
    /// What they are about, with counts.
    pub targets: BTreeMap<String, u64>,
}

impl Seen {
    /// Whether a line had a date.
    pub fn is_dated(&self) -> bool {
        self.times != (0, 0)
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

/// A line as articles and tickets print it: without the date, perhaps without the level, the process and the number of
/// the connection. Only a message that means something is taken for one.
fn abridged(text: &str) -> Option<(Signal, Line<'_>)> {
    let mut message = text.trim_start().trim_start_matches(['.', '…', ' ']);
    let mut severity = Severity::Error;
    if let Some((level, rest)) = message.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        severity = Severity::NAMES.iter().find(|(name, _)| *name == level)?.1;
        message = rest;
    }
    // `812#812: `, `*9 `
    if let Some((process, rest)) = message.split_once(": ")
        && process.bytes().all(|b| b.is_ascii_digit() || b == b'#')
    {
        message = rest;
    }
    if let Some((connection, rest)) = message.strip_prefix('*').and_then(|rest| rest.split_once(' '))
        && connection.bytes().all(|b| b.is_ascii_digit())
    {
        message = rest;
    }
    let begins =
        ["connect() ", "bind(", "bind() ", "no live upstreams", "socket() failed", "invalid local address"];
    if !begins.iter().any(|begin| message.starts_with(begin)) {
        return None;
    }
    let signal = classify(message);
    (signal != Signal::Other).then_some((signal, Line { time: 0, severity, pid: 0, message }))
}

/// What a log says in sum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorLog {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that are not nginx's.
    pub foreign: u64,
    /// Some of them.
    pub foreign_samples: Vec<String>,
    /// Those that are dated, by second and kind.
    pub seconds: BTreeMap<i64, BTreeMap<Signal, u32>>,
    /// By kind; [`Signal::Other`] too.
    pub seen: BTreeMap<Signal, Seen>,
    /// Lines that say that something failed: of a known kind, or of level error and worse.
    pub problems: u64,
    /// `no live upstreams` by the failure of a peer that came last before, within `fail_timeout`.
    pub no_live_after: BTreeMap<Signal, u64>,
    /// Seconds for which failed peers are left out; 0: nginx's default of 10.
    pub fail_timeout: i64,
    /// Time of the first and of the last line.
    pub times: Option<(i64, i64)>,
    last_failure: Option<(i64, Signal)>,
}

/// Seconds that a log tells apart; a longer one is summed in coarser steps.
const MOST_SECONDS: usize = 200_000;

/// The second under which a line is counted, when so many are known.
pub(super) fn step(known: usize, time: i64) -> i64 {
    if known < MOST_SECONDS { time } else { time - time.rem_euclid(3600) }
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
        let text = String::from_utf8_lossy(line);
        let Some(parsed) = Line::parse(&text) else {
            if let Some((signal, line)) = abridged(&text) {
                self.see(signal, line.target(), None, &text);
                return;
            }
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
        let (first, last) = self.times.unwrap_or((parsed.time, parsed.time));
        self.times = Some((first.min(parsed.time), last.max(parsed.time)));
        let fail_timeout = if self.fail_timeout > 0 { self.fail_timeout } else { FAIL_TIMEOUT };
        if meaning(signal).is_some_and(|m| m.fails_peer) {
            self.last_failure = Some((parsed.time, signal));
        } else if signal == Signal::NoLive
            && let Some((at, failure)) = self.last_failure
            && (0..=fail_timeout).contains(&(parsed.time - at))
        {
            *self.no_live_after.entry(failure).or_default() += 1;
        }
        self.see(signal, parsed.target(), Some(parsed.time), &text);
    }

    /// Counts a message, whose time may be unknown.
    fn see(&mut self, signal: Signal, target: Option<&str>, time: Option<i64>, text: &str) {
        self.problems += u64::from(signal != Signal::Other);
        let seen = self.seen.entry(signal).or_default();
        if seen.count == 0 {
            seen.sample = text.chars().take(400).collect();
        }
        if let Some(time) = time {
            let step = step(self.seconds.len(), time);
            *self.seconds.entry(step).or_default().entry(signal).or_default() += 1;
            let (first, last) = if seen.is_dated() { seen.times } else { (time, time) };
            seen.times = (first.min(time), last.max(time));
        }
        seen.count += 1;
        seen.largest = seen.largest.max(too_large(text));
        if !matches!(signal, Signal::Other | Signal::OtherError)
            && let Some(target) = target
            && (seen.targets.len() < MOST_TARGETS || seen.targets.contains_key(target))
        {
            *seen.targets.entry(target.to_owned()).or_default() += 1;
        }
    }

    /// Messages of a kind, if there were any.
    pub fn get(&self, signal: Signal) -> Option<&Seen> {
        self.seen.get(&signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = ", client: 192.0.2.7, server: a, request: \"GET / HTTP/1.1\", upstream: \"http://10.0.0.1:80/\", host: \"a\"";

    type Expected = Option<(Signal, Option<&'static str>)>;

    #[test]
    fn literal_lines() {
        let up = "while connecting to upstream";
        let cases: &[(String, Expected)] = &[
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 connect() to 10.0.0.1:80 failed (99: Cannot assign requested address) {up}{TAIL}"),
                Some((Signal::NoPort, Some("10.0.0.1:80"))),
            ),
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 connect() to [2001:db8::1]:80 failed (99: Cannot assign requested address) {up}{TAIL}"),
                Some((Signal::NoIpv6, Some("[2001:db8::1]:80"))),
            ),
            (
                format!("Nov 22 17:46:02 web1 nginx: 2026/11/22 17:46:02 [crit] 812#0: *9 connect() to 10.0.0.1:80 failed (99: Cannot assign requested address) {up}{TAIL}"),
                Some((Signal::NoPort, Some("10.0.0.1:80"))),
            ),
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 bind(10.0.0.210) failed (98: Address already in use) {up}{TAIL}"),
                Some((Signal::BindInUse, Some("10.0.0.210"))),
            ),
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 bind(10.0.0.210) failed (99: Cannot assign requested address) {up}{TAIL}"),
                Some((Signal::BindNoAddress, Some("10.0.0.210"))),
            ),
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 bind([::1]) failed (97: Address family not supported by protocol) {up}{TAIL}"),
                Some((Signal::BindFamily, Some("[::1]"))),
            ),
            (
                format!("2026/11/22 17:46:02 [crit] 812#812: *9 connect() to 10.0.0.1:80 failed (22: Invalid argument) {up}{TAIL}"),
                Some((Signal::ConnectInvalid, Some("10.0.0.1:80"))),
            ),
            (
                format!("2026/11/22 17:46:02 [error] 812#812: *9 invalid local address \"$arg_x\" {up}{TAIL}"),
                Some((Signal::InvalidLocal, Some("10.0.0.1:80"))),
            ),
            (
                "2026/11/22 17:46:02 [error] 812#812: *9 connect() to 10.0.0.1:53 failed (11: Resource temporarily unavailable) while connecting to upstream, udp client: 192.0.2.7, server: 0.0.0.0:53, upstream: \"10.0.0.1:53\", bytes from/to client:17/0, bytes from/to upstream:0/0".to_owned(),
                Some((Signal::UdpNoPort, Some("10.0.0.1:53"))),
            ),
            (
                "2026/11/22 17:46:02 [error] 812#812: *9 no live upstreams while connecting to upstream, client: 192.0.2.7, server: a, request: \"GET / HTTP/1.1\", upstream: \"http://backend/\", host: \"a\"".to_owned(),
                Some((Signal::NoLive, Some("backend"))),
            ),
            (
                "2026/11/22 17:46:02 [warn] 812#812: *9 upstream server temporarily disabled while connecting to upstream, client: 192.0.2.7, upstream: \"http://10.0.0.1:80/\"".to_owned(),
                Some((Signal::Disabled, Some("10.0.0.1:80"))),
            ),
            (
                "2026/11/22 17:46:02 [emerg] 812#812: bind() to 0.0.0.0:40001 failed (98: Address already in use)".to_owned(),
                Some((Signal::ListenInUse, Some("0.0.0.0:40001"))),
            ),
            (
                "2026/11/22 17:46:02 [alert] 812#812: 1024 worker_connections are not enough".to_owned(),
                Some((Signal::WorkerConnections, None)),
            ),
            (
                "2026/11/22 17:46:02 [alert] 812#812: *9 socket() failed (24: Too many open files) while connecting to upstream".to_owned(),
                Some((Signal::OpenFiles, None)),
            ),
            (
                format!("2026/11/22 17:46:02 [error] 812#812: *9 connect() failed (111: Connection refused) {up}{TAIL}"),
                Some((Signal::Refused, Some("10.0.0.1:80"))),
            ),
            ("2026/11/22 17:46:02 [notice] 812#812: signal 17 (SIGCHLD) received".to_owned(), Some((Signal::Other, None))),
            (
                "2026/11/22 17:46:02 [error] 812#812: *7 connect() to unix:/run/php.sock failed (11: Resource temporarily unavailable) while connecting to upstream, client: 192.0.2.7, upstream: \"fastcgi://unix:/run/php.sock:\"".to_owned(),
                Some((Signal::UnixQueueFull, Some("unix:/run/php.sock"))),
            ),
            (
                "2026/11/22 17:46:02 [error] 812#812: *7 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 192.0.2.7, upstream: \"fastcgi://unix:/run/php.sock:\"".to_owned(),
                Some((Signal::ReadTimeout, Some("unix:/run/php.sock"))),
            ),
            (
                "2026/11/22 17:46:02 [emerg] 812#812: host not found in upstream \"app:80\" in /etc/nginx/nginx.conf:7".to_owned(),
                Some((Signal::HostNotFound, Some("app:80"))),
            ),
            ("PHP Fatal error: something".to_owned(), None),
            ("2026/13 [crit] x".to_owned(), None),
            ("\u{fffd}\u{fffd} [".to_owned(), None),
        ];
        for (text, expected) in cases {
            let line = Line::parse(text);
            let got = line.map(|l| (classify(l.message), l.target()));
            let expected = expected.map(|(s, t)| (s, if s == Signal::OpenFiles { None } else { t }));
            assert_eq!(got, expected, "{text}");
        }
    }

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
