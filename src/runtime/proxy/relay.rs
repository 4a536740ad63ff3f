//! The response on its way to the client (`ngx_http_upstream_process_headers`, the header and chunked filters).

use std::rc::Rc;

use super::framing::{BodyState, Framing};
use super::pace::Pace;
use super::request::ProxyRequest;
use super::saving::Copy;
use super::{exchange, fastcgi, response, tunnel};
use crate::model::log::Severity;
use crate::runtime::filters::headers;
use crate::runtime::net::buffer::{Buffer, SIZE};
use crate::runtime::net::log::errno;
use crate::runtime::request::filter;
use crate::runtime::request::flow::Flow;
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::pool::UpstreamConnection;

const READING: &str = " while reading upstream";
/// Kept free at the end of a buffer for what ends a chunk.
const TAIL: usize = 16;

/// Sends head and body to the client; the connection goes back to the pool as soon as the response has arrived.
pub(super) async fn run(
    p: &mut ProxyRequest<'_>,
    connection: UpstreamConnection,
    mut buffer: Buffer,
    address: &Address,
) -> Flow {
    let has_none = matches!(p.r.response.status.code, 100..=199 | 204 | 304);
    let is_bodyless = p.r.is_head() || has_none;
    let is_chunked = match response::begin(p, &buffer, is_bodyless, None) {
        Ok(is_chunked) => is_chunked,
        Err(status) => return Flow::Status(status),
    };
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
    let (mut is_gone, mut has_head, mut position) = (false, true, 0);
    p.rate = p.scope().limit_rate();
    buffer.start = p.r.response.position;
    let mut framing = Framing::of(p, is_read);
    let mut connection = Some(connection);
    let worker = Rc::clone(&p.c.worker);
    let mut pace = Pace::new(p, buffer.filled().len());
    let mut is_full = buffer.room().is_empty();
    loop {
        let part = framing.take(p, &mut buffer);
        if let BodyState::Invalid(message) = part {
            p.log(Severity::Error, &message, READING);
            return abort(p, has_head).await;
        }
        let is_done = matches!(part, BodyState::Done(_));
        if is_done {
            framing.end(p);
        }
        let length = buffer.filled().len() as u64;
        if let Some(this) = p.this_try() {
            this.length += length;
        }
        if let (BodyState::Done(is_clean), Some(connection)) = (&part, connection.take_if(|_| is_done)) {
            let is_other = p.r.response.status.code == 101;
            let keep = *is_clean && !p.r.response.close && (is_read || !has_body) && !is_other;
            // Else it is closed here.
            keep.then(|| worker.keep(&p.state, connection, address, p.tag()));
        }
        copy = copy.take().and_then(|copy| kept(p, copy, &buffer, is_done));
        if let Some(window) = p.window {
            cut(&mut buffer, window, position);
        }
        position += length;
        if is_silent || is_gone {
            buffer.end = buffer.start;
        }
        if !is_gone
            && (has_head || (is_done && !is_silent) || !buffer.is_empty())
            && !write(p, &mut buffer, &mut has_head, is_chunked, is_done).await
        {
            if copy.is_none() {
                return Flow::Abort;
            }
            is_gone = true;
        }
        if is_done {
            break;
        }
        if let Framing::Records(left) = framing
            && let Some(message) = fastcgi::broken(p, left)
        {
            p.log(Severity::Error, &message, READING);
            return abort(p, has_head).await;
        }
        let Some(upstream) = &mut connection else { break };
        make_room(p, &mut buffer, is_full, &framing);
        let room = buffer.room();
        let Ok(most) = pace.wait(p, room.len() - TAIL).await else { return Flow::Abort };
        let timeout = p.plan.settings.read_timeout.value;
        match p.c.timer.limit(timeout, |cx| upstream.stream.poll_read(cx, &mut room[..most])).await {
            Some(Ok(n)) if n > 0 => {
                is_full = n == most;
                exchange::arrived(p, &mut buffer, n, READING);
                if pace.done(p, n).await.is_err() {
                    return Flow::Abort;
                }
            }
            Some(Ok(_)) if framing.may_close(p.r.response.close) => {
                connection = None;
                framing = Framing::Length(0);
            }
            broken => {
                say(p, broken.as_ref());
                return Flow::Abort;
            }
        }
    }
    worker.buffers.give(buffer);
    if is_gone { Flow::Abort } else { Flow::Written }
}

/// An empty buffer, a large one for what is long.
fn make_room(p: &ProxyRequest<'_>, buffer: &mut Buffer, is_full: bool, framing: &Framing) {
    let is_long = is_full || matches!(framing, Framing::Length(left) if *left > SIZE as u64);
    if is_long && !buffer.is_large() {
        let buffers = &p.c.worker.buffers;
        buffers.give(std::mem::replace(buffer, buffers.take_large()));
    }
    buffer.clear();
}

/// The copy with what is in `buffer`; none any more when it is whole, or cannot be made.
fn kept(p: &mut ProxyRequest<'_>, mut copy: Copy, buffer: &Buffer, is_done: bool) -> Option<Copy> {
    if !copy.append(p, buffer.filled()) {
        return None;
    }
    if is_done {
        copy.complete(p);
        return None;
    }
    Some(copy)
}

/// Says why no more of the response comes.
fn say(p: &mut ProxyRequest<'_>, broken: Option<&std::io::Result<usize>>) {
    match broken {
        Some(Ok(_)) => p.log(Severity::Error, "upstream prematurely closed connection", READING),
        Some(Err(error)) => p.log(Severity::Error, &format!("recv() failed{}", errno(error)), READING),
        None => p.log(Severity::Error, "upstream timed out (110: Connection timed out)", READING),
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
    let longest = p.r.reply.before.longest_piece();
    if buffer.filled().len() > longest {
        return Box::pin(write_in_pieces(p, buffer, longest, has_head, is_chunked, is_done)).await;
    }
    write_whole(p, buffer, has_head, is_chunked, is_done).await
}

/// The same for filters that take no more at once.
async fn write_in_pieces(
    p: &mut ProxyRequest<'_>,
    buffer: &mut Buffer,
    longest: usize,
    has_head: &mut bool,
    is_chunked: bool,
    is_done: bool,
) -> bool {
    let data = buffer.filled().to_vec();
    let count = data.len().div_ceil(longest);
    for (n, piece) in data.chunks(longest).enumerate() {
        buffer.clear();
        buffer.append(piece);
        if !write_whole(p, buffer, has_head, is_chunked, is_done && n + 1 == count).await {
            return false;
        }
    }
    true
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
    if !p.r.reply.before.is_empty() {
        let mut piece = buffer.filled().to_vec();
        if let Err(message) = p.r.reply.before.push(&mut piece, is_done) {
            p.log(Severity::Error, message, READING);
            return false;
        }
        buffer.clear();
        buffer.append(&piece);
    }
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
        return p.c.write(buffer.filled(), timeout).await.is_ok();
    }
    p.c.write_slowly(p.r, buffer.filled(), p.rate, timeout).await.is_ok()
}
