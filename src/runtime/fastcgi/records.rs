//! The records of FastCGI: how a request is cut into them, and how a response is taken out of them
//! (`ngx_http_fastcgi_process_record`, `ngx_http_fastcgi_input_filter`).

use std::ops::Range;

const VERSION: u8 = 1;
/// Bytes of a record's head.
const HEAD: usize = 8;
/// The request's number: a connection carries one at a time.
const REQUEST: u8 = 1;
/// Longest content of a record of a body, as nginx sends them.
pub(crate) const PIECE: usize = 32 << 10;

/// Types of records, as the protocol numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    BeginRequest = 1,
    EndRequest = 3,
    Params = 4,
    Stdin = 5,
    Stdout = 6,
    Stderr = 7,
}

/// The role of a server that answers requests.
const RESPONDER: u8 = 1;
/// The server keeps the connection.
const KEEP_CONN: u8 = 1;

fn padding(length: usize) -> usize {
    length.wrapping_neg() % 8
}

/// Appends a record. `content` has at most 65,535 bytes.
pub(crate) fn record(out: &mut Vec<u8>, kind: Kind, content: &[u8]) {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let padding = padding(content.len());
    out.extend_from_slice(&[VERSION, kind as u8, 0, REQUEST, high, low, padding as u8, 0]);
    out.extend_from_slice(content);
    out.resize(out.len() + padding, 0);
}

/// Appends the record that begins a request.
pub(crate) fn begin(out: &mut Vec<u8>, keep_conn: bool) {
    let flags = if keep_conn { KEEP_CONN } else { 0 };
    record(out, Kind::BeginRequest, &[0, RESPONDER, flags, 0, 0, 0, 0, 0]);
}

/// Appends a part of the request's body.
pub(crate) fn stdin(out: &mut Vec<u8>, data: &[u8]) {
    for piece in data.chunks(PIECE) {
        record(out, Kind::Stdin, piece);
    }
}

/// Appends the end of the request's body.
pub(crate) fn stdin_end(out: &mut Vec<u8>) {
    record(out, Kind::Stdin, b"");
}

/// Appends a parameter.
pub(crate) fn param(out: &mut Vec<u8>, name: &[&[u8]], value: &[u8]) {
    length(out, name.iter().map(|part| part.len()).sum());
    length(out, value.len());
    for part in name {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(value);
}

/// Writes a length: one byte up to 127, else four.
fn length(out: &mut Vec<u8>, n: usize) {
    match u8::try_from(n) {
        Ok(n) if n < 128 => out.push(n),
        _ => out.extend_from_slice(&(n as u32 | 1 << 31).to_be_bytes()),
    }
}

/// End of the server's response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// No more of the response comes.
    Stdout,
    /// The request is done, without its response having been ended before.
    Request,
}

/// A response in records, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Records {
    head: [u8; HEAD],
    /// Bytes of `head` that are there.
    have: usize,
    /// Bytes of the record's content, and of what fills it up, that are to come.
    content: usize,
    padding: usize,
    /// End of the response, once it has come.
    pub(crate) end: Option<End>,
    /// The request is done: the connection is free, unless `is_over`.
    pub(crate) is_done: bool,
    /// Something came behind the end.
    pub(crate) is_over: bool,
    /// The fault of the records, for the error log: nothing is taken any more.
    pub(crate) fault: Option<String>,
    /// Texts of the error stream since the last call, and how much of the response was there before each.
    pub(crate) errors: Vec<(usize, Vec<u8>)>,
}

impl Records {
    /// Takes what has arrived, and leaves at the beginning of `data` what of it is the response; its length.
    pub(crate) fn take(&mut self, data: &mut [u8]) -> usize {
        let (mut read, mut write) = (0, 0);
        self.errors.clear();
        while read < data.len() && self.fault.is_none() {
            if self.is_done && self.content + self.padding == 0 {
                self.is_over = true;
                break;
            }
            if self.content > 0 {
                let n = self.content.min(data.len() - read);
                self.content -= n;
                write += self.keep(data, read..read + n, write);
                read += n;
            } else if self.padding > 0 {
                let n = self.padding.min(data.len() - read);
                self.padding -= n;
                read += n;
            } else {
                let n = (HEAD - self.have).min(data.len() - read);
                self.head[self.have..self.have + n].copy_from_slice(&data[read..read + n]);
                self.have += n;
                read += n;
                self.fault = self.check().err();
                if self.have == HEAD && self.fault.is_none() {
                    self.begin();
                }
            }
        }
        write
    }

    /// All of a request's answer has come, and nothing else.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_done && !self.is_over && self.content + self.padding == 0
    }

    /// The bytes of the head that are there, one after the other (`ngx_http_fastcgi_process_record`).
    fn check(&self) -> Result<(), String> {
        let [version, kind, high, low, ..] = self.head;
        let have = |n| self.have >= n;
        if have(1) && version != VERSION {
            return Err(format!("upstream sent unsupported FastCGI protocol version: {version}"));
        }
        let is_known =
            [Kind::Stdout, Kind::Stderr, Kind::EndRequest].iter().any(|known| *known as u8 == kind);
        if have(2) && !is_known {
            return Err(format!("upstream sent invalid FastCGI record type: {kind}"));
        }
        if have(3) && high != 0 {
            return Err(format!("upstream sent unexpected FastCGI request id high byte: {high}"));
        }
        if have(4) && low != REQUEST {
            return Err(format!("upstream sent unexpected FastCGI request id low byte: {low}"));
        }
        Ok(())
    }

    /// A whole head is there.
    fn begin(&mut self) {
        self.have = 0;
        self.content = usize::from(u16::from_be_bytes([self.head[4], self.head[5]]));
        self.padding = usize::from(self.head[6]);
        if self.head[1] == Kind::EndRequest as u8 {
            self.is_done = true;
            self.end.get_or_insert(End::Request);
        } else if self.head[1] == Kind::Stdout as u8 && self.content == 0 {
            self.end.get_or_insert(End::Stdout);
        }
    }

    /// Content of a record: moved to `to`, or noted; how much of it is the response.
    fn keep(&mut self, data: &mut [u8], piece: Range<usize>, to: usize) -> usize {
        let length = piece.len();
        match self.head[1] {
            kind if kind == Kind::Stdout as u8 => {
                data.copy_within(piece, to);
                length
            }
            kind if kind == Kind::Stderr as u8 => {
                let text = &data[piece];
                let last = text.iter().rposition(|b| !matches!(b, b'\n' | b'\r' | b'.' | b' '));
                self.errors.push((to, text[..=last.unwrap_or(0)].to_vec()));
                0
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(parts: &[(Kind, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, content) in parts {
            record(&mut out, *kind, content);
        }
        out
    }

    #[test]
    fn however_they_arrive() {
        let text = response(&[
            (Kind::Stdout, b"Status: 200\r\n"),
            (Kind::Stderr, b"a warning.\n"),
            (Kind::Stdout, b"\r\nbody"),
            (Kind::Stdout, b""),
            (Kind::EndRequest, &[0; 8]),
        ]);
        for step in 1..=text.len() {
            let mut records = Records::default();
            let (mut out, mut errors) = (Vec::new(), Vec::new());
            for piece in text.chunks(step) {
                let mut piece = piece.to_vec();
                let n = records.take(&mut piece);
                out.extend_from_slice(&piece[..n]);
                errors.extend(records.errors.iter().flat_map(|(_, text)| text.clone()));
            }
            assert_eq!(out, b"Status: 200\r\n\r\nbody", "{step}");
            errors.retain(|b| *b != b' ');
            assert!(errors.starts_with(b"awarning"), "{step}");
            assert!(records.is_clean() && records.end == Some(End::Stdout), "{step}");
            assert_eq!(records.fault, None, "{step}");
        }
    }

    #[test]
    fn what_comes_behind_the_end_is_noted() {
        let mut text = response(&[(Kind::EndRequest, &[0; 8])]);
        text.push(1);
        let mut records = Records::default();
        assert_eq!(records.take(&mut text), 0);
        assert!(records.is_done && !records.is_clean());
        assert_eq!(records.end, Some(End::Request));
    }

    #[test]
    fn refused() {
        for (head, fault) in [
            ([2, 6, 0, 1], "upstream sent unsupported FastCGI protocol version: 2"),
            ([1, 9, 0, 1], "upstream sent invalid FastCGI record type: 9"),
            ([1, 6, 1, 1], "upstream sent unexpected FastCGI request id high byte: 1"),
            ([1, 6, 0, 2], "upstream sent unexpected FastCGI request id low byte: 2"),
        ] {
            let mut records = Records::default();
            records.take(&mut head.to_vec());
            assert_eq!(records.fault.as_deref(), Some(fault));
        }
    }

    #[test]
    fn lengths_and_padding() {
        let mut out = Vec::new();
        param(&mut out, &[b"HTTP_", b"A"], &[b'x'; 200]);
        assert_eq!(&out[..11], b"\x06\x80\0\0\xc8HTTP_A");
        let mut body = Vec::new();
        stdin(&mut body, &vec![b'x'; PIECE + 3]);
        assert_eq!(body.len(), HEAD + PIECE + HEAD + 8);
        assert_eq!(&body[HEAD + PIECE..][..HEAD], [1, 5, 0, 1, 0, 3, 5, 0]);
    }

    /// The bytes taken of `text` in pieces of `step` bytes, and the state after it.
    fn taken(text: &[u8], step: usize) -> (Vec<u8>, Option<End>, bool, bool, Option<String>) {
        let mut records = Records::default();
        let mut out = Vec::new();
        for piece in text.chunks(step) {
            let mut piece = piece.to_vec();
            let n = records.take(&mut piece);
            out.extend_from_slice(&piece[..n]);
        }
        let is_clean = records.is_clean();
        (out, records.end, records.is_over, is_clean, records.fault)
    }

    proptest::proptest! {
        /// The result does not depend on the pieces in which a server's bytes arrive.
        #[test]
        fn pieces_make_no_difference(
            parts in proptest::collection::vec((0..4usize, proptest::collection::vec(0u8.., 0..40)), 0..6),
            step in 1..70usize,
            wrong in proptest::option::weighted(0.3, (0..200usize, 0u8..)),
        ) {
            let kinds = [Kind::Stdout, Kind::Stderr, Kind::EndRequest, Kind::Stdout];
            let mut text = Vec::new();
            for (kind, content) in &parts {
                record(&mut text, kinds[*kind], content);
            }
            if let Some((at, byte)) = wrong
                && let Some(place) = text.get_mut(at)
            {
                *place = byte;
            }
            proptest::prop_assert_eq!(taken(&text, step), taken(&text, usize::MAX));
        }
    }
}
