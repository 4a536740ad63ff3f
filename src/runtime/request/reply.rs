//! A response before it is written: what the filters may still change (`ngx_http_headers_out_t`).

use std::cell::Cell;
use std::fs::File;
use std::rc::Rc;

use crate::runtime::net::clock::parse_http;
use crate::runtime::net::http1::field::{self, Line};
use crate::runtime::net::reset::{empty, set};
use crate::runtime::net::text::{field as put_field, is_named};
use crate::runtime::request::filter::{BodyFilter, Chain, PageFilter};

/// A part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyPart {
    /// A range of `text`.
    Text(usize, usize),
    /// A range of the file.
    File(u64, u64),
}

impl BodyPart {
    pub(crate) fn len(&self) -> u64 {
        match *self {
            BodyPart::Text(from, to) => (to - from) as u64,
            BodyPart::File(from, to) => to - from,
        }
    }
}

/// Bytes before and after, when a response is compressed as a whole: `$gzip_ratio`.
pub(crate) type Ratio = Rc<Cell<Option<(u64, u64)>>>;

/// Status aside, what a response is made of. Its memory is used again.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(crate) struct Reply {
    /// Code and reason as an upstream sent them; empty: nginx's own words.
    pub(crate) line: Vec<u8>,
    /// Empty: none.
    pub(crate) content_type: Vec<u8>,
    /// `; charset=`
    pub(crate) charset: Vec<u8>,
    /// The charset that an upstream wants the client to get.
    pub(crate) override_charset: Vec<u8>,
    pub(crate) content_length: Option<u64>,
    /// Seconds since 1970; that of a peer's response is among the lines ([`Reply::modified`]).
    pub(crate) last_modified: Option<i64>,
    /// Header lines in order, each with its end.
    pub(crate) lines: Vec<u8>,
    /// Ranges of it can be asked for.
    pub(crate) allow_ranges: bool,
    /// But only one.
    pub(crate) single_range: bool,
    /// The answer depends on what encodings the client takes.
    pub(crate) vary: bool,
    /// From an upstream: conditions of the request were its affair.
    pub(crate) is_proxied: bool,
    /// The peer's own `Server` and `Date` are among the lines.
    pub(crate) has_server: bool,
    pub(crate) has_date: bool,
    /// The type is what a peer said with its redirection.
    pub(crate) keeps_type: bool,
    /// The Location of the response is not made absolute.
    pub(crate) plain_location: bool,
    pub(crate) chunked: bool,
    pub(crate) expect_trailers: bool,
    /// Trailers, when they are known.
    pub(crate) trailers: Vec<u8>,
    /// Only a head.
    pub(crate) header_only: bool,
    /// The part of the body that is in memory.
    pub(crate) text: Vec<u8>,
    pub(crate) file: Option<Rc<File>>,
    pub(crate) parts: Vec<BodyPart>,
    /// Filters of the body, before and behind the page filter.
    pub(crate) before: Chain,
    pub(crate) behind: Chain,
    /// Makes a page of the body and the answers of other requests.
    pub(crate) page: Option<Box<dyn PageFilter>>,
    /// Ratio of the compression.
    pub(crate) gzip_ratio: Option<Ratio>,
}

impl Reply {
    /// Forgets everything but the memory; the pattern names every field, so none can be left out.
    pub(crate) fn clear(&mut self) {
        #[rustfmt::skip]
        let Self {
            line, content_type, charset, override_charset, content_length, last_modified, lines, allow_ranges,
            single_range, vary, is_proxied, has_server, has_date, keeps_type, plain_location, chunked, expect_trailers,
            trailers, header_only, text, file, parts, before, behind, page, gzip_ratio,
        } = self;
        for bytes in [line, content_type, charset, override_charset, lines, trailers, text] {
            empty(bytes);
        }
        set!(None, content_length last_modified file page gzip_ratio);
        set!(false, allow_ranges single_range vary is_proxied has_server has_date keeps_type plain_location);
        set!(false, chunked expect_trailers header_only);
        parts.clear();
        before.clear();
        behind.clear();
    }

    /// Forgets the body.
    pub(crate) fn clear_body(&mut self) {
        self.text.clear();
        self.file = None;
        self.parts.clear();
        self.before.clear();
        self.behind.clear();
        self.page = None;
    }

    /// Has the body pass one more filter, behind those that it passes already.
    pub(crate) fn add_filter(&mut self, filter: impl BodyFilter + 'static) {
        let chain = if self.page.is_some() { &mut self.behind } else { &mut self.before };
        chain.add(filter);
    }

    /// The body passes filters on its way.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.before.is_empty() || self.page.is_some()
    }

    /// Last modification of the response. The `Last-Modified` of a peer or of the cache is parsed only here, on demand.
    pub(crate) fn modified(&self) -> Option<i64> {
        let said = || self.get(b"Last-Modified").and_then(parse_http);
        self.last_modified.or_else(said)
    }

    /// Adds a header line.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        put_field(&mut self.lines, name, value);
    }

    /// Takes all lines of a name away.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        while let Some((start, end, _)) = self.place(name) {
            self.lines.drain(start..end);
        }
    }

    /// Replaces the first line of a name and takes the others away, or adds one.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) {
        let Some((start, end, _)) = self.place(name) else { return self.push(name, value) };
        let rest = self.lines.split_off(end);
        self.lines.truncate(start);
        self.push(name, value);
        let kept = self.lines.len();
        self.lines.extend_from_slice(&rest);
        while let Some((from, to, _)) = place(&self.lines, kept, name) {
            self.lines.drain(from..to);
        }
    }

    /// The value of the first line of a name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.place(name).map(|(.., value)| value)
    }

    fn place(&self, name: &[u8]) -> Option<(usize, usize, &[u8])> {
        place(&self.lines, 0, name)
    }
}

/// Start, end and value of the first line of a name from a position on.
fn place<'l>(lines: &'l [u8], mut at: usize, name: &[u8]) -> Option<(usize, usize, &'l [u8])> {
    while at < lines.len() {
        let start = at;
        at += memchr::memchr(b'\n', &lines[at..])? + 1;
        if lines[start..].len() > name.len()
            && lines[start + name.len()] == b':'
            && lines[start..start + name.len()].eq_ignore_ascii_case(name)
        {
            let value = &lines[start + name.len() + 1..at];
            let value = value.strip_prefix(b" ").unwrap_or(value);
            return Some((start, at, value.strip_suffix(b"\r\n").unwrap_or(value)));
        }
    }
    None
}

/// Names and values of header lines.
pub(crate) fn fields(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut position = 0;
    std::iter::from_fn(move || match field::parse(lines, position, true) {
        Line::Field { field, next, .. } => {
            position = next;
            Some((field.name.of(lines), field.value.of(lines)))
        }
        _ => None,
    })
}

/// Values of all lines of a name, which is written as in a variable.
pub(crate) fn values<'l>(lines: &'l [u8], variable: &str) -> impl Iterator<Item = &'l [u8]> {
    fields(lines).filter(move |(name, _)| is_named(name, variable)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let mut reply = Reply::default();
        for (name, value) in [("ETag", "a"), ("X", "1"), ("etag", "b"), ("Y", "2")] {
            reply.push(name.as_bytes(), value.as_bytes());
        }
        assert_eq!(reply.get(b"eTAG"), Some(&b"a"[..]));
        reply.set(b"ETag", b"c");
        assert_eq!(reply.lines, b"ETag: c\r\nX: 1\r\nY: 2\r\n");
        reply.remove(b"x");
        reply.set(b"Z", b"3");
        assert_eq!(reply.lines, b"ETag: c\r\nY: 2\r\nZ: 3\r\n");
        assert_eq!(reply.get(b"X"), None);
        assert_eq!(values(b"A-B: 1\r\na-b: 2\r\n", "a_b").collect::<Vec<_>>(), [b"1", b"2"]);
    }
}
