//! A line of an access log in the format `combined` (`ngx_http_log_module`), read strictly.

use super::sample::Field;

/// Longest line.
pub const MAX_LINE: usize = 64 << 10;

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `$remote_addr`
    pub remote_addr: Vec<u8>,
    remote_user: Vec<u8>,
    time_local: Vec<u8>,
    request: Vec<u8>,
    status: Vec<u8>,
    body_bytes_sent: Vec<u8>,
    referer: Vec<u8>,
    user_agent: Vec<u8>,
}

impl Entry {
    /// Reads `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
    /// "$http_user_agent"`.
    ///
    /// # Errors
    /// If the line is different, with what was expected.
    pub fn parse(line: &[u8]) -> Result<Self, &'static str> {
        let mut entry = Self::default();
        let rest = field(line, b" - ", &mut entry.remote_addr).ok_or("expected ` - ` after the address")?;
        if entry.remote_addr.is_empty() || entry.remote_addr.contains(&b' ') {
            return Err("expected an address at the start");
        }
        let rest = field(rest, b" [", &mut entry.remote_user).ok_or("expected ` [` after the user")?;
        let rest = field(rest, b"] \"", &mut entry.time_local).ok_or("expected `] \"` after the time")?;
        let rest = field(rest, b"\" ", &mut entry.request).ok_or("expected `\" ` after the request")?;
        let rest = field(rest, b" ", &mut entry.status).ok_or("expected a status after the request")?;
        if entry.status.len() != 3 || !entry.status.iter().all(u8::is_ascii_digit) {
            return Err("expected a status of three digits after the request");
        }
        let rest =
            field(rest, b" \"", &mut entry.body_bytes_sent).ok_or("expected ` \"` after the length")?;
        if entry.body_bytes_sent.is_empty() || !entry.body_bytes_sent.iter().all(u8::is_ascii_digit) {
            return Err("expected a number of bytes after the status");
        }
        let rest = field(rest, b"\" \"", &mut entry.referer).ok_or("expected `\" \"` after the referer")?;
        match field(rest, b"\"", &mut entry.user_agent) {
            Some([]) => Ok(entry),
            Some(_) => Err("expected the end of the line after the user agent"),
            None => Err("expected `\"` after the user agent"),
        }
    }

    /// Appends the value of a variable; false if it has none.
    pub(super) fn write(&self, field: Field, out: &mut Vec<u8>) -> bool {
        let mut words = self.request.splitn(3, |b| *b == b' ');
        let uri = || self.request.split(|b| *b == b' ').nth(1);
        let args = || uri().and_then(|uri| uri.iter().position(|b| *b == b'?').map(|at| &uri[at + 1..]));
        let text = match field {
            Field::RemoteUser => value(&self.remote_user),
            Field::TimeLocal => Some(&*self.time_local),
            Field::Request => value(&self.request),
            Field::RequestMethod => words.next(),
            Field::RequestUri => uri(),
            Field::Args => args(),
            Field::IsArgs => args().filter(|a| !a.is_empty()).map(|_| &b"?"[..]),
            Field::ServerProtocol => words.nth(2),
            Field::Status => Some(&*self.status),
            Field::BodyBytesSent => Some(&*self.body_bytes_sent),
            Field::HttpReferer => value(&self.referer),
            Field::HttpUserAgent => value(&self.user_agent),
        };
        text.inspect(|text| out.extend_from_slice(text)).is_some()
    }
}

/// nginx writes a variable without a value as `-`.
fn value(text: &[u8]) -> Option<&[u8]> {
    (text != b"-").then_some(text)
}

/// Takes a field with its escapes undone up to `end`, and returns what follows.
fn field<'l>(line: &'l [u8], end: &[u8], out: &mut Vec<u8>) -> Option<&'l [u8]> {
    let at = memchr::memmem::find(line, end)?;
    let mut text = &line[..at];
    while let Some(escape) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..escape]);
        let digits = text.get(escape + 1..escape + 4).filter(|d| d[0] == b'x');
        let byte = digits.and_then(|d| Some(hex(d[1])? * 16 + hex(d[2])?));
        // A log that nginx wrote has no other escape; anything else stays as it is.
        out.push(byte.unwrap_or(b'\\'));
        text = &text[escape + if byte.is_some() { 4 } else { 1 }..];
    }
    out.extend_from_slice(text);
    Some(&line[at + end.len()..])
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"203.0.113.7 - bob [22/Nov/2026:19:54:51 +0000] "GET /a?b=\x22c\x5C HTTP/1.1" 200 612 "-" "curl \xE9""#;

    #[test]
    fn fields_with_escapes_undone() {
        let entry = Entry::parse(LINE.as_bytes()).unwrap();
        let cases: &[(Field, Option<&[u8]>)] = &[
            (Field::RemoteUser, Some(b"bob")),
            (Field::Request, Some(b"GET /a?b=\"c\\ HTTP/1.1")),
            (Field::RequestMethod, Some(b"GET")),
            (Field::RequestUri, Some(b"/a?b=\"c\\")),
            (Field::Args, Some(b"b=\"c\\")),
            (Field::IsArgs, Some(b"?")),
            (Field::ServerProtocol, Some(b"HTTP/1.1")),
            (Field::Status, Some(b"200")),
            (Field::BodyBytesSent, Some(b"612")),
            (Field::HttpReferer, None),
            (Field::HttpUserAgent, Some(b"curl \xe9")),
        ];
        assert_eq!(entry.remote_addr, b"203.0.113.7");
        for (field, expected) in cases {
            let mut out = Vec::new();
            let got = entry.write(*field, &mut out).then_some(&*out);
            assert_eq!(got, *expected, "{field:?}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let cases = [
            ("", "expected ` - `"),
            ("203.0.113.7 bob", "expected ` - `"),
            (" - - [t] \"r\" 200 1 \"-\" \"-\"", "expected an address"),
            ("a - - t \"r\" 200 1 \"-\" \"-\"", "expected ` [`"),
            ("a - - [t] \"r\" 20 1 \"-\" \"-\"", "three digits"),
            ("a - - [t] \"r\" 200 x \"-\" \"-\"", "number of bytes"),
            ("a - - [t] \"r\" 200 1 \"-\" \"-\" more", "end of the line"),
            ("a - - [t] \"r\" 200 1 \"-\" \"-", "after the user agent"),
            ("a - - [t] \"r\" 200 1 \"-\"", "after the referer"),
        ];
        for (line, expected) in cases {
            let error = Entry::parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
