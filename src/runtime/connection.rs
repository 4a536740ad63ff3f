//! A client's connection: requests one after the other, and between them nothing but a socket and a timer.

use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::body;
use super::buffer::{HEADROOM, SIZE};
use super::clock::{self, Clock};
use super::gzip::Gzip;
use super::http1::head::Progress;
use super::reply::Part;
use super::request::{Client, Request, Scope};
use super::response::put;
use super::route::{self, Flow};
use super::sink::Sink;
use super::stream::{Stir, Stream};
use super::timer::Timer;
use super::tls::{self, Accepted, Side};
use super::worker::Worker;
use super::{access_log, headers, http2, page, post_action, proxy, proxy_protocol, sendfile, ssi};
use crate::eval::select::{AddressId, ServerId};
use crate::model::log::Severity;

/// Files are read in pieces of this size.
const FILE_PIECE: usize = 64 << 10;

/// A client's connection.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) client: Client,
    pub(crate) stream: Stream,
    pub(crate) timer: Timer,
    /// The client took nothing for too long.
    pub(crate) timed_out: bool,
    /// Where a response goes that is put together.
    pub(crate) sink: Option<Sink>,
}

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

/// Serves a connection, which is counted in `worker.open`, until it is closed.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    stream: Stream,
    remote: Option<std::net::SocketAddr>,
    address: AddressId,
) {
    stream.no_delay();
    let client = Client {
        number: worker.next_connection(),
        remote,
        local: stream.local(),
        address,
        requests: 0,
        side: Side::Plain,
        proxied: None,
        opened: clock::instant(),
    };
    let timer = worker.timers.timer();
    worker.counters.active.fetch_add(1, Relaxed);
    keep_alive(&worker, client, stream, timer).await;
    worker.open.set(worker.open.get() - 1);
    worker.counters.active.fetch_sub(1, Relaxed);
}

/// One request after the other.
async fn keep_alive(worker: &Rc<Worker>, mut client: Client, mut stream: Stream, timer: Timer) {
    let listen = &worker.router.listen(client.address).listen;
    if listen.proxy_protocol {
        match Box::pin(proxy_protocol::read(worker, &timer, &mut stream, &client)).await {
            Ok(proxied) => client.proxied = proxied,
            Err(()) => return,
        }
    }
    let mut is_http2 = false;
    if listen.ssl {
        stream = match tls::accept(worker, &timer, stream, &client).await {
            Accepted::Tls(stream, side, agreed) => {
                client.side = side;
                is_http2 = agreed;
                stream
            }
            Accepted::Plain(stream) => {
                client.side = Side::Refused;
                stream
            }
            Accepted::Closed => return,
        };
    } else {
        let server = &worker.config.http.servers[default_server(worker, &client).0 as usize];
        if listen.http2 || server.settings.tls.http2.value {
            is_http2 = has_preface(worker, &timer, &stream, &client).await;
        }
    }
    if is_http2 {
        let server = default_server(worker, &client);
        return Box::pin(http2::serve(worker, client, stream, &timer, server)).await;
    }
    let mut connection =
        Connection { worker: Rc::clone(worker), client, stream, timer, timed_out: false, sink: None };
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
            connection.timer.limit(idle, ready).await
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

/// Whether a client without TLS begins as HTTP/2 does.
async fn has_preface(worker: &Worker, timer: &Timer, stream: &Stream, client: &Client) -> bool {
    let plan = &worker.servers[default_server(worker, client).0 as usize];
    let timeout = plan.core.client_header_timeout.value;
    let deadline = Instant::now() + timeout;
    let mut first = [0; http2::PREFACE.len()];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match timer.idle(left, |cx| stream.poll_peek(cx, &mut first)).await {
            Some(Ok(n)) if n == first.len() => return first == *http2::PREFACE,
            Some(Ok(n)) if n > 0 && first[..n] == http2::PREFACE[..n] => {}
            _ => return false,
        }
        // A part of it: what has come stays where it is, so nobody says when more is there.
        let _ = timer.idle(Duration::from_millis(10), |_| Poll::<()>::Pending).await;
        if worker.is_stopping.get() {
            return false;
        }
    }
}

impl Connection {
    fn default_server(&self) -> ServerId {
        default_server(&self.worker, &self.client)
    }

    fn default_plan(&self) -> Rc<super::plan::Plan> {
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
        loop {
            self.client.requests += 1;
            self.worker.counters.requests.fetch_add(1, Relaxed);
            self.worker.counters.reading.fetch_add(1, Relaxed);
            request.reset(&self.default_plan(), self.default_server());
            let head = self.read_head(request).await;
            if let Head::Closed(false) = head {
                self.worker.counters.reading.fetch_sub(1, Relaxed);
                return Next::Close;
            }
            if self.respond(request, head).await == Flow::Abort {
                return Next::Close;
            }
            request.pipelined = false;
            let keep = request.keepalive && (!self.worker.is_stopping.get() || request.stays());
            if !keep || !body::discard(self, request).await {
                self.linger(request).await;
                return Next::Close;
            }
            if request.buffer.is_empty() {
                return Next::Idle;
            }
            request.pipelined = true;
        }
    }

    /// Answers a request of which the head was read, or could not be, and logs it.
    pub(crate) async fn respond(&mut self, request: &mut Request, head: Head) -> Flow {
        let mut is_writing = false;
        let flow = match head {
            Head::Done => {
                request.buffer.start = request.head.position;
                let counters = &self.worker.counters;
                counters.reading.fetch_sub(1, Relaxed);
                counters.writing.fetch_add(1, Relaxed);
                is_writing = true;
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
        if is_writing && !request.plan.content.post_action.value.is_empty() {
            Box::pin(post_action::run(self, request)).await;
        }
        access_log::write(&self.worker, &self.client, request);
        request.held.clear();
        if request.renewal.is_some() {
            Box::pin(proxy::renew(self, request)).await;
        }
        request.body_file = None;
        if let Some(remote) = request.real {
            self.client.remote = remote;
        }
        let counters = &self.worker.counters;
        let counter = if is_writing { &counters.writing } else { &counters.reading };
        counter.fetch_sub(1, Relaxed);
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
        let deadline = clock::instant() + request.plan.core.client_header_timeout.value;
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
            let limit = deadline.saturating_duration_since(clock::instant());
            match self.timer.limit(limit, |cx| stream.poll_read(cx, room)).await {
                Some(Ok(n)) if n > 0 => request.buffer.end += n,
                Some(_) => return Head::Closed(!request.buffer.is_empty()),
                None if request.buffer.is_empty() && self.client.requests > 1 => return Head::Closed(false),
                None => return Head::TimedOut,
            }
        }
    }

    /// Writes the head in `request.out` and the body in `request.reply`.
    pub(crate) async fn answer(&mut self, request: &mut Request) -> Flow {
        if request.reply.ssi.is_some() && !request.reply.header_only {
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
        let gzip = request.reply.gzip.take();
        let recoder = request.reply.recode.and_then(|n| self.worker.recoders.get(n));
        let is_changed = gzip.is_some()
            || request.reply.sub.is_some()
            || recoder.is_some_and(super::charset::Recoder::changes_length);
        if is_changed && !request.reply.header_only {
            return self.send_changed(request, gzip, out).await;
        }
        let mut written = 0;
        let parts = std::mem::take(&mut request.reply.parts);
        let parts: &[Part] = if request.reply.header_only { &[] } else { &parts };
        let length: u64 = parts.iter().map(Part::len).sum();
        let chunked = request.reply.chunked && !request.reply.header_only;
        if chunked && length > 0 {
            put(out, format_args!("{length:x}\r\n"));
        }
        for part in parts {
            match *part {
                Part::Text(from, to) => {
                    let start = out.len();
                    out.extend_from_slice(&request.reply.text[from..to]);
                    self.recode(request, out, start);
                }
                Part::File(mut from, to) => {
                    let file = request.reply.file.take();
                    while from < to {
                        // Head and small file leave in one write.
                        let start = out.len();
                        let most = FILE_PIECE.min(usize::try_from(to - from).unwrap_or(FILE_PIECE));
                        out.resize(start + most, 0);
                        let read = match &file {
                            Some(file) => file.read_at(&mut out[start..], from)?,
                            None => 0,
                        };
                        if read == 0 {
                            // It has become shorter.
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                        out.truncate(start + read);
                        self.recode(request, out, start);
                        from += read as u64;
                        if from < to {
                            self.flush(request, out, &mut written).await?;
                            if let Some(file) = &file
                                && sendfile::is_possible(self, request)
                                && self.scope(request).limit_rate() == 0
                            {
                                sendfile::send(self, request, file, from, to).await?;
                                from = to;
                            }
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
                Part::Text(from, to) => {
                    piece.clear();
                    piece.extend_from_slice(&text[from..to]);
                    self.change(request, &mut piece, false);
                    ssi::pass(self, request, &piece, false).await?;
                }
                Part::File(mut from, to) => {
                    while from < to {
                        let most = FILE_PIECE.min(usize::try_from(to - from).unwrap_or(FILE_PIECE));
                        piece.resize(most, 0);
                        let Some(file) = &file else { return Ok(()) };
                        file.read_exact_at(&mut piece, from)?;
                        from += most as u64;
                        self.change(request, &mut piece, false);
                        ssi::pass(self, request, &piece, false).await?;
                    }
                }
            }
        }
        piece.clear();
        self.change(request, &mut piece, true);
        ssi::pass(self, request, &piece, true).await
    }

    /// The same for a body that is compressed, or becomes longer or shorter, on its way.
    async fn send_changed(
        &mut self,
        request: &mut Request,
        mut gzip: Option<Box<Gzip>>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut written = 0;
        let (mut piece, mut ready) = (Vec::new(), Vec::new());
        let parts = std::mem::take(&mut request.reply.parts);
        let mut parts = parts.into_iter().peekable();
        let mut is_last = parts.peek().is_none();
        loop {
            piece.clear();
            match parts.next() {
                Some(Part::Text(from, to)) => piece.extend_from_slice(&request.reply.text[from..to]),
                Some(Part::File(from, to)) => {
                    let most = FILE_PIECE.min(usize::try_from(to - from).unwrap_or(FILE_PIECE));
                    piece.resize(most, 0);
                    let Some(file) = &request.reply.file else { return Ok(()) };
                    file.read_exact_at(&mut piece, from)?;
                    let from = from + most as u64;
                    if from < to {
                        request.reply.parts.push(Part::File(from, to));
                        let rest: Vec<Part> = request.reply.parts.drain(..).chain(parts).collect();
                        parts = rest.into_iter().peekable();
                    }
                }
                None => {}
            }
            is_last |= parts.peek().is_none();
            self.change(request, &mut piece, is_last);
            ready.clear();
            match &mut gzip {
                Some(gzip) => gzip.take(&piece, is_last, &mut ready),
                None => ready.extend_from_slice(&piece),
            }
            if request.reply.chunked && !ready.is_empty() {
                put(out, format_args!("{:x}\r\n", ready.len()));
                out.extend_from_slice(&ready);
                out.extend_from_slice(b"\r\n");
            } else {
                out.extend_from_slice(&ready);
            }
            if is_last {
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

    /// Replaces texts of a piece of the body, and recodes it.
    fn change(&self, request: &mut Request, piece: &mut Vec<u8>, is_last: bool) {
        if let Some(sub) = &mut request.reply.sub {
            let mut ready = Vec::with_capacity(piece.len());
            sub.take(piece, is_last, &mut ready);
            *piece = ready;
        }
        self.recode(request, piece, 0);
    }

    /// Recodes what stands from `start` on.
    fn recode(&self, request: &mut Request, data: &mut Vec<u8>, start: usize) {
        let Some(recoder) = request.reply.recode.and_then(|n| self.worker.recoders.get(n)) else { return };
        if recoder.changes_length() {
            let tail = data.split_off(start);
            recoder.recode(&tail, &mut request.reply.recode_rest, data);
        } else {
            recoder.recode_in_place(&mut data[start..]);
        }
    }

    /// Writes what is in `out`, as fast as the client may get it.
    async fn flush(&mut self, request: &mut Request, out: &mut Vec<u8>, from: &mut usize) -> io::Result<()> {
        let timeout = request.plan.core.send_timeout.value;
        let rate = self.scope(request).limit_rate();
        if rate == 0 {
            self.write(&out[*from..], timeout).await?;
            request.sent += (out.len() - *from) as u64;
        } else {
            self.write_slowly(request, &out[*from..], rate, timeout).await?;
        }
        // The head is still asked for by the log.
        out.truncate(request.head_length);
        *from = request.head_length;
        Ok(())
    }

    /// `limit_rate`
    pub(crate) async fn write_slowly(
        &mut self,
        request: &mut Request,
        out: &[u8],
        rate: u64,
        timeout: Duration,
    ) -> io::Result<()> {
        let mut rest = out;
        while !rest.is_empty() {
            let free = self.scope(request).limit_rate_after();
            let elapsed = Clock::now().as_secs().saturating_sub(request.started.as_secs());
            let may = (rate * (elapsed + 1) + free).saturating_sub(request.sent);
            if may == 0 {
                let over = request.sent.saturating_sub(rate * elapsed + free);
                let wait = Duration::from_millis(over * 1000 / rate + 1);
                self.pause(wait).await?;
                continue;
            }
            let n = rest.len().min(usize::try_from(may).unwrap_or(usize::MAX));
            self.write(&rest[..n], timeout).await?;
            request.sent += n as u64;
            rest = &rest[n..];
            if !rest.is_empty() {
                self.pause(Duration::from_millis(n as u64 * 1000 / rate + 1)).await?;
            }
        }
        Ok(())
    }

    /// Waits; an error if the client is gone.
    pub(crate) async fn pause(&mut self, time: Duration) -> io::Result<()> {
        let stream = &self.stream;
        let is_gone = |cx: &mut Context<'_>| match stream.poll_stir(cx) {
            Poll::Ready(Stir::Closed) => Poll::Ready(()),
            _ => Poll::Pending,
        };
        match self.timer.limit(time, is_gone).await {
            Some(()) => Err(io::ErrorKind::ConnectionReset.into()),
            None => Ok(()),
        }
    }

    /// Writes all of `data`; an error also when the client takes nothing for `timeout`.
    pub(crate) async fn write(&mut self, data: &[u8], timeout: Duration) -> io::Result<()> {
        let framed;
        let mut rest = data;
        if let Some(sink) = &mut self.sink {
            framed = sink.take(data, false)?;
            rest = &framed;
        }
        while !rest.is_empty() {
            let stream = &mut self.stream;
            match self.timer.limit(timeout, |cx| stream.poll_write(cx, rest)).await {
                Some(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Some(Ok(n)) => rest = &rest[n..],
                Some(Err(error)) => return Err(error),
                None => {
                    self.timed_out = true;
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
        Ok(())
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
