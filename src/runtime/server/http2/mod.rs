//! HTTP/2 towards clients: frames, flow control and HPACK are h2's. `net::http2::head` makes the request head of h2's
//! fields, the phases are those of HTTP/1, and `net::http2::stream` sends the response as frames.
//!
//! Memory is bounded: `http2_max_concurrent_streams` requests at a time, `http2_body_preread_size` of each body,
//! `WINDOW` of all bodies of a connection, `SEND` of each response.

pub(crate) mod io;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};

use crate::eval::select::ServerId;
use crate::runtime::filters::headers;
use crate::runtime::net::counters::Stage;
use crate::runtime::net::http1::head::Progress;
use crate::runtime::net::http2::head;
use crate::runtime::net::http2::stream::Http2;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::Client;
use crate::runtime::request::worker::Worker;
use crate::runtime::server::connection::Head;

/// The first bytes of a client.
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Flow-control window of a connection: bytes of all request bodies that are not read yet.
const WINDOW: u32 = 1 << 20;
/// Bytes of a response that wait for the client.
const SEND: usize = 64 << 10;
/// Effectively no timeout.
const LONG: Duration = Duration::from_secs(86_400 * 30);

type Get = fn(&mut Scope<'_>, &mut Vec<u8>) -> bool;

/// `$http2` (`ngx_http_v2_variable`)
pub(crate) const PLAIN: &[(&str, Get)] = &[("http2", |s, out| {
    if !s.request.is_http2() {
        return false;
    }
    out.extend_from_slice(if s.client.side.info().is_some() { b"h2" } else { b"h2c" });
    true
})];

/// Open requests of a connection, and the waker of the task that waits until none is open.
#[derive(Default)]
struct Active {
    count: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

/// Guard of an open request: its drop lowers the count.
struct OpenRequestGuard(Rc<Active>);

impl OpenRequestGuard {
    fn new(active: &Rc<Active>) -> Self {
        active.count.set(active.count.get() + 1);
        Self(Rc::clone(active))
    }
}

impl Drop for OpenRequestGuard {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get() - 1);
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

enum Event {
    Request(Box<(h2_http::Request<RecvStream>, SendResponse<Bytes>)>),
    /// The last request was answered.
    Idle,
    Closed,
}

/// Serves a connection until it is closed.
pub(crate) async fn serve(
    worker: &Rc<Worker>,
    mut client: Client,
    stream: Stream,
    timer: &Timer,
    server: ServerId,
) {
    let plan = Rc::clone(&worker.servers[server.0 as usize]);
    let settings = &worker.config.http.servers[server.0 as usize].settings.tls;
    let window = u32::try_from(settings.http2_body_preread_size.value).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(settings.http2_max_concurrent_streams.value)
        .initial_window_size(window.clamp(16 << 10, WINDOW))
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(u32::try_from(plan.rules.head).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND);
    let io = io::Io::new(worker, stream);
    let mut handshake = pin!(builder.handshake::<_, Bytes>(io.clone()));
    let timeout = plan.core.client_header_timeout.value;
    let shaken =
        timer.limit(timeout, |cx| io.after(cx, |cx| std::future::Future::poll(handshake.as_mut(), cx)));
    let shaken = shaken.await;
    let Some(Ok(mut connection)) = shaken else { return };
    let active: Rc<Active> = Rc::default();
    let mut is_leaving = false;
    loop {
        let is_idle = active.count.get() == 0;
        let idle = plan.core.keepalive_timeout.value.idle;
        let limit = match is_idle {
            // `keepalive_timeout 0` still leaves time for the first request.
            true if client.requests == 0 => idle.max(timeout),
            true => idle,
            false => LONG,
        };
        let next = |cx: &mut Context<'_>| {
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok(request))) => return Poll::Ready(Event::Request(Box::new(request))),
                Poll::Ready(_) => return Poll::Ready(Event::Closed),
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(_)) = io.poll_send(cx) {
                return Poll::Ready(Event::Closed);
            }
            if is_idle {
                return Poll::Pending;
            }
            *active.waker.borrow_mut() = Some(cx.waker().clone());
            if active.count.get() == 0 { Poll::Ready(Event::Idle) } else { Poll::Pending }
        };
        // Only an idle connection may be closed to make room for another connection.
        let event = if is_idle { timer.idle(limit, next).await } else { timer.until_stop(limit, next).await };
        match event {
            Some(Event::Closed) => return,
            Some(Event::Idle) => {}
            Some(Event::Request(request)) => {
                client.requests += 1;
                let core = &plan.core;
                let is_last = client.requests >= core.keepalive_requests.value
                    || client.opened.elapsed() > core.keepalive_time.value
                    || core.keepalive_timeout.value.idle.is_zero();
                if is_last && !std::mem::replace(&mut is_leaving, true) {
                    connection.graceful_shutdown();
                }
                let block = io.block_length(request.1.stream_id().as_u32());
                let (worker, client, one) =
                    (Rc::clone(worker), client.clone(), OpenRequestGuard::new(&active));
                // Boxed: tokio moves a task several times before it runs.
                tokio::task::spawn_local(Box::pin(async move {
                    answer(worker, client, *request, server, block).await;
                    drop(one);
                }));
            }
            // Too long without a request, or the worker stops.
            None if is_idle => break,
            None => {
                if worker.is_stopping.get() && !std::mem::replace(&mut is_leaving, true) {
                    connection.graceful_shutdown();
                }
            }
        }
    }
    if client.requests > 0 && !timer.is_reused() {
        // Waiting output is still sent if the client goes on reading.
        connection.graceful_shutdown();
        let timeout = plan.core.lingering_timeout.value;
        if timer.reusable(timeout, |cx| io.after(cx, |cx| connection.poll_closed(cx))).await.is_some() {
            return;
        }
    }
    connection.abrupt_shutdown(Reason::NO_ERROR);
    if timer.is_reused() {
        // Another connection needs the place now: only bytes that the socket accepts at once are sent.
        std::future::poll_fn(|cx| Poll::Ready(io.after(cx, |cx| connection.poll_closed(cx)).is_ready()))
            .await;
        return;
    }
    let closed = |cx: &mut Context<'_>| io.after(cx, |cx| connection.poll_closed(cx));
    let _ = timer.reusable(Duration::from_secs(1), closed).await;
}

/// Serves one request (stream), like a connection with a single request.
async fn answer(
    worker: Rc<Worker>,
    client: Client,
    (parts, respond): (h2_http::Request<RecvStream>, SendResponse<Bytes>),
    server: ServerId,
    block: Option<u64>,
) {
    let (parts, body) = parts.into_parts();
    let plan = Rc::clone(&worker.servers[server.0 as usize]);
    let has_body = !h2::RecvStream::is_end_stream(&body);
    let is_framed = has_body && !parts.headers.contains_key(h2_http::header::CONTENT_LENGTH);
    let stream = Stream::Http2(Box::new(Http2::new(body, respond, is_framed)));
    let timer = worker.timers.timer();
    let stage = Stage::reading(&worker.tally);
    let mut request = worker.take_request(&plan);
    request.buffer = worker.buffers.take();
    request.reset(&plan, server);
    let mut c = Connection::new(worker, client, stream, timer);
    let head = match head::read(&mut request.head, &parts, &mut request.buffer, &plan.rules) {
        Progress::Bad(bad) => Head::Bad(bad.status, bad.message),
        Progress::Done | Progress::More => Head::Done,
    };
    request.head.chunked |= is_framed;
    request.block = block;
    let flow = c.respond(&mut request, head, stage).await;
    if request.reply.expect_trailers && flow != Flow::Abort {
        headers::trailers(&mut c.scope(&mut request));
    }
    if let Stream::Http2(stream) = &mut c.stream {
        if flow == Flow::Abort {
            stream.abort();
        } else {
            stream.finish(head::trailers(reply::fields(&request.reply.trailers)));
        }
    }
    c.worker.give_request(request);
}
