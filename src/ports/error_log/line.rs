//! One line of the error log, taken apart (`ngx_log_error_core`).

use crate::model::log::Severity;
use crate::ports::dates::seconds_of;
use crate::ports::signal::is_message;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// Seconds since 1970 of the local time that is written; 0: none is.
    pub time: i64,
    /// Severity of the message.
    pub severity: Severity,
    /// The process.
    pub pid: u32,
    /// Number of the connection, and of its client, that it is about: only workers have any.
    pub connection: Option<u64>,
    /// Message of nginx, with `client: …` and so on.
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
            let (process, message) = rest.split_once(": ")?;
            let pid = process.split('#').next()?.parse().ok()?;
            let (connection, message) = connection(message);
            return Some(Self { time, severity, pid, connection, message });
        }
        None
    }

    /// Reads a line, also one without date: as nginx's standard error has it, as articles print it, or of the kernel.
    pub fn read(line: &'l str) -> Option<Self> {
        Self::parse(line).or_else(|| abridged(line))
    }

    /// True if it is about a session of `stream`, which has bytes where `http` has a request.
    pub fn is_stream(&self) -> bool {
        self.message.contains(", bytes from/to client:")
    }

    /// True if it has a date.
    pub fn is_dated(&self) -> bool {
        self.time != 0
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

    /// Subject of the message: the address in `connect() to ADDRESS`, `bind(ADDRESS)`, `bind() to ADDRESS`, a name that
    /// has no address; else the upstream, else the server.
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
        if let Some((_, name)) = self.message.split_once("no resolver defined to resolve ") {
            return name.split([',', ' ']).next();
        }
        if let Some((name, _)) = self.message.split_once(" could not be resolved") {
            return name.rsplit(' ').next();
        }
        let Some(url) = self.part("upstream") else {
            return self.part("server").map(str::trim).filter(|name| !matches!(*name, "" | "_"));
        };
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        if let Some(path) = host.strip_prefix("unix:") {
            // `fastcgi://unix:/run/php.sock:`, `http://unix:/run/app.sock:/uri`
            return host.get(..5 + path.find(':').unwrap_or(path.len()));
        }
        host.split('/').next()
    }
}

/// Splits `*CONNECTION ` off.
fn connection(message: &str) -> (Option<u64>, &str) {
    let split = message.strip_prefix('*').and_then(|rest| rest.split_once(' '));
    match split {
        Some((number, text)) if number.bytes().all(|b| b.is_ascii_digit()) => {
            (Some(number.parse().unwrap_or(u64::MAX)), text)
        }
        _ => (None, message),
    }
}

/// A line as nginx's standard error has it (`nginx: [emerg] …`), or as articles and tickets print it: without the date,
/// perhaps without the level, the process and the number of the connection; and lines of the kernel. Only a message that
/// means something is taken for one.
fn abridged(text: &str) -> Option<Line<'_>> {
    let mut message = text.trim_start().trim_start_matches(['.', '…', '>', ' ']);
    let mut severity = Severity::Error;
    for mark in ["nginx: ", "kernel: "] {
        if let Some(at) = message.find(mark) {
            message = message[at + mark.len()..].trim_start();
            break;
        }
    }
    if let Some((first, rest)) = message.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        match Severity::NAMES.iter().find(|(name, _)| *name == first) {
            Some((_, level)) => severity = *level,
            // `[12345.678901] ` of the kernel.
            None if first.trim().bytes().all(|b| b.is_ascii_digit() || b == b'.') => {}
            None => return None,
        }
        message = rest;
    }
    // `812#812: `, `*9 `
    if let Some((process, rest)) = message.split_once(": ")
        && process.bytes().all(|b| b.is_ascii_digit() || b == b'#')
    {
        message = rest;
    }
    let (connection, message) = connection(message);
    let counted = message.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let is_name = |(name, _): (&str, &str)| !name.is_empty() && !name.contains([' ', '"']);
    let is_known = is_message(message)
        || counted.starts_with("worker_connections are")
        || message.split_once(" could not be resolved (").is_some_and(is_name)
        || ["nf_conntrack: table full", "Possible SYN flooding on port"].iter().any(|t| message.contains(t));
    is_known.then_some(Line { time: 0, severity, pid: 0, connection, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::signal::{Signal, classify};

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
}
