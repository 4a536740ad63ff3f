//! The head of a request, parsed as it arrives (`ngx_http_process_request_line`, `ngx_http_process_request_headers`).

use crate::eval::select::host;
use crate::runtime::net::http1::field::{self, Field, KnownHeader, Line};
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::request_line::{self, RequestLine};
use crate::runtime::net::reset::set;

/// Limits of heads by the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Longest request line or header line: one of the `large_client_header_buffers`.
    pub(crate) line: usize,
    /// Longest head: all of them.
    pub(crate) head: usize,
    /// `max_headers`
    pub(crate) headers: usize,
    /// `underscores_in_headers`
    pub(crate) underscores: bool,
    /// `ignore_invalid_headers`
    pub(crate) ignores_invalid: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { line: 8 << 10, head: 32 << 10, headers: 1000, underscores: false, ignores_invalid: true }
    }
}

/// `Connection` of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConnectionType {
    #[default]
    Unset,
    Close,
    KeepAlive,
}

/// As wide as the positions in the buffer: there are no more lines than bytes.
#[derive(Debug)]
struct First([u32; KnownHeader::COUNT]);

impl Default for First {
    fn default() -> Self {
        Self([0; KnownHeader::COUNT])
    }
}

/// A head, or what of it has arrived.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) line: RequestLine,
    /// The valid lines in order.
    pub(crate) fields: Vec<Field>,
    /// Position + 1 of the first field of each known name.
    first: First,
    /// Name of the host without port, in lower case: what the server is chosen by.
    pub(crate) server: Vec<u8>,
    /// Port of the host, 0 if none was sent.
    pub(crate) port: u16,
    pub(crate) connection: ConnectionType,
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    /// Offset of the request in the buffer, and the end of its parsed part.
    pub(crate) start: usize,
    pub(crate) position: usize,
    has_line: bool,
}

/// Progress of the parser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The head is complete; `position` is behind it.
    Done,
    /// Nothing can be said before more arrives.
    More,
    /// The request is refused.
    Bad(BadRequest),
}

/// Refusal of a request: its status and its message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRequest {
    pub(crate) status: u16,
    /// For the error log, level `info`.
    pub(crate) message: String,
}

impl BadRequest {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// Bytes of a header line that a message has (`NGX_MAX_ERROR_STR`).
const SHOWN: usize = 1748;
fn bad(status: u16, message: impl Into<String>) -> Progress {
    Progress::Bad(BadRequest::new(status, message))
}

impl Head {
    /// Forgets everything but the memory; the next request begins at `new_start`. The pattern names every field, so none
    /// can be left out.
    pub(crate) fn reset(&mut self, new_start: usize) {
        #[rustfmt::skip]
        let Self {
            line, fields, first, server, port, connection, content_length, chunked, start, position, has_line,
        } = self;
        *line = RequestLine::default();
        *first = First::default();
        fields.clear();
        server.clear();
        (*port, *connection, *content_length) = (0, ConnectionType::Unset, None);
        set!(false, chunked has_line);
        set!(new_start, start position);
    }

    /// The first field of a known name.
    pub(crate) fn field(&self, known: KnownHeader) -> Option<&Field> {
        match self.first.0[known as usize] {
            0 => None,
            n => self.fields.get(n as usize - 1),
        }
    }

    /// The value of the first field of a known name.
    pub(crate) fn value<'a>(&self, known: KnownHeader, buffer: &'a [u8]) -> Option<&'a [u8]> {
        self.field(known).map(|f| f.value.of(buffer))
    }

    /// True if the request line has been read.
    pub(crate) fn has_line(&self) -> bool {
        self.has_line
    }

    /// Takes a request line that was read already.
    pub(crate) fn set_line(&mut self, line: RequestLine) {
        self.line = line;
        self.has_line = true;
    }

    /// Parses what has arrived since the last call.
    pub(crate) fn advance(&mut self, buffer: &[u8], rules: &Rules) -> Progress {
        if !self.has_line {
            match self.request_line(buffer, rules) {
                Progress::Done => {}
                other => return other,
            }
            if self.line.version < 1000 {
                return Progress::Done;
            }
        }
        loop {
            match field::parse(buffer, self.position, rules.underscores) {
                Line::Field { field, valid, next } => {
                    if next - self.position > rules.line {
                        return self.too_long(buffer);
                    }
                    self.position = next;
                    if valid || !rules.ignores_invalid {
                        if self.fields.len() >= rules.headers {
                            return bad(494, "client sent too many header lines");
                        }
                        if let Err(refused) = self.add(buffer, field) {
                            return Progress::Bad(refused);
                        }
                    }
                }
                Line::End { next } => {
                    self.position = next;
                    return self.finish(buffer);
                }
                Line::Invalid { at } => {
                    let shown = String::from_utf8_lossy(&buffer[self.position..at]);
                    let byte = buffer.get(at).copied().unwrap_or_default();
                    return bad(400, format!("client sent invalid header line: \"{shown}\\x{byte:02x}...\""));
                }
                Line::Incomplete => {
                    let too_long = buffer.len() - self.position >= rules.line;
                    if too_long || buffer.len() - self.start >= rules.head {
                        return self.too_long(buffer);
                    }
                    return Progress::More;
                }
            }
        }
    }

    /// The header line at the position is too long.
    fn too_long(&self, buffer: &[u8]) -> Progress {
        let end = buffer.len().min(self.position + SHOWN);
        let shown = String::from_utf8_lossy(&buffer[self.position..end]);
        bad(494, format!("client sent too long header line: \"{shown}...\""))
    }

    /// The request line is longer than a buffer: the buffer is what is known of the request.
    fn too_long_line(&mut self, rules: &Rules) -> Progress {
        self.line.line = Piece::new(self.position, self.position + rules.line);
        bad(414, "client sent too long URI")
    }

    fn request_line(&mut self, buffer: &[u8], rules: &Rules) -> Progress {
        while matches!(buffer.get(self.position), Some(b'\r' | b'\n')) {
            self.position += 1;
            self.start = self.position;
        }
        let rest = &buffer[self.position..];
        let Some(length) = memchr::memchr(b'\n', rest) else {
            if !request_line::plausible(rest) {
                return bad(400, request_line::LineError::Method.message());
            }
            let is_long = rest.len() >= rules.line;
            return if is_long { self.too_long_line(rules) } else { Progress::More };
        };
        if length > rules.line {
            return self.too_long_line(rules);
        }
        let lf = self.position + length;
        let end = if length > 0 && buffer[lf - 1] == b'\r' { lf - 1 } else { lf };
        match request_line::parse(buffer, self.position, end) {
            Ok(line) => self.line = line,
            Err(error) => {
                self.line.line = Piece::new(self.position, end);
                return bad(error.status(), error.message());
            }
        }
        self.position = lf + 1;
        self.has_line = true;
        if let Some(piece) = self.line.host {
            match host::normalize(piece.of(buffer), &mut self.server) {
                Ok(port) => self.port = port.unwrap_or(0),
                Err(_) => return bad(400, "client sent invalid host in request line"),
            }
        }
        Progress::Done
    }

    /// Takes a line into account as the handlers of `ngx_http_headers_in` do.
    pub(crate) fn add(&mut self, buffer: &[u8], field: Field) -> Result<(), BadRequest> {
        let known = field.known;
        let value = field.value.of(buffer);
        let refuse = |message: String| Err(BadRequest { status: 400, message });
        if known != KnownHeader::Other {
            let unique = matches!(
                known,
                KnownHeader::Host
                    | KnownHeader::IfModifiedSince
                    | KnownHeader::IfUnmodifiedSince
                    | KnownHeader::IfMatch
                    | KnownHeader::IfNoneMatch
                    | KnownHeader::ContentLength
                    | KnownHeader::ContentRange
                    | KnownHeader::IfRange
                    | KnownHeader::TransferEncoding
                    | KnownHeader::Expect
                    | KnownHeader::Authorization
                    | KnownHeader::Upgrade
            );
            if let (true, Some(previous)) = (unique, self.field(known)) {
                let what = if known == KnownHeader::Host {
                    "duplicate host header"
                } else {
                    "duplicate header line"
                };
                return refuse(format!(
                    "client sent {what}: \"{}: {}\", previous value: \"{}: {}\"",
                    String::from_utf8_lossy(field.name.of(buffer)),
                    String::from_utf8_lossy(value),
                    String::from_utf8_lossy(previous.name.of(buffer)),
                    String::from_utf8_lossy(previous.value.of(buffer)),
                ));
            }
            if self.first.0[known as usize] == 0 {
                self.first.0[known as usize] = self.fields.len() as u32 + 1;
            }
        }
        self.fields.push(field);
        match known {
            KnownHeader::Host => {
                let mut name = Vec::new();
                let target = if self.line.host.is_some() { &mut name } else { &mut self.server };
                match host::normalize(value, target) {
                    Err(_) => return refuse("client sent invalid host header".to_owned()),
                    Ok(port) if self.line.host.is_none() => self.port = port.unwrap_or(0),
                    Ok(_) => {}
                }
            }
            KnownHeader::Connection => {
                if contains(value, b"close") {
                    self.connection = ConnectionType::Close;
                } else if contains(value, b"keep-alive") {
                    self.connection = ConnectionType::KeepAlive;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The checks of the whole head (`ngx_http_process_request_header`).
    pub(crate) fn finish(&mut self, buffer: &[u8]) -> Progress {
        if self.line.version > 1000 && self.field(KnownHeader::Host).is_none() {
            return bad(400, "client sent HTTP/1.1 request without \"Host\" header");
        }
        if let Some(value) = self.value(KnownHeader::ContentLength, buffer) {
            match decimal(value) {
                Some(length) => self.content_length = Some(length),
                None => return bad(400, "client sent invalid \"Content-Length\" header"),
            }
        }
        if let Some(value) = self.value(KnownHeader::TransferEncoding, buffer) {
            if self.line.version < 1001 {
                return bad(400, "client sent HTTP/1.0 request with \"Transfer-Encoding\" header");
            }
            if !value.eq_ignore_ascii_case(b"chunked") {
                let shown = String::from_utf8_lossy(value);
                return bad(501, format!("client sent unknown \"Transfer-Encoding\": \"{shown}\""));
            }
            if self.content_length.is_some() {
                return bad(
                    400,
                    "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
                );
            }
            self.chunked = true;
        }
        match self.line.method.of(buffer) {
            b"CONNECT" => bad(405, "client sent CONNECT method"),
            b"TRACE" => bad(405, "client sent TRACE method"),
            _ => Progress::Done,
        }
    }
}

/// A number as `ngx_atoof` reads it: digits only, at least one, no overflow.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |n, d| {
        n.checked_mul(10)?.checked_add(d.is_ascii_digit().then(|| u64::from(d - b'0'))?)
    })?;
    i64::try_from(number).is_ok().then_some(number)
}

/// True if `text` contains `word`, which is lower case, without regard to case.
pub(crate) fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules =
        Rules { line: 8 << 10, head: 32 << 10, headers: 3, underscores: false, ignores_invalid: true };

    fn parse(text: &[u8], step: usize) -> (Head, Progress) {
        let mut head = Head::default();
        let mut end = 0;
        loop {
            end = (end + step).min(text.len());
            let progress = head.advance(&text[..end], &RULES);
            if progress != Progress::More || end == text.len() {
                return (head, progress);
            }
        }
    }

    #[test]
    fn arrives_in_pieces() {
        let text = b"\r\nGET /a HTTP/1.1\r\nHost: A.b:81\r\nX_y: 1\r\nConnection: Keep-Alive\r\n\r\nrest";
        for step in 1..text.len() {
            let (head, progress) = parse(text, step);
            assert_eq!(progress, Progress::Done);
            assert_eq!(&text[head.position..], b"rest");
            assert_eq!((head.server.as_slice(), head.port, head.fields.len()), (&b"a.b"[..], 81, 2));
            assert_eq!(head.connection, ConnectionType::KeepAlive);
        }
    }

    #[test]
    fn refused() {
        for (text, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
            ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
            ("GET / HTTP/3.0\r\n", 505),
            ("\x16\x03\x01\x02", 400),
            ("GET / HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", 494),
        ] {
            let (_, progress) = parse(text.as_bytes(), 1000);
            assert!(matches!(&progress, Progress::Bad(b) if b.status == status), "{text:?} {progress:?}");
        }
        let long = [b"GET /".to_vec(), vec![b'a'; RULES.line]].concat();
        assert!(matches!(parse(&long, 1000).1, Progress::Bad(BadRequest { status: 414, .. })));
        let long = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'a'; RULES.line]].concat();
        assert!(matches!(parse(&long, 1000).1, Progress::Bad(BadRequest { status: 494, .. })));
    }
}
