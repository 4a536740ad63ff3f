//! The response on its way to the client (`ngx_http_upstream_process_headers`, the header and chunked filters).

use std::rc::Rc;

use super::pace::Pace;
use super::saving::Copy;
use super::{Passing, response, tunnel};
use crate::model::log::Severity;
use crate::runtime::buffer::{Buffer, SIZE};
use crate::runtime::http1::chunked::{Chunk, Chunked};
use crate::runtime::log::errno;
use crate::runtime::peer::Address;
use crate::runtime::pool::Upstreamed;
use crate::runtime::route::Flow;
use crate::runtime::{headers, ssi};

const READING: &str = " while reading upstream";
/// Kept free at the end of a buffer for what ends a chunk.
const TAIL: usize = 16;

/// How the upstream's body ends.
enum Framing {
    Length(u64),
    Chunked(Chunked),
    Close,
}

/// What one buffer of the upstream's body was.
enum Part {
    More,
    /// The body is complete; whether nothing follows it.
    Done(bool),
    Invalid,
}

impl Framing {
    /// Leaves in `buffer` the body's bytes only.
    fn take(&mut self, buffer: &mut Buffer) -> Part {
        match self {
            Framing::Close => Part::More,
            Framing::Length(left) => {
                let have = buffer.filled().len() as u64;
                let is_clean = have <= *left;
                let take = have.min(*left);
                *left -= take;
                buffer.end = buffer.start + take as usize;
                if *left == 0 { Part::Done(is_clean) } else { Part::More }
            }
            Framing::Chunked(chunked) => {
                let data = buffer.filled_mut();
                let (mut read, mut write) = (0, 0);
                let part = loop {
                    let (used, chunk) = chunked.parse(&data[read..]);
                    read += used;
                    match chunk {
                        Chunk::Data(n) => {
                            data.copy_within(read..read + n, write);
                            read += n;
                            write += n;
                        }
                        Chunk::More => break Part::More,
                        Chunk::Done => break Part::Done(read == data.len()),
                        Chunk::Invalid => break Part::Invalid,
                    }
                };
                buffer.end = buffer.start + write;
                part
            }
        }
    }
}

/// Sends head and body to the client; the connection goes back to the pool as soon as the response has arrived.
pub(super) async fn run(
    p: &mut Passing<'_>,
    connection: Upstreamed,
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
        return tunnel::run(p, connection, buffer).await;
    }
    let mut copy = Copy::begin(p, &buffer);
    // A body may follow that the client did not ask for: nobody waits for it unless it is kept.
    let is_silent = p.r.reply.header_only;
    let has_body = !has_none && !p.is_head;
    let is_read = has_body && (!is_silent || copy.is_some());
    let mut is_gone = false;
    let mut position = 0;
    p.rate = p.scope().limit_rate();
    buffer.start = p.r.response.position;
    let mut framing = match (p.r.response.chunked, p.r.response.content_length) {
        _ if !is_read => Framing::Length(0),
        (true, _) => Framing::Chunked(Chunked::default()),
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::Close,
    };
    let mut connection = Some(connection);
    let worker = Rc::clone(&p.c.worker);
    let mut has_head = true;
    let mut pace = Pace::new(p, buffer.filled().len());
    let mut is_full = buffer.room().is_empty();
    loop {
        let part = framing.take(&mut buffer);
        if let Part::Invalid = part {
            p.log(Severity::Error, "upstream sent invalid chunked response", READING);
            return abort(p, has_head).await;
        }
        let is_done = matches!(part, Part::Done(_));
        let length = buffer.filled().len() as u64;
        if let Some(this) = p.this_try() {
            this.length += length;
        }
        if let (Part::Done(is_clean), Some(connection)) = (&part, connection.take_if(|_| is_done)) {
            let is_other = p.r.response.status.code == 101;
            let keep = *is_clean && !p.r.response.close && (is_read || !has_body) && !is_other;
            // Else it is closed here.
            keep.then(|| worker.keep(&p.state, connection, address, p.tag()));
        }
        if let Some(mut begun) = copy.take() {
            if begun.append(p, buffer.filled()) {
                if is_done {
                    begun.complete(p);
                } else {
                    copy = Some(begun);
                }
            }
        }
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
        let Some(upstream) = &mut connection else { break };
        let is_long = is_full || matches!(framing, Framing::Length(left) if left > SIZE as u64);
        if is_long && !buffer.is_large() {
            worker.buffers.give(std::mem::replace(&mut buffer, worker.buffers.take_large()));
        }
        buffer.clear();
        let room = buffer.room();
        let Ok(most) = pace.wait(p, room.len() - TAIL).await else { return Flow::Abort };
        let timeout = p.plan.settings.read_timeout.value;
        match p.c.timer.limit(timeout, |cx| upstream.stream.poll_read(cx, &mut room[..most])).await {
            Some(Ok(n)) if n > 0 => {
                buffer.end += n;
                is_full = n == most;
                if let Some(this) = p.this_try() {
                    this.received += n as u64;
                }
                if pace.done(p, n).await.is_err() {
                    return Flow::Abort;
                }
            }
            Some(Ok(_)) if matches!(framing, Framing::Close) => {
                connection = None;
                framing = Framing::Length(0);
            }
            Some(Ok(_)) => {
                p.log(Severity::Error, "upstream prematurely closed connection", READING);
                return Flow::Abort;
            }
            Some(Err(error)) => {
                p.log(Severity::Error, &format!("recv() failed{}", errno(&error)), READING);
                return Flow::Abort;
            }
            None => {
                p.log(Severity::Error, "upstream timed out (110: Connection timed out)", READING);
                return Flow::Abort;
            }
        }
    }
    worker.buffers.give(buffer);
    if is_gone { Flow::Abort } else { Flow::Written }
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
async fn abort(p: &mut Passing<'_>, has_head: bool) -> Flow {
    if has_head {
        let head = std::mem::take(&mut p.r.out);
        let timeout = p.r.plan.core.send_timeout.value;
        if p.c.write(&head, timeout).await.is_ok() {
            p.r.sent += head.len() as u64;
        }
        p.r.out = head;
    }
    Flow::Abort
}

/// Writes the head, if it is still to be sent, and the body in `buffer` in one go.
async fn write(
    p: &mut Passing<'_>,
    buffer: &mut Buffer,
    has_head: &mut bool,
    is_chunked: bool,
    is_done: bool,
) -> bool {
    let timeout = p.r.plan.core.send_timeout.value;
    if let Some(sub) = &mut p.r.reply.sub {
        let mut ready = Vec::new();
        sub.take(buffer.filled(), is_done, &mut ready);
        buffer.clear();
        buffer.append(&ready);
    }
    if let Some(recoder) = p.r.reply.recode.and_then(|n| p.c.worker.recoders.get(n)) {
        if recoder.changes_length() {
            let mut ready = Vec::new();
            recoder.recode(buffer.filled(), &mut p.r.reply.recode_rest, &mut ready);
            buffer.clear();
            buffer.append(&ready);
        } else {
            recoder.recode_in_place(buffer.filled_mut());
        }
    }
    if p.r.reply.ssi.is_some() {
        *has_head = false;
        return Box::pin(ssi::pass(p.c, p.r, buffer.filled(), is_done)).await.is_ok();
    }
    if let Some(gzip) = &mut p.r.reply.gzip {
        let mut ready = Vec::new();
        gzip.take(buffer.filled(), is_done, &mut ready);
        buffer.clear();
        buffer.append(&ready);
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
    if std::mem::take(has_head) && !buffer.prepend(&p.r.out) {
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
