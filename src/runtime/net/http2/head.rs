//! Heads of HTTP/2: that of a request becomes a [`Head`] (`ngx_http_v2_construct_request_line` and what follows it), and
//! that of a response is put together field by field.

use std::ops::Range;

use bytes::Bytes;
use h2_http::header::{COOKIE, HOST};
use h2_http::request::Parts;
use h2_http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::field::{self, Field, KnownHeader};
use crate::runtime::net::http1::head::{BadRequest, Head, Progress, Rules};
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::request_line;
use crate::runtime::net::http2::hpack::{REFUSED_NAME, REFUSED_VALUE, is_refused};
use crate::runtime::net::http2::huffman;

/// The value of `$server_protocol`.
const PROTOCOL: &[u8] = b"HTTP/2.0";

/// Fields that most heads do not exceed.
const FIELDS: usize = 12;

/// Header fields that belong to a connection of HTTP/1.
const CONNECTION: &[&str] = &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Puts `text` behind what is in the buffer, and says where it is.
fn put(buffer: &mut Buffer, text: &[u8]) -> Piece {
    let start = buffer.end;
    buffer.append(text);
    Piece::new(start, buffer.end)
}

/// Fills the head of a request. Its text goes into the buffer: the line that `$request` shows, and the fields as an
/// upstream gets them.
pub(crate) fn read(head: &mut Head, parts: &Parts, buffer: &mut Buffer, rules: &Rules) -> Progress {
    head.line.version = 2000;
    let filled = fill(head, parts, buffer, rules);
    head.position = buffer.end;
    match filled {
        Ok(()) => head.finish(buffer.all()),
        Err(refused) => Progress::Bad(refused),
    }
}

fn fill(head: &mut Head, parts: &Parts, buffer: &mut Buffer, rules: &Rules) -> Result<(), BadRequest> {
    let authority = parts.uri.authority().map(h2_http::uri::Authority::as_str);
    let target = parts.uri.path_and_query().map(h2_http::uri::PathAndQuery::as_str);
    let method = put(buffer, parts.method.as_str().as_bytes());
    put(buffer, b" ");
    let target = put(buffer, target.or(authority).unwrap_or("/").as_bytes());
    put(buffer, b" ");
    let protocol = put(buffer, PROTOCOL);
    if protocol.end as usize - method.start as usize > rules.line {
        return Err(BadRequest::new(414, "client sent too long URI"));
    }
    let line = request_line::of_http2(buffer.all(), method, target, protocol);
    head.line.line = Piece::new(method.start as usize, protocol.end as usize);
    head.set_line(line.map_err(|error| BadRequest::new(error.status(), error.message()))?);
    put(buffer, b"\r\n");
    if let Some(authority) = authority {
        // `:authority` does not count as a header for `max_headers`.
        add(head, buffer, b"Host", authority.as_bytes(), rules)?;
    }
    let most = rules.headers.saturating_add(head.fields.len());
    for (name, value) in &parts.headers {
        if is_refused(name.as_str().as_bytes(), REFUSED_NAME) {
            return Err(BadRequest::new(400, "client sent invalid header name"));
        }
        if is_refused(value.as_bytes(), REFUSED_VALUE) {
            let message = format!("client sent header \"{name}\" with invalid value");
            return Err(BadRequest::new(400, message));
        }
        let is_same = |authority: &str| value.as_bytes().eq_ignore_ascii_case(authority.as_bytes());
        // A `Host` that differs from `:authority` is refused as a second `Host`.
        if name == HOST && authority.is_some_and(is_same) || name == COOKIE {
            continue;
        }
        let is_valid = field::is_valid(name.as_str().as_bytes(), rules.underscores);
        if is_valid || !rules.ignores_invalid {
            if head.fields.len() >= most {
                return Err(BadRequest::new(494, "client sent too many header lines"));
            }
            add(head, buffer, name.as_str().as_bytes(), value.as_bytes(), rules)?;
        }
    }
    // Clients send cookies in pieces (`ngx_http_v2_construct_cookie_header`).
    let cookies: Vec<&[u8]> = parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if !cookies.is_empty() {
        add(head, buffer, b"cookie", &cookies.join(&b"; "[..]), rules)?;
    }
    put(buffer, b"\r\n");
    Ok(())
}

fn add(
    head: &mut Head,
    buffer: &mut Buffer,
    name: &[u8],
    value: &[u8],
    rules: &Rules,
) -> Result<(), BadRequest> {
    if name.len() + value.len() + b": \r\n".len() > rules.line {
        return Err(BadRequest::new(494, "client sent too long header line"));
    }
    let known = KnownHeader::of(name);
    let name = put(buffer, name);
    put(buffer, b": ");
    let value = put(buffer, trimmed(value));
    put(buffer, b"\r\n");
    head.add(buffer.all(), Field { name, value, known })
}

/// A value without the spaces around it.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// Bytes of a frame's head.
pub(crate) const FRAME: u64 = 9;
/// Statuses that are one byte, and fields whose names are.
const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
const KNOWN: [&str; 6] = ["server", "date", "content-type", "content-length", "last-modified", "location"];

/// The head of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// Names, and where their values are in `values`.
    names: Vec<(HeaderName, Range<usize>)>,
    values: Vec<u8>,
    /// Bytes of the body, if that is known.
    pub(crate) content_length: Option<u64>,
    /// Only a head.
    pub(crate) is_bodyless: bool,
    /// Trailers follow the body.
    pub(crate) has_trailers: bool,
    /// Bytes of the frame as nginx sends it, which never refers to fields of earlier responses (`$bytes_sent`).
    pub(crate) length: u64,
}

impl ResponseHead {
    pub(crate) fn new(status: u16) -> Self {
        let (names, values) = (Vec::with_capacity(FIELDS), Vec::with_capacity(FIELDS * 32));
        // An indexed field, or the index of the name and a string.
        let status_length = if INDEXED.contains(&status) { 1 } else { 5 };
        Self { status, names, values, length: FRAME + status_length, ..Self::default() }
    }

    /// Adds a field, the value of which `put` appends. Fields of a connection of HTTP/1, and bytes that no field can have, are
    /// left out.
    pub(crate) fn add(&mut self, name: &[u8], put: impl FnOnce(&mut Vec<u8>)) {
        let start = self.values.len();
        put(&mut self.values);
        let value = &self.values[start..];
        let is_value = value.iter().all(|b| *b >= b' ' && *b != 0x7f || *b == b'\t');
        match HeaderName::from_bytes(name) {
            Ok(name) if is_value && !is_hop_by_hop(&name) => {
                let is_known = KNOWN.contains(&name.as_str());
                let is_raw = name.as_str() == "content-length";
                self.length +=
                    1 + if is_known { 0 } else { huffman::packed_length(name.as_str().as_bytes()) };
                self.length +=
                    if is_raw { huffman::string_length(value.len()) } else { huffman::packed_length(value) };
                self.names.push((name, start..self.values.len()));
            }
            _ => self.values.truncate(start),
        }
    }

    /// Adds a field.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.add(name, |out| out.extend_from_slice(value));
    }

    /// Names and values.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.names.iter().map(|(name, place)| (name.as_str().as_bytes(), &self.values[place.clone()]))
    }

    /// The head as h2 sends it.
    pub(crate) fn response(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        // All values share one block of memory.
        let values = Bytes::copy_from_slice(&self.values);
        let mut fields = HeaderMap::with_capacity(self.names.len());
        for (name, place) in &self.names {
            if let Ok(value) = HeaderValue::from_maybe_shared(values.slice(place.clone())) {
                fields.append(name, value);
            }
        }
        *response.headers_mut() = fields;
        response
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    CONNECTION.contains(&name.as_str())
}

fn checked(name: &[u8], value: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name).ok()?;
    let value = HeaderValue::from_bytes(value).ok()?;
    (!is_hop_by_hop(&name)).then_some((name, value))
}

/// Fields for h2 out of header lines.
pub(crate) fn trailers<'l>(lines: impl Iterator<Item = (&'l [u8], &'l [u8])>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines.filter_map(|(name, value)| checked(name, value)) {
        map.append(name, value);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(request: h2_http::request::Builder, rules: &Rules) -> (Head, Buffer, Progress) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let (mut head, mut buffer) = (Head::default(), Buffer::default());
        head.reset(buffer.start);
        let progress = read(&mut head, &parts, &mut buffer, rules);
        (head, buffer, progress)
    }

    fn post() -> h2_http::request::Builder {
        h2_http::Request::builder().method("POST").uri("https://a.test/x%20/?y=1")
    }

    #[test]
    fn heads() {
        let request = post()
            .header("host", "A.test")
            .header("cookie", "a=1")
            .header("x-other", " 2 ")
            .header("x_bad", "3")
            .header("content-length", "7")
            .header("cookie", "b=2");
        let (head, buffer, progress) = read_one(request, &Rules::default());
        assert_eq!(progress, Progress::Done);
        let text = buffer.all();
        assert_eq!(head.line.line.of(text), b"POST /x%20/?y=1 HTTP/2.0");
        assert_eq!((head.line.path.of(text), head.line.args.of(text)), (&b"/x%20/"[..], &b"y=1"[..]));
        assert!(head.line.quoted && head.line.version == 2000 && head.content_length == Some(7));
        assert_eq!(head.server, b"a.test");
        let fields: Vec<_> = head.fields.iter().map(|f| (f.name.of(text), f.value.of(text))).collect();
        let expected =
            [("Host", "a.test"), ("x-other", "2"), ("content-length", "7"), ("cookie", "a=1; b=2")];
        assert_eq!(fields, expected.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        assert_eq!(head.position, buffer.end);
    }

    #[test]
    fn what_is_refused() {
        let status = |request: h2_http::request::Builder, rules: Rules| match read_one(request, &rules).2 {
            Progress::Bad(refused) => refused.status,
            _ => 0,
        };
        let rules = Rules::default();
        assert_eq!(status(post(), rules), 0);
        assert_eq!(status(post().header("host", "b.test"), rules), 400);
        assert_eq!(status(h2_http::Request::builder().uri("/x"), rules), 400);
        assert_eq!(status(h2_http::Request::builder().method("CONNECT").uri("a.test:1"), rules), 405);
        assert_eq!(status(post(), Rules { line: 20, ..rules }), 414);
        assert_eq!(status(post().header("a", "b".repeat(40)), Rules { line: 40, ..rules }), 494);
        assert_eq!(status(post().header("a", "b"), Rules { headers: 0, ..rules }), 494);
        assert_eq!(status(post(), Rules { headers: 0, ..rules }), 0);
    }

    #[test]
    fn heads_of_responses() {
        let mut head = ResponseHead::new(204);
        head.push(b"Server", b"x");
        head.push(b"Connection", b"close");
        head.push(b"a b", b"c");
        let response = head.response();
        assert_eq!((response.status().as_u16(), response.headers().len(), head.length), (204, 1, 13));
        assert_eq!(ResponseHead::new(7).response().status().as_u16(), 502);
    }
}
