//! Writing a response to the client: its head, its parts, and what filters make of them.

use std::io;
use std::os::unix::fs::FileExt;

use rustix::buffer::spare_capacity;
use rustix::io::pread;

use crate::model::log::Severity;
use crate::runtime::filters::headers;
use crate::runtime::net::text::put;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::filter;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;
use crate::runtime::server::sendfile;

/// Files are read in pieces of this size.
const FILE_PIECE: usize = 64 << 10;

/// Length of the next piece of a file of which `left` bytes are not read yet.
fn piece_of(left: u64) -> usize {
    FILE_PIECE.min(usize::try_from(left).unwrap_or(FILE_PIECE))
}

impl Connection {
    /// Writes the head in `request.out` and the body in `request.reply`.
    pub(crate) async fn answer(&mut self, request: &mut Request) -> Flow {
        if request.reply.page.is_some() && !request.reply.header_only {
            let written = Box::pin(self.send_page(request)).await;
            request.reply.file = None;
            return if written.is_ok() { Flow::Written } else { Flow::Abort };
        }
        let mut out = std::mem::take(&mut request.out);
        let written = self.send(request, &mut out).await;
        out.truncate(request.head_length);
        request.out = out;
        request.reply.file = None;
        if written.is_ok() { Flow::Written } else { Flow::Abort }
    }

    async fn send(&mut self, request: &mut Request, out: &mut Vec<u8>) -> io::Result<()> {
        self.begin(request)?;
        if !request.reply.before.is_empty() && !request.reply.header_only {
            return self.send_changed(request, out).await;
        }
        let mut written = 0;
        let kept = std::mem::take(&mut request.reply.parts);
        let parts: &[BodyPart] = if request.reply.header_only { &[] } else { &kept };
        let length: u64 = parts.iter().map(BodyPart::len).sum();
        let chunked = request.reply.chunked && !request.reply.header_only;
        if chunked && length > 0 {
            put(out, format_args!("{length:x}\r\n"));
        }
        for part in parts {
            match *part {
                BodyPart::Text(from, to) => {
                    out.extend_from_slice(&request.reply.text[from..to]);
                }
                BodyPart::File(mut from, to) => {
                    let file = request.reply.file.take();
                    if let Some(file) = &file
                        && to - from > FILE_PIECE as u64
                        && sendfile::is_possible(self, request)
                        && self.scope(request).limit_rate() == 0
                    {
                        sendfile::send(self, request, &out[written..], file, from, to).await?;
                        out.truncate(request.head_length);
                        (written, from) = (request.head_length, to);
                    }
                    while from < to {
                        // Head and small file leave in one write.
                        let start = out.len();
                        let most = FILE_PIECE.min(usize::try_from(to - from).unwrap_or(FILE_PIECE));
                        out.reserve(most);
                        if let Some(file) = &file {
                            pread(file, spare_capacity(out), from)?;
                        }
                        out.truncate(start + most);
                        let read = out.len() - start;
                        if read == 0 {
                            // The file has become shorter.
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                        from += read as u64;
                        if from < to {
                            self.flush(request, out, &mut written).await?;
                        }
                    }
                    request.reply.file = file;
                }
            }
        }
        if chunked {
            if request.reply.expect_trailers {
                self.trailers(request, out);
            }
            out.extend_from_slice(if length > 0 { b"\r\n0\r\n" } else { b"0\r\n" });
            out.extend_from_slice(&request.reply.trailers);
            out.extend_from_slice(b"\r\n");
        }
        // The next response reuses the memory of the list.
        request.reply.parts = kept;
        self.flush(request, out, &mut written).await
    }

    /// The same for a page with commands in it.
    async fn send_page(&mut self, request: &mut Request) -> io::Result<()> {
        let parts = std::mem::take(&mut request.reply.parts);
        let text = std::mem::take(&mut request.reply.text);
        let file = request.reply.file.take();
        let mut piece = Vec::new();
        for part in parts {
            match part {
                BodyPart::Text(from, to) => {
                    piece.clear();
                    piece.extend_from_slice(&text[from..to]);
                    self.send_part(request, &mut piece, false).await?;
                }
                BodyPart::File(mut from, to) => {
                    while from < to {
                        let most = piece_of(to - from);
                        piece.resize(most, 0);
                        let Some(file) = &file else { return Ok(()) };
                        file.read_exact_at(&mut piece, from)?;
                        from += most as u64;
                        self.send_part(request, &mut piece, false).await?;
                    }
                }
            }
        }
        piece.clear();
        self.send_part(request, &mut piece, true).await
    }

    /// A part of a page, as the filters before it make it.
    async fn send_part(
        &mut self,
        request: &mut Request,
        piece: &mut Vec<u8>,
        is_last: bool,
    ) -> io::Result<()> {
        loop {
            self.change(request, piece, is_last)?;
            let is_more = request.reply.before.holds();
            filter::pass(self, request, piece, is_last && !is_more).await?;
            if !is_more {
                return Ok(());
            }
            piece.clear();
        }
    }

    /// The same for a body that passes filters.
    async fn send_changed(&mut self, request: &mut Request, out: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        let mut piece = Vec::new();
        let parts = std::mem::take(&mut request.reply.parts);
        let mut parts = parts.into_iter().peekable();
        let mut is_last = parts.peek().is_none();
        loop {
            piece.clear();
            let is_held = request.reply.before.holds();
            match parts.next_if(|_| !is_held) {
                Some(BodyPart::Text(from, to)) => piece.extend_from_slice(&request.reply.text[from..to]),
                Some(BodyPart::File(from, to)) => {
                    let most = piece_of(to - from);
                    piece.resize(most, 0);
                    let Some(file) = &request.reply.file else { return Ok(()) };
                    file.read_exact_at(&mut piece, from)?;
                    let from = from + most as u64;
                    if from < to {
                        request.reply.parts.push(BodyPart::File(from, to));
                        let rest: Vec<BodyPart> = request.reply.parts.drain(..).chain(parts).collect();
                        parts = rest.into_iter().peekable();
                    }
                }
                None => {}
            }
            is_last |= parts.peek().is_none();
            self.change(request, &mut piece, is_last)?;
            if request.reply.chunked && !piece.is_empty() {
                put(out, format_args!("{:x}\r\n", piece.len()));
                out.extend_from_slice(&piece);
                out.extend_from_slice(b"\r\n");
            } else {
                out.extend_from_slice(&piece);
            }
            if is_last && !request.reply.before.holds() {
                break;
            }
            self.flush(request, out, &mut written).await?;
        }
        if request.reply.chunked {
            if request.reply.expect_trailers {
                self.trailers(request, out);
            }
            out.extend_from_slice(b"0\r\n");
            out.extend_from_slice(&request.reply.trailers);
            out.extend_from_slice(b"\r\n");
        }
        self.flush(request, out, &mut written).await
    }

    /// Evaluates the trailers, which may ask for the head.
    fn trailers(&self, request: &mut Request, out: &mut Vec<u8>) {
        std::mem::swap(&mut request.out, out);
        headers::trailers(&mut self.scope(request));
        std::mem::swap(&mut request.out, out);
    }

    /// Puts in place of a piece of the body what the filters make of it.
    fn change(&self, request: &mut Request, piece: &mut Vec<u8>, is_last: bool) -> io::Result<()> {
        request.reply.before.push(piece, is_last).map_err(|message| {
            self.scope(request).log(Severity::Error, message, " while sending response to client");
            io::ErrorKind::InvalidData.into()
        })
    }
}
