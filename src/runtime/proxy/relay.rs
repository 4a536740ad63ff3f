//! The response on its way to the client (`ngx_http_upstream_process_headers`, the header and chunked filters).

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::framing::{BodyState, Incoming};
use super::pipe::{Begun, Next, Pipe};
use super::request::ProxyRequest;
use super::saving::Copy;
use super::{over, response, sticky, tunnel};
use crate::model::log::Severity;
use crate::runtime::filters::headers;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::stream::IdleEvent;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::{ahead, filter};
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::pool::UpstreamConnection;

const READING: &str = " while reading upstream";

/// Sends head and body to the client; the connection goes back to the pool as soon as the response has arrived.
pub(super) async fn run(
    p: &mut ProxyRequest<'_>,
    connection: UpstreamConnection,
    mut buffer: Buffer,
    address: &Address,
) -> Flow {
    // Behind a 101 that the client did not ask for a body may follow.
    let has_none = match p.r.response.status.code {
        101 => p.r.is_http2(),
        code => matches!(code, 100..=199 | 204 | 304),
    };
    let is_bodyless = p.r.is_head() || has_none;
    let is_chunked = match response::begin(p, &buffer, is_bodyless, None) {
        Ok(is_chunked) => is_chunked,
        Err(status) => return Flow::Status(status),
    };
    sticky::learn(p, false);
    if p.is_upgraded && p.r.depth > 0 {
        p.log(Severity::Error, "connection upgrade in subrequest", READING);
        return Flow::Abort;
    }
    if p.is_upgraded {
        buffer.start = p.r.response.position;
        // Boxed: every request would carry the place for it.
        return Box::pin(tunnel::run(p, connection, buffer)).await;
    }
    let mut copy = Copy::begin(p, &buffer);
    // A body that the client did not ask for is read only if the response is cached.
    let is_silent = p.r.reply.header_only;
    let has_body = !has_none && !p.is_head;
    let is_read = has_body && (!is_silent || copy.is_some());
    p.rate = p.scope().limit_rate();
    buffer.start = p.r.response.position;
    let mut incoming = Incoming::of(p, is_read);
    let is_full = buffer.room().is_empty();
    let read = buffer.filled().len();
    let part = incoming.take(&mut buffer);
    for (severity, message) in std::mem::take(&mut incoming.messages) {
        p.log(severity, &message, READING);
    }
    if let BodyState::Invalid(message) = part {
        p.log(Severity::Error, &message, READING);
        return abort(p, true).await;
    }
    let length = buffer.filled().len() as u64;
    if let Some(this) = p.this_try() {
        this.length += length;
    }
    if let Some(this) = &mut copy
        && let Err(message) = this.append(buffer.filled())
    {
        p.log(Severity::Crit, &message, READING);
        copy = None;
    }
    let is_other = p.r.response.status.code == 101;
    let may_keep = !incoming.closes && (is_read || !has_body) && !is_other;
    let mut sending = Sending { is_silent, is_chunked, has_head: true, position: 0 };
    let BodyState::Done(is_clean) = part else {
        let begun = Begun { connection, incoming, copy, may_keep, read, is_full };
        // Boxed: a response that has arrived as a whole needs no room for it.
        return Box::pin(long(p, begun, buffer, address, sending)).await;
    };
    // The whole response has arrived: the peer is free before the client gets it.
    incoming.end(p);
    let worker = Rc::clone(&p.c.worker);
    // Else it is closed here.
    (is_clean && may_keep).then(|| worker.keep(&p.state, connection, address, p.tag()));
    over(p);
    if let Some(Err(message)) = copy.map(Copy::complete) {
        p.log(Severity::Crit, &message, READING);
    }
    let is_sent = send(p, &mut buffer, &mut sending, true).await;
    worker.buffers.give(buffer);
    if is_sent { Flow::Written } else { Flow::Abort }
}

/// Progress of the response on its way to the client.
struct Sending {
    /// The client gets only the head.
    is_silent: bool,
    is_chunked: bool,
    /// The head is still to be sent.
    has_head: bool,
    /// Position in the body.
    position: u64,
}

/// Sends the bytes in `buffer`, the head before them and the end behind them; false if the client is gone.
async fn send(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, sending: &mut Sending, is_done: bool) -> bool {
    let length = buffer.filled().len() as u64;
    if let Some(window) = p.window {
        cut(buffer, window, sending.position);
    }
    sending.position += length;
    if sending.is_silent {
        buffer.end = buffer.start;
    }
    let is_empty = buffer.is_empty() && !sending.has_head && (!is_done || sending.is_silent);
    is_empty || write(p, buffer, &mut sending.has_head, sending.is_chunked, is_done).await
}

/// Passes a response on that has not arrived as a whole: `first` are its first bytes.
async fn long(
    p: &mut ProxyRequest<'_>,
    begun: Begun,
    mut first: Buffer,
    address: &Address,
    mut sending: Sending,
) -> Flow {
    if let Some(message) = begun.incoming.broken() {
        send(p, &mut first, &mut sending, false).await;
        p.log(Severity::Error, &message, READING);
        return Flow::Abort;
    }
    let pipe = Pipe::new(p, address, begun);
    let depth = p.c.ahead.len();
    if p.is_buffering {
        p.c.ahead.push(Rc::<Pipe>::clone(&pipe));
        p.spool = Some(Rc::clone(&pipe.state().spool));
    }
    let flow = pass(p, &pipe, first, &mut sending, depth).await;
    p.c.ahead.truncate(depth);
    note(p, &pipe);
    flow
}

/// The same until the end of the response or of the client.
async fn pass(
    p: &mut ProxyRequest<'_>,
    pipe: &Pipe,
    first: Buffer,
    sending: &mut Sending,
    depth: usize,
) -> Flow {
    let mut watch = !p.plan.on_way.ignore_client_abort.value && !p.r.is_background;
    let mut is_gone = false;
    let (mut buffer, mut is_last) = (first, false);
    loop {
        if is_last {
            pipe.state().incoming.end(p);
        }
        if !is_gone && !send(p, &mut buffer, sending, is_last).await {
            if pipe.state().copy.is_none() {
                return Flow::Abort;
            }
            is_gone = true;
            pipe.state().forget_client();
        }
        p.c.worker.buffers.give(buffer);
        note(p, pipe);
        if is_last {
            return if is_gone { Flow::Abort } else { Flow::Written };
        }
        // The responses that this one is put into are read on too.
        let (client, outer) = (&p.c.stream, &p.c.ahead[..depth]);
        let next = poll_fn(|cx| {
            if let Poll::Ready(next) = pipe.poll_next(cx) {
                return Poll::Ready(Some(next));
            }
            if watch && pipe.state().serves_client_only() {
                match client.poll_idle_event(cx) {
                    Poll::Ready(IdleEvent::Closed) => return Poll::Ready(None),
                    // Unread bytes of the next request hide whether the client has closed.
                    Poll::Ready(IdleEvent::Data) => watch = false,
                    Poll::Pending => {}
                }
            }
            ahead::poll(outer, cx);
            Poll::Pending
        });
        let next = next.await;
        note(p, pipe);
        match next {
            Some(Next::Data(data, last)) => (buffer, is_last) = (data, last),
            Some(Next::Broken) => return Flow::Abort,
            None => {
                let message = "client prematurely closed connection, so upstream connection is closed too";
                p.log(Severity::Info, message, READING);
                return Flow::Abort;
            }
        }
    }
}

/// Notes in the request facts of a response that is read ahead.
fn note(p: &mut ProxyRequest<'_>, pipe: &Pipe) {
    let noted = pipe.state().noted();
    if let Some(this) = p.this_try() {
        this.received += noted.received;
        this.length += noted.length;
        this.response = this.response.or(noted.response);
    }
    if noted.response.is_some() {
        over(p);
    }
}

/// Leaves of what stands at this position of the body only what the client asked for.
fn cut(buffer: &mut Buffer, (from, to): (u64, u64), position: u64) {
    let length = buffer.filled().len() as u64;
    let skip = from.saturating_sub(position).min(length);
    let end = to.saturating_sub(position).clamp(skip, length);
    buffer.end = buffer.start + end as usize;
    buffer.start += skip as usize;
}

/// The head has gone or goes out before the connection is closed, as in nginx.
async fn abort(p: &mut ProxyRequest<'_>, has_head: bool) -> Flow {
    if has_head && p.c.begin(p.r).is_ok() {
        let head = std::mem::take(&mut p.r.out);
        let timeout = p.r.plan.core.send_timeout.value;
        if p.c.write(&head, timeout).await.is_ok() {
            p.r.sent += head.len() as u64;
        }
        p.r.out = head;
    }
    Flow::Abort
}

/// Writes the head, if it is still to be sent, and the body in `buffer`.
async fn write(
    p: &mut ProxyRequest<'_>,
    buffer: &mut Buffer,
    has_head: &mut bool,
    is_chunked: bool,
    is_done: bool,
) -> bool {
    if !p.r.reply.before.is_empty() {
        return Box::pin(write_changed(p, buffer, has_head, is_chunked, is_done)).await;
    }
    write_whole(p, buffer, has_head, is_chunked, is_done).await
}

/// The same for a body that passes filters; a filter may give what it makes of a piece in several parts.
async fn write_changed(
    p: &mut ProxyRequest<'_>,
    buffer: &mut Buffer,
    has_head: &mut bool,
    is_chunked: bool,
    is_done: bool,
) -> bool {
    let mut piece = buffer.filled().to_vec();
    loop {
        if let Err(message) = p.r.reply.before.push(&mut piece, is_done) {
            p.log(Severity::Error, message, READING);
            return false;
        }
        let is_more = p.r.reply.before.holds();
        buffer.clear();
        buffer.append(&piece);
        // No memory is held for a client that waits.
        piece = Vec::new();
        // A filter that holds all it has makes nothing to send.
        let is_idle = buffer.is_empty() && !*has_head && (is_more || !is_done);
        if !is_idle && !write_whole(p, buffer, has_head, is_chunked, is_done && !is_more).await {
            return false;
        }
        if !is_more {
            return true;
        }
    }
}

/// Writes the head, if it is still to be sent, and the body in `buffer` in one go.
async fn write_whole(
    p: &mut ProxyRequest<'_>,
    buffer: &mut Buffer,
    has_head: &mut bool,
    is_chunked: bool,
    is_done: bool,
) -> bool {
    let timeout = p.r.plan.core.send_timeout.value;
    if p.r.reply.page.is_some() {
        *has_head = false;
        return Box::pin(filter::pass(p.c, p.r, buffer.filled(), is_done)).await.is_ok();
    }
    if is_chunked {
        let length = buffer.filled().len();
        if length > 0 {
            buffer.append(b"\r\n");
            let size = format!("{length:x}\r\n");
            buffer.prepend(size.as_bytes());
        }
        if is_done {
            buffer.append(b"0\r\n");
            if p.r.reply.expect_trailers {
                headers::trailers(&mut p.c.scope(p.r));
            }
            buffer.append(&p.r.reply.trailers);
            buffer.append(b"\r\n");
        }
    }
    let begins = std::mem::take(has_head);
    if begins && p.c.begin(p.r).is_err() {
        return false;
    }
    if begins && !buffer.prepend(&p.r.out) {
        let head = std::mem::take(&mut p.r.out);
        let written = p.c.write(&head, timeout).await;
        p.r.sent += head.len() as u64;
        p.r.out = head;
        if written.is_err() {
            return false;
        }
    }
    if p.rate == 0 {
        p.r.sent += buffer.filled().len() as u64;
        return deliver(p, buffer, timeout).await.is_ok();
    }
    p.c.write_slowly(p.r, buffer.filled(), p.rate, timeout).await.is_ok()
}

/// Writes the bytes in a buffer. If the client takes no more of them and the response is in a temporary file, the rest
/// waits there too.
async fn deliver(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, timeout: Duration) -> io::Result<()> {
    // Frames of HTTP/2 are short, and only a write says that the window is open.
    let spool = p.spool.clone().filter(|_| p.c.sink.is_none() && !p.r.is_http2());
    let Some(spool) = spool else { return p.c.write_buffer(buffer, timeout).await };
    p.c.write_now(buffer).await?;
    if buffer.is_empty() || !spool.borrow_mut().set_aside(buffer.filled()) {
        return p.c.write_buffer(buffer, timeout).await;
    }
    let worker = Rc::clone(&p.c.worker);
    worker.buffers.give(std::mem::replace(buffer, Buffer::absent()));
    loop {
        p.c.writable(timeout).await?;
        let Some(mut piece) = spool.borrow_mut().take_aside(&worker)? else { return Ok(()) };
        let written = p.c.write_now(&mut piece).await;
        spool.borrow_mut().give_back(piece.filled().len());
        worker.buffers.give(piece);
        written?;
    }
}
