//! Bytes in both directions after `101 Switching Protocols` (`ngx_http_upstream_process_upgraded`).

use std::task::{Context, Poll, ready};

use super::request::ProxyRequest;
use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::flow::Flow;
use crate::runtime::upstream::pool::UpstreamConnection;

enum Event {
    Moved,
    Ended,
}

/// Bytes that one direction moved.
#[derive(Default)]
struct MovedBytes {
    read: u64,
    written: u64,
}

/// Passes bytes until one side ends; `from_peer` holds what came with the head.
pub(super) async fn run(
    p: &mut ProxyRequest<'_>,
    mut connection: UpstreamConnection,
    mut from_peer: Buffer,
) -> Flow {
    let timeout = p.plan.settings.read_timeout.value;
    if p.c.begin(p.r).is_err() {
        return Flow::Abort;
    }
    let head = std::mem::take(&mut p.r.out);
    let written = p.c.write(&head, p.r.plan.core.send_timeout.value).await;
    p.r.sent += head.len() as u64;
    p.r.out = head;
    if written.is_err() {
        return Flow::Abort;
    }
    if let Some(this) = p.this_try() {
        this.length += from_peer.filled().len() as u64;
    }
    let mut from_client = p.c.worker.buffers.take();
    from_client.append(p.r.buffer.filled());
    p.r.buffer.start = p.r.buffer.end;
    loop {
        let (mut down, mut up) = (MovedBytes::default(), MovedBytes::default());
        let (client, peer) = (&mut p.c.stream, &mut connection.stream);
        let event = p.c.timer.limit(timeout, |cx| {
            let a = one_way(cx, peer, client, &mut from_peer, &mut down);
            let b = one_way(cx, client, peer, &mut from_client, &mut up);
            match (a, b) {
                (Poll::Ready(Event::Ended), _) | (_, Poll::Ready(Event::Ended)) => Poll::Ready(Event::Ended),
                (Poll::Pending, Poll::Pending) => Poll::Pending,
                _ => Poll::Ready(Event::Moved),
            }
        });
        let event = event.await;
        p.r.sent += down.written;
        if let Some(this) = p.this_try() {
            this.received += down.read;
            this.length += down.read;
            this.sent += up.written;
        }
        match event {
            Some(Event::Moved) => {}
            Some(Event::Ended) => break,
            None => {
                let message = "upstream timed out (110: Connection timed out)";
                p.log(Severity::Info, message, " while proxying upgraded connection");
                break;
            }
        }
    }
    p.c.worker.buffers.give(from_client);
    p.c.worker.buffers.give(from_peer);
    p.r.keepalive = false;
    Flow::Written
}

/// Writes what is there, then reads more.
fn one_way(
    cx: &mut Context<'_>,
    from: &mut Stream,
    to: &mut Stream,
    buffer: &mut Buffer,
    moved: &mut MovedBytes,
) -> Poll<Event> {
    if buffer.is_empty() {
        buffer.clear();
        match ready!(from.poll_read(cx, buffer.room())) {
            Ok(n) if n > 0 => {
                buffer.end += n;
                moved.read += n as u64;
            }
            _ => return Poll::Ready(Event::Ended),
        }
    }
    match to.poll_write(cx, buffer.filled()) {
        Poll::Ready(Ok(n)) if n > 0 => {
            buffer.start += n;
            moved.written += n as u64;
        }
        Poll::Ready(_) => return Poll::Ready(Event::Ended),
        Poll::Pending if moved.read == 0 => return Poll::Pending,
        Poll::Pending => {}
    }
    Poll::Ready(Event::Moved)
}
