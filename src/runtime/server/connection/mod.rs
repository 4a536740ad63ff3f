//! A client's connection: requests one after the other, and between them nothing but a socket and a timer.

pub(crate) mod answer;

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::eval::select::{AddressId, ServerId};
use crate::model::log::Severity;
use crate::runtime::modules::handshake::{self, Accepted};
use crate::runtime::modules::{access_log, mirror, proxy_header};
use crate::runtime::net::buffer::{HEADROOM, SIZE};
use crate::runtime::net::counters::Stage;
use crate::runtime::net::http1::head::Progress;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::net::tls::ClientTls;
use crate::runtime::net::{clock, log, page};
use crate::runtime::proxy;
use crate::runtime::request::body;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::plan::Plan;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;
use crate::runtime::server::open::Open;
use crate::runtime::server::{http2, post_action, route};

#[derive(PartialEq, Eq)]
enum Next {
    Idle,
    /// There was nothing to read after all.
    Again,
    Close,
}

pub(crate) enum Head {
    Done,
    /// The client closed; whether it had begun a request.
    Closed(bool),
    TimedOut,
    Bad(u16, String),
}

/// Serves a connection until it is closed.
pub(crate) async fn serve(
    open: Open,
    stream: Stream,
    remote: Option<std::net::SocketAddr>,
    address: AddressId,
) {
    stream.no_delay();
    let client = Client {
        number: open.number(),
        remote,
        local: stream.local(),
        address,
        requests: 0,
        side: ClientTls::Plain,
        proxied: None,
        opened: clock::instant(),
    };
    let timer = open.worker().timers.timer();
    keep_alive(open.worker(), client, stream, timer).await;
}

/// Serves the requests of a connection, one after the other.
async fn keep_alive(worker: &Rc<Worker>, mut client: Client, mut stream: Stream, timer: Timer) {
    let listen = &worker.router.listen(client.address).listen;
    if listen.proxy_protocol {
        let plan = &worker.servers[worker.router.listen(client.address).default_server.0 as usize];
        let timeout = plan.core.client_header_timeout.value;
        match Box::pin(proxy_header::read(worker, &timer, &mut stream, &client, timeout)).await {
            Ok(proxied) => client.proxied = proxied,
            Err(_) => return,
        }
    }
    let mut is_http2 = false;
    if listen.ssl {
        stream = match handshake::accept(worker, &timer, stream, &client).await {
            Accepted::Tls(stream, side, agreed) => {
                client.side = side;
                is_http2 = agreed;
                stream
            }
            Accepted::Plain(stream) => {
                client.side = ClientTls::Refused;
                stream
            }
            Accepted::Closed => return,
        };
    } else {
        let server = &worker.config.http.servers[default_server(worker, &client).0 as usize];
        if listen.http2 || server.settings.tls.http2.value {
            is_http2 = match preface(worker, &timer, &stream, &client).await {
                Preface::Http2 => true,
                Preface::Other => false,
                Preface::Closed => return,
            };
        }
    }
    if is_http2 {
        let server = default_server(worker, &client);
        return Box::pin(http2::serve(worker, client, stream, &timer, server)).await;
    }
    let mut connection = Connection::new(Rc::clone(worker), client, stream, timer);
    let settings = Rc::clone(&connection.default_plan());
    let (mut idle, mut sure) = (settings.core.client_header_timeout.value, Duration::ZERO);
    loop {
        if connection.worker.is_stopping.get() && connection.client.requests > 0 && sure.is_zero() {
            break;
        }
        let stream = &connection.stream;
        let ready = |cx: &mut Context<'_>| stream.poll_read_ready(cx);
        // A connection that has not had its answer yet is not idle: its request may be on the way.
        let ready = if connection.client.requests == 0 {
            connection.timer.reusable(idle, ready).await
        } else if sure.is_zero() {
            connection.timer.idle(idle, ready).await
        } else {
            match connection.timer.limit(sure, ready).await {
                None if idle > sure && !connection.worker.is_stopping.get() => {
                    connection.timer.idle(idle.saturating_sub(sure), ready).await
                }
                ready => ready,
            }
        };
        if !matches!(ready, Some(Ok(()))) {
            break;
        }
        // Boxed: an idle connection is as small as what is above.
        let (next, timeouts) = Box::pin(connection.busy()).await;
        match next {
            Next::Idle => (idle, sure) = timeouts,
            Next::Again => {}
            Next::Close => break,
        }
    }
}

/// The server of requests that name none: that of SNI, or the address's own.
fn default_server(worker: &Worker, client: &Client) -> ServerId {
    let named = client.side.info().and_then(|info| info.named);
    named.unwrap_or_else(|| worker.router.listen(client.address).default_server)
}

/// First bytes of a connection without TLS.
enum Preface {
    Http2,
    Other,
    /// The client closed the connection, or sent only a part of the preface until `client_header_timeout`.
    Closed,
}

async fn preface(worker: &Worker, timer: &Timer, stream: &Stream, client: &Client) -> Preface {
    let plan = &worker.servers[default_server(worker, client).0 as usize];
    let timeout = plan.core.client_header_timeout.value;
    let deadline = Instant::now() + timeout;
    let mut first = [0; http2::PREFACE.len()];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timer.idle(left, |cx| stream.poll_peek(cx, &mut first)).await {
            Some(Ok(n)) if n == 0 || first[..n] != http2::PREFACE[..n] => return Preface::Other,
            Some(Ok(n)) if n == first.len() => return Preface::Http2,
            Some(Ok(_)) if Instant::now() < deadline && !stream.is_half_closed().await => {}
            Some(Ok(_)) => {
                let message = "client closed connection or timed out while waiting for request";
                worker.error_log.write(Severity::Info, Some(client.number), message);
                // Closing a socket with unread bytes would send a reset.
                let _ = stream.try_read(&mut first);
                return Preface::Closed;
            }
            _ => return Preface::Closed,
        }
        // A part of the preface stays in the socket, so the socket stays readable and cannot announce the rest.
        let _ = timer.idle(Duration::from_millis(10), |_| Poll::<()>::Pending).await;
        if worker.is_stopping.get() {
            return Preface::Closed;
        }
    }
}

impl Connection {
    fn default_server(&self) -> ServerId {
        default_server(&self.worker, &self.client)
    }

    fn default_plan(&self) -> Rc<Plan> {
        Rc::clone(&self.worker.servers[self.default_server().0 as usize])
    }

    /// Serves what has arrived; afterwards the connection is idle and owns no buffer, or is closed.
    async fn busy(&mut self) -> (Next, (Duration, Duration)) {
        let mut buffer = self.worker.buffers.take();
        let stream = &mut self.stream;
        // A new socket is taken for readable until it was tried.
        let read = std::future::poll_fn(|cx| match stream.poll_read(cx, buffer.room()) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => Poll::Ready(None),
        });
        let next = match read.await {
            Some(Ok(n)) if n > 0 => {
                buffer.end += n;
                Next::Idle
            }
            Some(_) => Next::Close,
            None => Next::Again,
        };
        if next != Next::Idle {
            self.worker.buffers.give(buffer);
            return (next, (Duration::ZERO, Duration::ZERO));
        }
        let plan = self.default_plan();
        let mut request = self.worker.take_request(&plan);
        request.buffer = buffer;
        let next = self.requests(&mut request).await;
        let core = &request.plan.core;
        let idle = core.keepalive_timeout.value.idle;
        let timeouts = (idle, core.keepalive_min_timeout.value.min(idle));
        self.worker.give_request(request);
        (next, timeouts)
    }

    async fn requests(&mut self, request: &mut Request) -> Next {
        let mut pipelined = false;
        loop {
            self.client.requests += 1;
            let stage = Stage::reading(&self.worker.tally);
            request.reset(&self.default_plan(), self.default_server());
            request.pipelined = pipelined;
            let head = self.read_head(request).await;
            if let Head::Closed(false) = head {
                return Next::Close;
            }
            if self.respond(request, head, stage).await == Flow::Abort {
                return Next::Close;
            }
            let keep = request.keepalive && (!self.worker.is_stopping.get() || request.stays());
            if !keep || !body::discard(self, request).await {
                self.linger(request).await;
                return Next::Close;
            }
            if request.buffer.is_empty() {
                return Next::Idle;
            }
            pipelined = true;
        }
    }

    /// Answers a request of which the head was read, or could not be, and logs it.
    pub(crate) async fn respond(&mut self, request: &mut Request, head: Head, mut stage: Stage) -> Flow {
        let is_writing = matches!(head, Head::Done);
        route::note_uri(request, is_writing);
        let flow = match head {
            Head::Done => {
                request.buffer.start = request.head.position;
                stage.write();
                route::handle(self, request).await
            }
            Head::Closed(_) => {
                request.status = 400;
                self.log(request, Severity::Info, "client prematurely closed connection");
                Flow::Abort
            }
            Head::TimedOut => {
                request.status = 408;
                self.log(request, Severity::Info, "client timed out (110: Connection timed out)");
                Flow::Abort
            }
            Head::Bad(status, message) => {
                route::choose_server(self, request);
                self.log(request, Severity::Info, &message);
                request.keepalive = false;
                request.buffer.start = request.head.position.max(HEADROOM);
                route::finish(self, request, Flow::Status(status)).await
            }
        };
        let flow = match flow {
            Flow::Answer => self.answer(request).await,
            other => other,
        };
        let timed_out = self.timed_out || matches!(request.status, 408 | 444);
        if flow == Flow::Abort && timed_out && request.plan.core.reset_timedout_connection.value {
            self.stream.reset();
        }
        self.sink = None;
        request.is_complete = flow != Flow::Abort;
        if is_writing && !request.plan.filter.post_action.value.is_empty() {
            Box::pin(post_action::run(self, request)).await;
        }
        if !request.mirrors.is_empty() {
            Box::pin(mirror::run(self, request)).await;
        }
        access_log::write(&self.worker, &self.client, request);
        if flow == Flow::Abort || !request.keepalive {
            // As with nginx: who sees the end of the connection finds the line.
            log::turn::write();
        }
        request.held.clear();
        if request.renewal.is_some() {
            Box::pin(proxy::stale::renew(self, request)).await;
        }
        request.body_file = None;
        if let Some(remote) = request.real {
            self.client.remote = remote;
        }
        flow
    }

    fn log(&self, request: &mut Request, severity: Severity, message: &str) {
        let action = if request.head.has_line() {
            " while reading client request headers"
        } else {
            " while reading client request line"
        };
        Scope { worker: &self.worker, client: &self.client, request }.log(severity, message, action);
    }

    async fn read_head(&mut self, request: &mut Request) -> Head {
        let rules = request.plan.rules;
        let timeout = request.plan.core.client_header_timeout.value;
        let mut deadline = None;
        loop {
            if !request.buffer.is_empty() {
                match request.head.advance(request.buffer.all(), &rules) {
                    Progress::Done => return Head::Done,
                    Progress::Bad(bad) => return Head::Bad(bad.status, bad.message),
                    Progress::More => {}
                }
            }
            if request.buffer.room().is_empty() {
                // The parser refuses a head before it is as long as that.
                request.buffer.grow(2 * rules.head.max(SIZE));
            }
            let (stream, room) = (&mut self.stream, request.buffer.room());
            let now = clock::instant();
            let limit = deadline.get_or_insert(now + timeout).saturating_duration_since(now);
            match self.timer.limit(limit, |cx| stream.poll_read(cx, room)).await {
                Some(Ok(n)) if n > 0 => request.buffer.end += n,
                Some(_) => return Head::Closed(!request.buffer.is_empty()),
                None if request.buffer.is_empty() && self.client.requests > 1 => return Head::Closed(false),
                None => return Head::TimedOut,
            }
        }
    }

    /// Closes so that the client gets the response although it is still sending (`lingering_close`).
    async fn linger(&mut self, request: &Request) {
        let is_sending = !request.buffer.is_empty()
            || body::is_expected(request)
            || page::wire_status(request.status) == 400;
        let core = &request.plan.core;
        match core.lingering_close.value.0 {
            "off" => return,
            "always" => {}
            _ if is_sending => {}
            _ => return,
        }
        let (time, timeout) = (core.lingering_time.value, core.lingering_timeout.value);
        let end = Instant::now() + time;
        let stream = &mut self.stream;
        let _ = self.timer.limit(Duration::from_secs(5), |cx| stream.poll_shutdown(cx)).await;
        let mut scratch = self.worker.buffers.take();
        while Instant::now() < end && !self.worker.is_stopping.get() {
            let (stream, room) = (&mut self.stream, scratch.room());
            let left = timeout.min(end.saturating_duration_since(Instant::now()));
            match self.timer.idle(left, |cx| stream.poll_read(cx, room)).await {
                Some(Ok(n)) if n > 0 => {}
                _ => break,
            }
        }
        self.worker.buffers.give(scratch);
    }
}
