//! The head of an upstream's response (`ngx_http_proxy_process_status_line`, `ngx_http_proxy_process_header`).

use crate::runtime::net::http1::field::{self, Field, KnownHeader, Line};
use crate::runtime::net::http1::head::{contains, decimal};
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::status_line::{self, StatusLine};

/// A response head, or what of it has arrived.
#[derive(Debug, Default)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusLine,
    pub(crate) fields: Vec<Field>,
    pub(crate) content_length: Option<u64>,
    pub(crate) chunked: bool,
    /// The upstream will close the connection.
    pub(crate) close: bool,
    /// Offset of the status line.
    pub(crate) start: usize,
    /// Up to where the buffer is parsed.
    pub(crate) position: usize,
    pub(crate) form: Form,
    has_status: bool,
    seen: u64,
}

/// The form of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Http,
    /// CGI: no status line; the header `Status` has the status (RFC 3875).
    Cgi,
}

/// Progress of the parser.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done,
    More,
    /// Early hints (103): the response follows.
    Hints,
    /// Not a response; the message is for the error log.
    Invalid(String),
}

/// Names that nginx takes once and ignores, with a warning, when they come again.
const ONCE: u64 = KnownHeader::ContentType.bit()
    | KnownHeader::Date.bit()
    | KnownHeader::Server.bit()
    | KnownHeader::LastModified.bit()
    | KnownHeader::Etag.bit()
    | KnownHeader::Expires.bit()
    | KnownHeader::Location.bit()
    | KnownHeader::Refresh.bit()
    | KnownHeader::Status.bit();

impl ResponseHead {
    /// Forgets everything but the memory; the head begins at `start`.
    pub(crate) fn reset(&mut self, start: usize) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, start, position: start, ..Self::default() };
    }

    /// As [`reset`](Self::reset), for a head of the Common Gateway Interface.
    pub(crate) fn reset_cgi(&mut self, start: usize) {
        self.reset(start);
        (self.form, self.has_status) = (Form::Cgi, true);
    }

    /// True if one of these names is among the fields.
    pub(crate) fn has_any(&self, names: &[KnownHeader]) -> bool {
        names.iter().any(|known| self.seen & known.bit() != 0)
    }

    /// Parses what has arrived since the last call; responses 1xx, other than 101 and 103, are passed over.
    pub(crate) fn advance(&mut self, buffer: &[u8]) -> Progress {
        loop {
            if !self.has_status {
                match status_line::parse(buffer, self.position) {
                    None => return Progress::More,
                    Some(Err(())) => {
                        return Progress::Invalid("upstream sent no valid HTTP/1.0 header".into());
                    }
                    Some(Ok((status, next))) => {
                        self.close = status.version < 1001;
                        self.status = status;
                        self.position = next;
                        self.has_status = true;
                    }
                }
            }
            match field::parse(buffer, self.position, true) {
                Line::Field { field, next, .. } => {
                    self.position = next;
                    if let Err(message) = self.add(buffer, field) {
                        return Progress::Invalid(message);
                    }
                }
                Line::End { next } => {
                    self.position = next;
                    if self.form == Form::Cgi {
                        return self.settle(buffer);
                    }
                    if self.status.code == 103 && self.close {
                        let message = "upstream sent HTTP/1.0 response with early hints";
                        return Progress::Invalid(message.to_owned());
                    }
                    if self.status.code == 103 {
                        return Progress::Hints;
                    }
                    if matches!(self.status.code, 100 | 102..=199) {
                        self.reset(next);
                        continue;
                    }
                    if self.chunked {
                        self.content_length = None;
                    }
                    return Progress::Done;
                }
                Line::Invalid { at } => {
                    let shown = String::from_utf8_lossy(&buffer[self.position..at]);
                    let byte = buffer.get(at).copied().unwrap_or_default();
                    return Progress::Invalid(format!(
                        "upstream sent invalid header: \"{shown}\\x{byte:02x}...\""
                    ));
                }
                Line::Incomplete => return Progress::More,
            }
        }
    }

    /// The status of a whole head without status line (`ngx_http_fastcgi_process_header`).
    fn settle(&mut self, buffer: &[u8]) -> Progress {
        let field = |known| self.fields.iter().find(|field| field.known == known);
        let (code, text) = if let Some(status) = field(KnownHeader::Status) {
            let text = status.value.of(buffer);
            let code = text.get(..3).and_then(decimal).and_then(|code| u16::try_from(code).ok());
            let Some(code) = code else {
                let text = String::from_utf8_lossy(text);
                return Progress::Invalid(format!("upstream sent invalid status \"{text}\""));
            };
            (code, if text.len() > 3 { status.value } else { Piece::default() })
        } else {
            (if field(KnownHeader::Location).is_some() { 302 } else { 200 }, Piece::default())
        };
        self.status = StatusLine { version: 1001, code, text };
        if self.chunked {
            self.content_length = None;
        }
        Progress::Done
    }

    fn add(&mut self, buffer: &[u8], field: Field) -> Result<(), String> {
        let value = field.value.of(buffer);
        let known = field.known;
        let again = known != KnownHeader::Other && self.seen & known.bit() != 0;
        if again && ONCE & known.bit() != 0 {
            return Ok(());
        }
        self.seen |= known.bit();
        let both = KnownHeader::ContentLength.bit() | KnownHeader::TransferEncoding.bit();
        match known {
            KnownHeader::ContentLength | KnownHeader::TransferEncoding if again => {
                let name = String::from_utf8_lossy(field.name.of(buffer));
                let value = String::from_utf8_lossy(value);
                return Err(format!("upstream sent duplicate header line: \"{name}: {value}\""));
            }
            KnownHeader::ContentLength | KnownHeader::TransferEncoding if self.seen & both == both => {
                let message =
                    "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
                return Err(message.to_owned());
            }
            KnownHeader::ContentLength => {
                self.content_length = Some(decimal(value).ok_or_else(|| {
                    let value = String::from_utf8_lossy(value);
                    format!("upstream sent invalid \"Content-Length\" header: \"Content-Length: {value}\"")
                })?);
            }
            KnownHeader::TransferEncoding if value.eq_ignore_ascii_case(b"chunked") => self.chunked = true,
            KnownHeader::TransferEncoding => {
                let value = String::from_utf8_lossy(value);
                return Err(format!("upstream sent unknown \"Transfer-Encoding\": \"{value}\""));
            }
            KnownHeader::Connection if contains(value, b"close") => self.close = true,
            _ => {}
        }
        self.fields.push(field);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA_b: c\r\nDate: 1\r\nDate: 2\r\nContent-Length: 3\r\n\r\nabc";
        let mut head = ResponseHead::default();
        for end in 0..text.len() - 3 {
            assert_eq!(head.advance(&text[..end]), Progress::More, "{end}");
        }
        assert_eq!(head.advance(text), Progress::Done);
        assert_eq!(
            (head.status.code, head.content_length, head.close, head.fields.len()),
            (200, Some(3), false, 3)
        );
        assert_eq!(&text[head.position..], b"abc");
    }

    #[test]
    fn early_hints() {
        let text = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        let mut head = ResponseHead::default();
        assert_eq!(head.advance(text), Progress::Hints);
        assert_eq!((head.fields.len(), &text[head.position..][..12]), (1, &b"HTTP/1.1 200"[..]));
        head.reset(head.position);
        assert_eq!(head.advance(text), Progress::Done);
        let old = ResponseHead::default().advance(b"HTTP/1.0 103 Early Hints\r\n\r\n");
        assert!(matches!(old, Progress::Invalid(_)), "{old:?}");
    }

    #[test]
    fn without_status_line() {
        let mut head = ResponseHead::default();
        for (text, code, line) in [
            ("A: b\r\n\r\n", 200, ""),
            ("Location: /\r\n\r\n", 302, ""),
            ("Status: 404\r\n\r\n", 404, ""),
            ("Location: /\nStatus: 201 Here\n\n", 201, "201 Here"),
        ] {
            head.reset_cgi(0);
            assert_eq!(head.advance(&text.as_bytes()[..text.len() - 1]), Progress::More, "{text:?}");
            assert_eq!(head.advance(text.as_bytes()), Progress::Done, "{text:?}");
            assert_eq!(head.status.code, code, "{text:?}");
            assert_eq!(head.status.text.of(text.as_bytes()), line.as_bytes());
        }
        head.reset_cgi(0);
        let invalid = Progress::Invalid("upstream sent invalid status \"4x4\"".to_owned());
        assert_eq!(head.advance(b"Status: 4x4\r\n\r\n"), invalid);
    }

    #[test]
    fn refused() {
        for text in [
            "ICY 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\n bad\r\n\r\n",
        ] {
            let progress = ResponseHead::default().advance(text.as_bytes());
            assert!(matches!(progress, Progress::Invalid(_)), "{text:?} {progress:?}");
        }
    }
}
