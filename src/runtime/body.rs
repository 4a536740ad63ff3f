//! The body of a request: read into memory before it is passed on, or thrown away after the response.

use std::io;
use std::time::Duration;

use super::connection::Connection;
use super::http1::chunked::{Chunk, Chunked};
use super::http1::field::Known;
use super::request::Request;

/// Largest body that is taken when `client_max_body_size` is 0: bodies are held in memory.
const CAP: u64 = 64 << 20;

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// Answered with this status.
    Status(u16, &'static str),
    /// The client is gone.
    Closed,
    TimedOut,
}

/// Whether a body follows the head.
pub(crate) fn is_expected(request: &Request) -> bool {
    !request.has_body && (request.head.chunked || request.head.content_length.is_some_and(|n| n > 0))
}

/// The longest body the location takes; 413 if the head says that it is longer.
fn limit(request: &Request) -> Result<u64, BodyError> {
    let limit = request.plan.core.client_max_body_size.value;
    let limit = if limit == 0 { CAP } else { limit };
    match request.head.content_length {
        Some(length) if length > limit => {
            Err(BodyError::Status(413, "client intended to send too large body"))
        }
        _ => Ok(limit),
    }
}

/// Reads the whole body into `request.body` (`ngx_http_read_client_request_body`).
pub(crate) async fn read(connection: &mut Connection, request: &mut Request) -> Result<(), BodyError> {
    let limit = limit(request)?;
    if !is_expected(request) {
        return Ok(());
    }
    expect_continue(connection, request).await?;
    let timeout = request.plan.core.client_body_timeout.value;
    if let Some(length) = request.head.content_length {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let have = request.buffer.filled().len().min(length);
        request.body.extend_from_slice(&request.buffer.filled()[..have]);
        request.buffer.start += have;
        let mut filled = have;
        while filled < length {
            // Grows with what arrives, not with what was announced.
            let next = length.min(filled + (64 << 10));
            if request.body.len() < next {
                request.body.resize(next, 0);
            }
            filled += receive(connection, &mut request.body[filled..next], timeout).await?;
        }
        request.body.truncate(length);
    } else {
        read_chunked(connection, request, limit, timeout, true).await?;
    }
    request.has_body = true;
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
    if request.head.chunked {
        return read_chunked(connection, request, u64::MAX, timeout, false).await.is_ok();
    }
    let length = request.head.content_length.unwrap_or(0);
    let have = (request.buffer.filled().len() as u64).min(length);
    request.buffer.start += have as usize;
    let mut left = length - have;
    let mut scratch = connection.worker.buffers.take();
    while left > 0 {
        let room = scratch.room();
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
        match receive(connection, &mut room[..most], timeout).await {
            Ok(n) => left -= n as u64,
            Err(_) => return false,
        }
    }
    connection.worker.buffers.give(scratch);
    true
}

async fn read_chunked(
    connection: &mut Connection,
    request: &mut Request,
    limit: u64,
    timeout: Duration,
    keep: bool,
) -> Result<(), BodyError> {
    let mut chunked = Chunked::default();
    let mut scratch = connection.worker.buffers.take();
    let mut total = 0u64;
    let mut framing = 0u64;
    // First what came with the head, then what is read.
    let mut from_head = true;
    loop {
        let input = if from_head { &mut request.buffer } else { &mut scratch };
        loop {
            let (used, chunk) = chunked.parse(input.filled());
            input.start += used;
            framing += used as u64;
            if framing > total + (1 << 20) {
                return Err(BodyError::Status(400, "client sent invalid chunked body"));
            }
            match chunk {
                Chunk::Data(n) => {
                    total += n as u64;
                    if total > limit {
                        return Err(BodyError::Status(413, "client intended to send too large chunked body"));
                    }
                    if keep {
                        request.body.extend_from_slice(&input.filled()[..n]);
                    }
                    input.start += n;
                }
                Chunk::More => break,
                Chunk::Invalid => return Err(BodyError::Status(400, "client sent invalid chunked body")),
                Chunk::Done => {
                    if !from_head {
                        request.buffer.append(scratch.filled());
                    }
                    connection.worker.buffers.give(scratch);
                    return Ok(());
                }
            }
        }
        from_head = false;
        scratch.clear();
        let n = receive(connection, scratch.room(), timeout).await?;
        scratch.end += n;
    }
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
    let expect = request.head.value(Known::Expect, request.buffer.all());
    if request.head.line.version < 1001 || !expect.is_some_and(|e| e.eq_ignore_ascii_case(b"100-continue")) {
        return Ok(());
    }
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    // nginx counts it in `$bytes_sent`, and as body.
    request.sent += interim.len() as u64;
    let written: io::Result<()> = connection.write(interim, Duration::from_secs(60)).await;
    written.map_err(|_| BodyError::Closed)
}
