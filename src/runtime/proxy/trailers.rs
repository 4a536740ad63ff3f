//! Trailers of a peer behind a chunked body (`ngx_http_proxy_process_trailer`, `ngx_http_upstream_process_trailers`).

use super::request::ProxyRequest;
use super::response;
use crate::runtime::net::http1::field::{self, Line};

/// The lines behind the last chunk, as far as they have come.
#[derive(Debug)]
pub(super) struct Trailers {
    text: Vec<u8>,
    position: usize,
    /// Longest text: `proxy_buffer_size`.
    most: usize,
}

/// Progress of the trailers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// The trailers are complete; so many bytes of the piece belong to them.
    Done(usize),
    /// For the error log.
    Invalid(String),
}

impl Trailers {
    pub(super) fn new(most: usize) -> Self {
        Self { text: Vec::new(), position: 0, most }
    }

    pub(super) fn take(&mut self, data: &[u8]) -> Progress {
        let before = self.text.len();
        let length = data.len().min(self.most - before);
        self.text.extend_from_slice(&data[..length]);
        loop {
            match field::parse(&self.text, self.position, true) {
                Line::Field { next, .. } => self.position = next,
                Line::End { next } => {
                    self.text.truncate(self.position);
                    return Progress::Done(next.saturating_sub(before));
                }
                Line::Invalid { at } => {
                    let shown = String::from_utf8_lossy(&self.text[self.position..at]);
                    let byte = self.text.get(at).copied().unwrap_or_default();
                    return Progress::Invalid(format!(
                        "upstream sent invalid trailer: \"{shown}\\x{byte:02x}...\""
                    ));
                }
                Line::Incomplete if self.text.len() == self.most => {
                    return Progress::Invalid("upstream sent too big trailers".to_owned());
                }
                Line::Incomplete => return Progress::More,
            }
        }
    }

    /// Lets the client have them, but for those that are hidden.
    pub(super) fn pass(&mut self, p: &mut ProxyRequest<'_>) {
        let mut position = 0;
        while let Line::Field { field, next, .. } = field::parse(&self.text, position, true) {
            position = next;
            if !response::is_hidden(p.plan, &field, field.name.of(&self.text)) {
                field.copy(&self.text, &mut p.r.reply.trailers);
            }
        }
        p.r.upstream_trailers = std::mem::take(&mut self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_they_arrive() {
        let text = b"A: b\r\nC: d\r\n\r\nrest";
        for step in 1..text.len() {
            let mut trailers = Trailers::new(100);
            let mut taken = 0;
            for piece in text.chunks(step) {
                match trailers.take(piece) {
                    Progress::More => taken += piece.len(),
                    Progress::Done(n) => {
                        taken += n;
                        break;
                    }
                    Progress::Invalid(message) => panic!("{message}"),
                }
            }
            assert_eq!(&text[taken..], b"rest", "{step}");
            assert_eq!(trailers.text, b"A: b\r\nC: d\r\n");
        }
        assert_eq!(Trailers::new(100).take(b"\r\n"), Progress::Done(2));
        let bad = Trailers::new(100).take(b" A: b\r\n\r\n");
        assert_eq!(bad, Progress::Invalid("upstream sent invalid trailer: \"\\x20...\"".to_owned()));
        let long = Trailers::new(4).take(b"A: b\r\n\r\n");
        assert_eq!(long, Progress::Invalid("upstream sent too big trailers".to_owned()));
    }
}
