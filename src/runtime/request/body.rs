//! The body of a request: read before it is passed on, passed on while it is read, or thrown away after the response.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::chunked::{Chunk, Chunked};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::path::os;
use crate::runtime::request::body_file::BodyFile;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::state::Request;

/// Error of reading a request body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// Answered with this status.
    Status(u16, &'static str),
    /// The client closed the connection.
    Closed,
    TimedOut,
}

/// True if a body follows the head.
pub(crate) fn is_expected(request: &Request) -> bool {
    !request.has_body
        && !request.only_head
        && (request.head.chunked || request.head.content_length.is_some_and(|n| n > 0))
}

/// True if all of the body has come with the head.
pub(crate) fn is_here(request: &Request) -> bool {
    let here = request.buffer.filled().len() as u64;
    request
        .head
        .content_length
        .map_or_else(|| matches!(chunks(request).0, Chunk::Done | Chunk::Trailers), |length| length <= here)
}

/// The end of the chunks that have come with the head, and how many bytes of the present chunk are still to come.
fn chunks(request: &Request) -> (Chunk, u64) {
    let mut chunked = Chunked::default();
    let mut rest = request.buffer.filled();
    loop {
        let (used, chunk) = chunked.parse(rest);
        match chunk {
            Chunk::Data(n) => rest = &rest[used + n..],
            end => return (end, chunked.left()),
        }
    }
}

/// True if the bytes behind the head are no body (`ngx_http_discard_request_body_filter`).
pub(crate) fn is_broken(request: &Request) -> bool {
    request.head.chunked && !request.has_body && chunks(request).0 == Chunk::Invalid
}

/// True if the head says that the body is longer than the location takes.
fn check_length(request: &Request) -> Result<(), BodyError> {
    let limit = request.plan.core.client_max_body_size.value;
    match request.head.content_length {
        Some(length) if limit > 0 && length > limit && !request.has_body => {
            Err(BodyError::Status(413, "client intended to send too large body"))
        }
        _ => Ok(()),
    }
}

/// A body as it comes, with its framing taken away.
#[derive(Debug)]
pub(crate) struct Reader {
    framing: Framing,
    /// Bytes of the body so far, and of its framing.
    total: u64,
    framed: u64,
    limit: u64,
    scratch: Buffer,
    /// The bytes that came with the head have been taken.
    is_past_head: bool,
}

#[derive(Debug)]
enum Framing {
    /// Bytes that are still to come.
    Length(u64),
    Chunked(Chunked),
}

impl Reader {
    pub(crate) fn new(connection: &Connection, request: &Request) -> Self {
        let framing = match request.head.content_length {
            Some(length) => Framing::Length(length),
            None => Framing::Chunked(Chunked::default()),
        };
        let limit = request.plan.core.client_max_body_size.value;
        let limit = if limit == 0 { u64::MAX } else { limit };
        let scratch = connection.worker.buffers.take();
        Self { framing, total: 0, framed: 0, limit, scratch, is_past_head: false }
    }

    /// Buffer for the next bytes of the body.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.scratch.clear();
        self.scratch.room()
    }

    /// Notes that `n` bytes have arrived in the buffer.
    pub(crate) fn filled(&mut self, n: usize) {
        self.scratch.end += n;
    }

    /// Takes what has come, first of what came with the head; true if the body has ended.
    pub(crate) fn take(&mut self, request: &mut Request, out: &mut Vec<u8>) -> Result<bool, BodyError> {
        let is_head = !std::mem::replace(&mut self.is_past_head, true);
        let input = if is_head { &mut request.buffer } else { &mut self.scratch };
        match &mut self.framing {
            Framing::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.filled().len());
                out.extend_from_slice(&input.filled()[..take]);
                input.start += take;
                *left -= take as u64;
                Ok(*left == 0)
            }
            Framing::Chunked(chunked) => loop {
                let (used, chunk) = chunked.parse(input.filled());
                input.start += used;
                self.framed += used as u64;
                request.framing = self.framed;
                if self.framed > self.total + (1 << 20) {
                    return Err(BodyError::Status(400, "client sent invalid chunked body"));
                }
                if let Chunk::Data(n) = chunk {
                    self.total += n as u64;
                }
                // The chunk says how much of it is still to come, before the first byte of it is here.
                if self.total.saturating_add(chunked.left()) > self.limit {
                    return Err(BodyError::Status(413, "client intended to send too large chunked body"));
                }
                match chunk {
                    Chunk::Data(n) => {
                        out.extend_from_slice(&input.filled()[..n]);
                        input.start += n;
                    }
                    Chunk::More => return Ok(false),
                    Chunk::Invalid => {
                        return Err(BodyError::Status(400, "client sent invalid chunked body"));
                    }
                    Chunk::Done | Chunk::Trailers => return Ok(true),
                }
            },
        }
    }

    /// Gives what belongs to the next request back.
    pub(crate) fn finish(self, connection: &Connection, request: &mut Request) {
        request.buffer.append(self.scratch.filled());
        connection.worker.buffers.give(self.scratch);
    }
}

/// The flow of a request whose body does not come.
pub(crate) fn failed(connection: &Connection, request: &mut Request, error: &BodyError) -> Flow {
    match error {
        BodyError::Status(status, message) => {
            let severity = if *status == 413 { Severity::Error } else { Severity::Info };
            connection.scope(request).log(severity, message, "");
            request.keepalive = false;
            Flow::Status(*status)
        }
        BodyError::Closed => {
            request.status = 400;
            Flow::Abort
        }
        BodyError::TimedOut => {
            request.status = 408;
            Flow::Abort
        }
    }
}

/// Reads the whole body into `request.body` or a file (`ngx_http_read_client_request_body`).
pub(crate) async fn read(connection: &mut Connection, request: &mut Request) -> Result<(), BodyError> {
    begin(connection, request).await?;
    if !is_expected(request) {
        return Ok(());
    }
    let timeout = request.plan.core.client_body_timeout.value;
    let mut reader = Reader::new(connection, request);
    let mut piece = std::mem::take(&mut request.body);
    loop {
        let start = if request.body_file.is_none() { piece.len() } else { 0 };
        piece.truncate(start);
        let is_done = reader.take(request, &mut piece)?;
        keep(connection, request, &mut piece, is_done)?;
        if is_done {
            break;
        }
        let n = receive(connection, reader.room(), timeout).await?;
        reader.filled(n);
    }
    request.body = piece;
    reader.finish(connection, request);
    request.has_body = true;
    Ok(())
}

/// Before a body is read: `client_max_body_size`, and what the client waits for.
pub(crate) async fn begin(connection: &mut Connection, request: &mut Request) -> Result<(), BodyError> {
    check_length(request)?;
    if request.has_body {
        return Ok(());
    }
    expect_continue(connection, request).await
}

/// Moves what does not fit into the buffer to a file, and all if the configuration says so.
fn keep(
    connection: &Connection,
    request: &mut Request,
    body: &mut Vec<u8>,
    is_done: bool,
) -> Result<(), BodyError> {
    let worker = &connection.worker;
    let plan = Rc::clone(&request.plan);
    let core = &plan.core;
    let in_file_only = core.client_body_in_file_only.value.0;
    let size = core.client_body_buffer_size.value;
    // A body of which the length is known may be a quarter longer; not with HTTP/2 (`ngx_http_v2_read_request_body`).
    let is_lenient = request.head.content_length.is_some() && !request.is_http2();
    let most = if is_lenient { size + size / 4 } else { size };
    let fits = body.len() as u64 <= most && (in_file_only == "off" || !is_done);
    if fits && request.body_file.is_none() {
        return Ok(());
    }
    let failed = |_| BodyError::Status(500, "the body could not be written to a temporary file");
    let mut file = if let Some(file) = request.body_file.take() {
        file
    } else {
        let path = &core.client_body_temp_path.value;
        let directory = os(&worker.absolute(path.path.as_bytes().to_vec())).to_owned();
        let stays = in_file_only == "on";
        let file =
            BodyFile::create(directory, &path.levels, worker.next_temporary(), stays).map_err(failed)?;
        let severity = if in_file_only == "off" { Severity::Warn } else { Severity::Notice };
        let shown = String::from_utf8_lossy(file.path());
        let message = format!("a client request body is buffered to a temporary file {shown}");
        connection.scope(request).log(severity, &message, "");
        file
    };
    file.append(body).map_err(failed)?;
    body.clear();
    request.body_file = Some(file);
    Ok(())
}

/// Reads what is left of the body and forgets it (`ngx_http_discard_request_body`); false if the connection
/// cannot be used after it.
pub(crate) async fn discard(connection: &mut Connection, request: &mut Request) -> bool {
    if !is_expected(request) {
        return true;
    }
    request.has_body = true;
    let timeout = Duration::from_secs(5);
    let mut reader = Reader::new(connection, request);
    reader.limit = u64::MAX;
    let mut piece = Vec::new();
    loop {
        piece.clear();
        match reader.take(request, &mut piece) {
            Ok(true) => break,
            Ok(false) => {}
            Err(_) => return false,
        }
        match receive(connection, reader.room(), timeout).await {
            Ok(n) => reader.filled(n),
            Err(_) => return false,
        }
    }
    reader.finish(connection, request);
    true
}

async fn receive(
    connection: &mut Connection,
    room: &mut [u8],
    timeout: Duration,
) -> Result<usize, BodyError> {
    let stream = &mut connection.stream;
    match connection.timer.limit(timeout, |cx| stream.poll_read(cx, room)).await {
        None => Err(BodyError::TimedOut),
        Some(Ok(0) | Err(_)) => Err(BodyError::Closed),
        Some(Ok(n)) => Ok(n),
    }
}

/// `Expect: 100-continue` (`ngx_http_test_expect`).
async fn expect_continue(connection: &mut Connection, request: &mut Request) -> Result<(), BodyError> {
    let expect = request.head.value(KnownHeader::Expect, request.buffer.all());
    let is_told = (1001..2000).contains(&request.head.line.version);
    if !is_told || !expect.is_some_and(|e| e.eq_ignore_ascii_case(b"100-continue")) {
        return Ok(());
    }
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    // nginx counts it in `$bytes_sent`, and as body.
    request.sent += interim.len() as u64;
    let written: io::Result<()> = connection.write(interim, Duration::from_secs(60)).await;
    written.map_err(|_| BodyError::Closed)
}
