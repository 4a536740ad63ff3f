//! One try of one peer: connection, request, head of the response.

use std::io;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use super::request::ProxyRequest;
use super::{fastcgi, hints, upload};
use crate::model::cache::Store;
use crate::model::log::Severity;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::clock;
use crate::runtime::net::http1::response_head::Progress;
use crate::runtime::net::ledger::ConnectFailure;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::{IdleEvent, Stream};
use crate::runtime::request::body::BodyError;
use crate::runtime::upstream::outgoing::is_port_shortage;
use crate::runtime::upstream::peer::{self, Address, ConnectError};
use crate::runtime::upstream::pool::{Pool, UpstreamConnection};
use crate::runtime::upstream::tls;

const CONNECTING: &str = " while connecting to upstream";
const SHAKING: &str = " while SSL handshaking to upstream";
pub(super) const READING: &str = " while reading response header from upstream";

/// Failure of an attempt with one peer.
#[derive(Debug)]
pub(super) enum Failure {
    /// On this side; logged already.
    Local,
    /// No port is left towards the peer, which is not its failure (`--improve`); logged already.
    NoPort,
    /// `proxy_next_upstream error`; logged already. While doing what.
    Error(&'static str),
    /// `proxy_next_upstream timeout`
    TimedOut(&'static str),
    /// `proxy_next_upstream invalid_header`; logged already.
    Invalid,
    /// The client closed the connection.
    ClientClosed,
    /// The client's body did not come, or not as it should.
    Body(BodyError),
}

impl Failure {
    pub(super) fn action(&self) -> &'static str {
        match self {
            Failure::Error(action) | Failure::TimedOut(action) => action,
            Failure::Invalid => READING,
            Failure::Local | Failure::NoPort | Failure::ClientClosed | Failure::Body(_) => CONNECTING,
        }
    }
}

/// The connection, and the buffer with the head of the response, which is in `request.response`.
pub(super) async fn run(
    p: &mut ProxyRequest<'_>,
    address: &Address,
) -> Result<(UpstreamConnection, Buffer), Failure> {
    let mut connection = connect(p, address).await?;
    connection.requests += 1;
    let elapsed = clock::since(p.started);
    if let Some(this) = p.this_try() {
        this.connect = Some(elapsed);
    }
    p.is_sent = true;
    // A peer may answer and close before it has read the whole body.
    let broken = match upload::send(p, &mut connection.stream).await {
        Ok(is_complete) => !is_complete,
        Err(Failure::Error(_)) => true,
        Err(failure) => return Err(failure),
    };
    let mut buffer = p.c.worker.buffers.take();
    read_head(p, &mut connection.stream, &mut buffer).await?;
    p.r.response.close |= broken || p.plan.is_plain_cgi();
    let elapsed = clock::since(p.started);
    let code = p.r.response.status.code;
    if let Some(this) = p.this_try() {
        this.header = Some(elapsed);
        this.status = code;
    }
    Ok((connection, buffer))
}

async fn connect(p: &mut ProxyRequest<'_>, address: &Address) -> Result<UpstreamConnection, Failure> {
    let worker = Rc::clone(&p.c.worker);
    let state = Rc::clone(&p.state);
    let pool = state.pool.as_ref();
    let outgoing = &worker.outgoing;
    let buffers = peer::Buffers::of(&p.plan.on_way);
    let mut tried = Vec::new();
    let connected = loop {
        let source = p.local.as_ref().map(|local| local.address);
        let secure = p.secure.as_ref().map(|secure| Rc::clone(&secure.key));
        let take = |pool: &std::cell::RefCell<Pool>| {
            pool.borrow_mut().take(address, p.tag(), source, secure.as_deref())
        };
        if let Some(connection) = pool.and_then(|pool| take(pool)) {
            p.is_cached = true;
            if let Some(ledger) = &state.ledger {
                ledger.reused.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(connection);
        }
        let connected = peer::connect(address, p.local.as_ref(), buffers, outgoing);
        let Err(error) = &connected else { break connected };
        outgoing.failed(error);
        tried.push(source);
        match error {
            ConnectError::Connect(error) if is_port_shortage(error) => {}
            _ => break connected,
        }
        match outgoing.next_source(&worker.config, &p.plan.bind, &tried) {
            Some(next) => p.local = Some(next),
            None => break connected,
        }
    };
    let stream = match connected {
        Ok(stream) => stream,
        Err(ConnectError::Local(what, error)) => {
            p.log(Severity::Crit, &format!("{what}{}", errno(&error)), CONNECTING);
            return Err(Failure::Local);
        }
        Err(ConnectError::Connect(error)) => {
            worker.next_connection();
            let severity = if peer::is_ordinary(&error) { Severity::Error } else { Severity::Crit };
            let name = p.r.tries.last().map(|t| t.peer.clone()).unwrap_or_default();
            p.log(severity, &format!("connect() to {name} failed{}", errno(&error)), CONNECTING);
            let is_ours = outgoing.improve && is_port_shortage(&error);
            return Err(if is_ours { Failure::NoPort } else { Failure::Error(CONNECTING) });
        }
    };
    worker.next_connection();
    let timeout = p.plan.settings.connect_timeout.value;
    match p.c.timer.limit(timeout, |cx| stream.poll_write_ready(cx)).await {
        None => {
            outgoing.missed(ConnectFailure::TimedOut);
            return Err(Failure::TimedOut(CONNECTING));
        }
        Some(ready) => {
            if p.plan.on_way.socket_keepalive.value {
                stream.keepalive();
            }
            if let Some(error) = ready.err().or_else(|| stream.take_error()) {
                outgoing.missed(ConnectFailure::of(&error));
                p.log(Severity::Error, &format!("connect() failed{}", errno(&error)), CONNECTING);
                return Err(Failure::Error(CONNECTING));
            }
        }
    }
    outgoing.opened(state.ledger.as_ref(), &stream, address);
    let stream = secure(p, stream).await?;
    let source = p.local.as_ref().map(|local| local.address);
    let ledger = outgoing.ledger.clone();
    let secure = p.secure.as_ref().map(|secure| Rc::clone(&secure.key));
    Ok(UpstreamConnection { stream, requests: 0, opened: clock::instant(), source, ledger, secure })
}

/// Shakes hands with the peer, if the location asks for TLS.
async fn secure(p: &mut ProxyRequest<'_>, stream: Stream) -> Result<Stream, Failure> {
    let Some(secure) = p.secure.clone() else { return Ok(stream) };
    let timeout = p.plan.settings.connect_timeout.value;
    match Box::pin(tls::connect(&p.c.timer, stream, &secure, timeout)).await {
        Ok(stream) => Ok(stream),
        Err(tls::Failed::TimedOut) => Err(Failure::TimedOut(SHAKING)),
        Err(tls::Failed::Message(message)) => {
            p.log(Severity::Error, &message, SHAKING);
            Err(Failure::Error(SHAKING))
        }
    }
}

enum Event {
    Read(io::Result<usize>),
    ClientClosed,
}

async fn read_head(
    p: &mut ProxyRequest<'_>,
    stream: &mut Stream,
    buffer: &mut Buffer,
) -> Result<(), Failure> {
    let timeout = p.plan.settings.read_timeout.value;
    // Longest head.
    let most = usize::try_from(p.plan.on_way.buffer_size.value).unwrap_or(usize::MAX).clamp(1, 1 << 20);
    fastcgi::begin(p, buffer);
    let (mut hints_length, mut is_open) = (0, p.plan.is_plain_cgi());
    // A response that is kept is of use to others.
    let is_kept = p.is_cacheable() || p.plan.kept.store.value != Store::Off;
    let mut watch = !p.plan.on_way.ignore_client_abort.value && !is_kept && !p.r.is_background;
    loop {
        if buffer.room().is_empty() {
            buffer.grow(most);
        }
        let (client, room) = (&p.c.stream, buffer.room());
        let event = p.c.timer.limit(timeout, |cx| {
            if let Poll::Ready(read) = stream.poll_read(cx, room) {
                return Poll::Ready(Event::Read(read));
            }
            if watch {
                match client.poll_idle_event(cx) {
                    Poll::Ready(IdleEvent::Closed) => return Poll::Ready(Event::ClientClosed),
                    // Unread bytes of the next request hide whether the client has closed.
                    Poll::Ready(IdleEvent::Data) => watch = false,
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        });
        match event.await {
            None => return Err(Failure::TimedOut(READING)),
            Some(Event::ClientClosed) => {
                let message = "client prematurely closed connection, so upstream connection is closed too";
                p.log(Severity::Info, message, READING);
                return Err(Failure::ClientClosed);
            }
            Some(Event::Read(Ok(0))) => {
                p.log(Severity::Error, "upstream prematurely closed connection", READING);
                return Err(Failure::Error(READING));
            }
            Some(Event::Read(Err(error))) => {
                p.log(Severity::Error, &format!("recv() failed{}", errno(&error)), READING);
                return Err(Failure::Error(READING));
            }
            Some(Event::Read(Ok(n))) => {
                arrived(p, buffer, n);
            }
        }
        if is_open {
            is_open = fastcgi::is_open(p, buffer);
            if is_open {
                continue;
            }
            fastcgi::reset(p, buffer);
        }
        let mut progress = p.r.response.advance(buffer.all());
        while progress == Progress::Hints {
            hints_length += p.r.response.position - p.r.response.start;
            hints::pass(p, buffer, hints_length).await;
            buffer.forget(p.r.response.position);
            p.r.response.reset(buffer.start);
            progress = p.r.response.advance(buffer.all());
        }
        if p.records.is_some() {
            fastcgi::check(p, &progress)?;
        }
        match progress {
            Progress::Done if p.r.response.position - buffer.start <= most => return Ok(()),
            Progress::Invalid(message) => {
                p.log(Severity::Error, &message, READING);
                return Err(Failure::Invalid);
            }
            Progress::More if buffer.filled().len() < most => {}
            Progress::Done | Progress::More | Progress::Hints => {
                p.log(Severity::Error, "upstream sent too big header", READING);
                return Err(Failure::Invalid);
            }
        }
    }
}

/// Takes `n` new bytes of the head behind the filled part of `buffer`.
fn arrived(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, n: usize) {
    let from = buffer.end;
    buffer.end += n;
    if let Some(this) = p.this_try() {
        this.received += n as u64;
    }
    if p.records.is_some() {
        fastcgi::take(p, buffer, from);
    }
}
