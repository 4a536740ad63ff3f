//! A trace: the requests of an access log as a replay needs them, with the destination that each had.

use std::collections::HashMap;

use super::access_log::moment;
use super::replay::Request;
use crate::eval::log_format::{Field, Format};
use crate::model::Config;
use crate::model::log::LogFormat;

/// Requests that are kept; a longer log is replayed up to there.
pub const MOST: usize = 20_000_000;

/// Fields that are read of a line.
const NAMES: [&str; 6] =
    ["msec", "time_iso8601", "time_local", "upstream_addr", "upstream_response_time", "request_time"];

/// The requests of a log that reached an upstream.
#[derive(Debug)]
pub struct Trace {
    format: Format,
    positions: [Option<usize>; 6],
    fields: Vec<Field>,
    value: Vec<u8>,
    ids: HashMap<Vec<u8>, u32>,
    /// Addresses of the peers, in order of appearance; empty if the format has none.
    pub destinations: Vec<String>,
    /// In the order of the log, which is that of their ends, until [`Trace::sort`].
    pub requests: Vec<Request>,
    /// Lines of another form.
    pub foreign: u64,
    /// The first of them, and why it is none.
    pub foreign_sample: Option<(String, String)>,
    /// Lines of requests that nginx answered itself.
    pub local: u64,
    /// Lines that were left out because there were too many.
    pub left_out: u64,
}

impl Trace {
    /// Nothing read yet.
    ///
    /// # Errors
    /// If the format has no time; the variable to add.
    pub fn new(config: &Config, format: &LogFormat) -> Result<Self, &'static str> {
        let variables = &config.http.variables;
        let format = Format::new(format, variables);
        let positions = NAMES.map(|name| variables.find(name).and_then(|id| format.position(id)));
        if positions[..3].iter().all(Option::is_none) {
            return Err("$msec");
        }
        Ok(Self {
            format,
            positions,
            fields: Vec::new(),
            value: Vec::new(),
            ids: HashMap::new(),
            destinations: Vec::new(),
            requests: Vec::new(),
            foreign: 0,
            foreign_sample: None,
            local: 0,
            left_out: 0,
        })
    }

    /// True if lines say which peer they reached.
    pub fn has_peers(&self) -> bool {
        self.positions[3].is_some()
    }

    /// True if lines say how long the upstream took.
    pub fn has_durations(&self) -> bool {
        self.positions[4].is_some() || self.positions[5].is_some()
    }

    /// True if times are finer than a second.
    pub fn has_milliseconds(&self) -> bool {
        self.positions[0].is_some()
    }

    /// Takes a line in, which comes without its end.
    pub fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        if let Err(why) = self.format.read(line, &mut self.fields) {
            return self.foreign(line, &why.to_string());
        }
        let Some(end) = self.end(line) else { return self.foreign(line, "expected a time") };
        let mut durations = [0; 16];
        let times = self.text(4, line).or_else(|| self.text(5, line)).unwrap_or_default();
        for (n, part) in split(times).take(16).enumerate() {
            durations[n] = milliseconds(part);
        }
        let total = durations.iter().fold(0_u32, |sum, d| sum.saturating_add(*d));
        let mut start = end - i64::from(total);
        if !self.has_peers() {
            self.push(Request { start, duration: total, destination: 0 });
            return;
        }
        let peers = self.text(3, line).unwrap_or_default().to_vec();
        // One connection for each peer that was tried, one after the other. A name is an upstream without a live peer.
        let mut reached = false;
        for (n, peer) in split(&peers).enumerate() {
            let duration = durations.get(n).copied().unwrap_or(0);
            if peer.contains(&b':') {
                reached = true;
                let destination = self.destination(peer);
                self.push(Request { start, duration, destination });
            }
            start += i64::from(duration);
        }
        self.local += u64::from(!reached);
    }

    /// Sorts by the start. Times of whole seconds are spread over their second first.
    pub fn sort(&mut self) {
        if !self.has_milliseconds() {
            spread(&mut self.requests);
        }
        self.requests.sort_by_key(|request| request.start);
    }

    fn push(&mut self, request: Request) {
        if self.requests.len() < MOST {
            self.requests.push(request);
        } else {
            self.left_out += 1;
        }
    }

    fn destination(&mut self, peer: &[u8]) -> u32 {
        if let Some(id) = self.ids.get(peer) {
            return *id;
        }
        let id = self.destinations.len() as u32;
        self.destinations.push(String::from_utf8_lossy(peer).into_owned());
        self.ids.insert(peer.to_vec(), id);
        id
    }

    fn foreign(&mut self, line: &[u8], why: &str) {
        self.foreign += 1;
        if self.foreign_sample.is_none() {
            let text = String::from_utf8_lossy(line).chars().take(120).collect();
            self.foreign_sample = Some((text, why.to_owned()));
        }
    }

    fn text<'l>(&self, name: usize, line: &'l [u8]) -> Option<&'l [u8]> {
        let field = &self.fields[self.positions[name]?];
        Some(&line[field.start as usize..field.end as usize])
    }

    fn end(&mut self, line: &[u8]) -> Option<i64> {
        if let Some(text) = self.text(0, line) {
            let (seconds, fraction) = text.split_at(text.iter().position(|b| *b == b'.')?);
            let seconds: i64 = std::str::from_utf8(seconds).ok()?.parse().ok()?;
            let fraction: i64 = std::str::from_utf8(fraction.get(1..4)?).ok()?.parse().ok()?;
            return seconds.checked_mul(1000)?.checked_add(fraction);
        }
        let name = if self.positions[1].is_some() { 1 } else { 2 };
        self.value.clear();
        self.format.value(line, &self.fields[self.positions[name]?], &mut self.value);
        moment(NAMES[name], std::str::from_utf8(&self.value).ok()?)?.checked_mul(1000)
    }
}

/// The parts of a list of `$upstream_…`: `, ` between the peers of an upstream, ` : ` between upstreams.
fn split(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = list.split(|b| *b == b' ');
    parts.map(|part| part.strip_suffix(b",").unwrap_or(part)).filter(|part| *part != b":" && !part.is_empty())
}

/// `0.123` as 123.
fn milliseconds(text: &[u8]) -> u32 {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
    let milliseconds = (number * 1000.0).round() as u32;
    milliseconds.min(86_400_000)
}

/// The n-th of a second's requests ends at the n-th even part of it.
fn spread(requests: &mut [Request]) {
    let mut from = 0;
    while from < requests.len() {
        let end = |r: &Request| r.start + i64::from(r.duration);
        let second = end(&requests[from]);
        let count = requests[from..].iter().take_while(|r| end(r) == second).count();
        for (n, request) in (0_i64..).zip(&mut requests[from..from + count]) {
            request.start += 1000 * n / count.cast_signed() as i64;
        }
        from += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_peers() {
        let cases: [(&str, &[&str]); 4] = [
            ("10.0.0.1:80", &["10.0.0.1:80"]),
            ("10.0.0.1:80, 10.0.0.2:80 : unix:/s", &["10.0.0.1:80", "10.0.0.2:80", "unix:/s"]),
            ("backend", &["backend"]),
            ("", &[]),
        ];
        for (list, expected) in cases {
            let found: Vec<&[u8]> = split(list.as_bytes()).collect();
            assert_eq!(found, expected.iter().map(|s| s.as_bytes()).collect::<Vec<_>>(), "{list}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in
            [("0.123", 123), ("-", 0), ("2.000", 2000), ("x", 0), ("1e30", 86_400_000), ("-5", 0)]
        {
            assert_eq!(milliseconds(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn whole_seconds_are_spread() {
        let mut requests: Vec<Request> =
            [1000, 1000, 1000, 1000, 2000].map(|start| Request { start, duration: 0, destination: 0 }).into();
        spread(&mut requests);
        let starts: Vec<i64> = requests.iter().map(|r| r.start).collect();
        assert_eq!(starts, [1000, 1250, 1500, 1750, 2000]);
    }
}
