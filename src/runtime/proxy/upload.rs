//! The body of a request on its way to the peer: out of memory, out of a file, or while the client still sends it
//! (`ngx_http_upstream_send_request_body`).

use std::task::Poll;

use super::exchange::Failure;
use super::fastcgi;
use super::head::SMALL_BODY;
use super::request::ProxyRequest;
use crate::runtime::fastcgi::records;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::text::put;
use crate::runtime::request::body::{BodyError, Reader};
use crate::runtime::request::body_file::BodyFile;

const SENDING: &str = " while sending request to upstream";
/// Files are read in pieces of this size.
const PIECE: usize = 64 << 10;

/// Sends head and body. False if the peer answered before it had all.
pub(super) async fn send(p: &mut ProxyRequest<'_>, stream: &mut Stream) -> Result<bool, Failure> {
    if p.is_streaming {
        return pass_on(p, stream).await;
    }
    let head = std::mem::take(&mut p.r.upstream_out);
    let sent = write(p, stream, &head).await;
    p.r.upstream_out = head;
    sent?;
    if p.has_own_body || !p.plan.on_way.pass_request_body.value {
        return Ok(true);
    }
    if p.plan.has_records() {
        return fastcgi::send_body(p, stream).await.map(|()| true);
    }
    if p.r.body.len() > SMALL_BODY {
        let body = std::mem::take(&mut p.r.body);
        let sent = write(p, stream, &body).await;
        p.r.body = body;
        sent?;
    }
    if let Some(file) = p.r.body_file.take() {
        let sent = send_file(p, stream, &file, false).await;
        p.r.body_file = Some(file);
        sent?;
    }
    Ok(true)
}

/// Sends a file, as it is or in records of FastCGI.
pub(super) async fn send_file(
    p: &mut ProxyRequest<'_>,
    stream: &mut Stream,
    file: &BodyFile,
    in_records: bool,
) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < file.len() {
        let n = match file.read(&mut piece, at) {
            Ok(n) if n > 0 => n,
            _ => return Err(Failure::Local),
        };
        if in_records {
            fastcgi::send(p, stream, &piece[..n]).await?;
        } else {
            write(p, stream, &piece[..n]).await?;
        }
        at += n as u64;
    }
    Ok(())
}

pub(super) async fn write(p: &mut ProxyRequest<'_>, stream: &mut Stream, data: &[u8]) -> Result<(), Failure> {
    let timeout = p.plan.settings.send_timeout.value;
    let mut rest = data;
    while !rest.is_empty() {
        match p.c.timer.limit(timeout, |cx| stream.poll_write(cx, rest)).await {
            None => return Err(Failure::TimedOut(SENDING)),
            Some(Ok(n)) if n > 0 => {
                rest = &rest[n..];
                if let Some(this) = p.r.tries.last_mut() {
                    this.sent += n as u64;
                }
            }
            Some(_) => return Err(Failure::Error(SENDING)),
        }
    }
    Ok(())
}

/// `proxy_request_buffering off`
async fn pass_on(p: &mut ProxyRequest<'_>, stream: &mut Stream) -> Result<bool, Failure> {
    let is_fastcgi = p.plan.has_records();
    let chunked = p.r.head.chunked && !is_fastcgi;
    let mut reader = Reader::new(p.c, p.r);
    let mut piece = Vec::new();
    // The part of the body that has arrived leaves together with the head.
    let mut out = p.r.upstream_out.clone();
    // If the upload stops, no step discards the rest of the body: the connection closes after the response.
    p.r.has_body = true;
    loop {
        piece.clear();
        let is_done = reader.take(p.r, &mut piece).map_err(Failure::Body)?;
        if !piece.is_empty() {
            remember(p, &piece);
            if chunked {
                put(&mut out, format_args!("{:x}\r\n", piece.len()));
            }
            if is_fastcgi {
                records::stdin(&mut out, &piece);
            } else {
                out.extend_from_slice(&piece);
            }
            if chunked {
                out.extend_from_slice(b"\r\n");
            }
        }
        if is_done && chunked {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        if is_done && is_fastcgi {
            records::stdin_end(&mut out);
        }
        write(p, stream, &out).await?;
        out.clear();
        if is_done {
            reader.finish(p.c, p.r);
            return Ok(true);
        }
        let timeout = p.r.plan.core.client_body_timeout.value;
        let (client, room) = (&mut p.c.stream, reader.room());
        let event = p.c.timer.limit(timeout, |cx| {
            if let Poll::Ready(read) = client.poll_read(cx, room) {
                return Poll::Ready(Some(read));
            }
            // The peer answers, or closes, before it has the whole body.
            stream.poll_idle_event(cx).map(|_| None)
        });
        match event.await {
            None => return Err(Failure::Body(BodyError::TimedOut)),
            Some(None) => {
                p.r.keepalive = false;
                return Ok(false);
            }
            Some(Some(Ok(n))) if n > 0 => reader.filled(n),
            Some(Some(_)) => return Err(Failure::Body(BodyError::Closed)),
        }
    }
}

/// A body that fits into the buffer is still `$request_body`.
fn remember(p: &mut ProxyRequest<'_>, piece: &[u8]) {
    let most = p.r.plan.core.client_body_buffer_size.value as usize;
    p.r.streamed += piece.len() as u64;
    if p.r.streamed as usize <= most {
        p.r.body.extend_from_slice(piece);
    } else {
        p.r.body.clear();
    }
}
