//! Bytes between client and upstream until one of the two closes (`ngx_stream_proxy_process`).

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::pipe::{Pipe, Turn};
use crate::model::ComplexValue;
use crate::model::log::Severity;
use crate::runtime::net::clock;
use crate::runtime::net::log::errno;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::{Timer, Timers};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// The end of a session.
enum End {
    /// The one that closed.
    Disconnected(&'static str),
    TimedOut,
    /// Writing failed; the call and what was being done.
    Broken(io::Error, &'static str, Severity),
}

struct Relay<'a> {
    up: Pipe,
    down: Pipe,
    upstream: &'a mut Stream,
    timers: Rc<Timers>,
    half_close: bool,
    timeout: Duration,
    first_byte: Option<Duration>,
    started: Instant,
    /// Failures of reading that are to be logged.
    failures: Vec<(io::Error, &'static str, Severity)>,
}

/// Relays; `head` goes to the upstream before `first`, which was read from the client already.
pub(super) async fn run(
    c: &mut Connection,
    r: &mut Request,
    upstream: &mut Stream,
    (mut head, first): (Vec<u8>, Vec<u8>),
    started: Instant,
) -> u16 {
    let worker = Rc::clone(&c.worker);
    let own = &worker.sessions[r.server.0 as usize].settings;
    let (upload, download) =
        (rate(c, r, &own.proxy_upload_rate.value), rate(c, r, &own.proxy_download_rate.value));
    let size = own.proxy_buffer_size.value;
    head.extend_from_slice(&first);
    let before = r.session.as_ref().map_or(0, |session| session.received);
    let mut relay = Relay {
        up: Pipe::new(size, head, upload),
        down: Pipe::new(size, Vec::new(), download),
        upstream,
        timers: Rc::clone(&worker.timers),
        half_close: own.proxy_half_close.value,
        timeout: own.proxy_timeout.value,
        first_byte: None,
        started,
        failures: Vec::new(),
    };
    relay.up.rate.read = before;
    let (stream, timer) = (&mut c.stream, &c.timer);
    timer.set(relay.timeout);
    let end = poll_fn(|cx| relay.poll(cx, stream, timer)).await;
    c.timer.clear();
    if let Some(this) = r.tries.last_mut() {
        this.header = relay.first_byte;
    }
    if let Some(session) = &mut r.session {
        session.received = relay.up.rate.read;
        session.upstream_sent = relay.up.written;
        session.upstream_received = relay.down.rate.read;
        session.sent = relay.down.written;
    }
    for (error, action, severity) in &relay.failures {
        c.scope(r).log(*severity, &format!("recv() failed{}", errno(error)), action);
    }
    match end {
        End::Disconnected(who) => {
            let log = &r.plan.error_log;
            if log.takes(Severity::Info) {
                let counts = r.session.as_ref().map(|session| session.counts()).unwrap_or_default();
                log.write(Severity::Info, Some(c.client.number), &format!("{who} disconnected{counts}"));
            }
        }
        End::TimedOut => {
            let message = "connection timed out (110: Connection timed out)";
            c.scope(r).log(Severity::Info, message, " while proxying connection");
        }
        End::Broken(error, action, severity) => {
            c.scope(r).log(severity, &format!("send() failed{}", errno(&error)), action);
        }
    }
    200
}

/// `proxy_upload_rate`, `proxy_download_rate`
pub(super) fn rate(c: &Connection, r: &mut Request, value: &ComplexValue) -> u64 {
    if value.constant() == Some(b"0") {
        return 0;
    }
    let mut text = Vec::new();
    c.scope(r).evaluate(value, &mut text);
    crate::model::time::size(&text).unwrap_or(0)
}

impl Relay<'_> {
    fn poll(&mut self, cx: &mut Context<'_>, client: &mut Stream, timer: &Timer) -> Poll<End> {
        let mut has_moved = false;
        let timers = &self.timers;
        let mut failed = None;
        match self.down.turn(cx, self.upstream, client, || timers.timer(), &mut failed) {
            Turn::Moved => has_moved = true,
            Turn::Nothing => {}
            Turn::Broken(error) => {
                return Poll::Ready(End::Broken(
                    error,
                    " while proxying and sending to client",
                    Severity::Info,
                ));
            }
        }
        if let Some(error) = failed.take() {
            self.failures.push((error, " while proxying and reading from upstream", Severity::Error));
        }
        if self.first_byte.is_none() && (self.down.rate.read > 0 || self.down.is_ended) {
            self.first_byte = Some(clock::since(self.started));
        }
        if let Some(end) = self.end("upstream") {
            return Poll::Ready(end);
        }
        match self.up.turn(cx, client, self.upstream, || timers.timer(), &mut failed) {
            Turn::Moved => has_moved = true,
            Turn::Nothing => {}
            Turn::Broken(error) => {
                return Poll::Ready(End::Broken(
                    error,
                    " while proxying and sending to upstream",
                    Severity::Error,
                ));
            }
        }
        if let Some(error) = failed.take() {
            self.failures.push((error, " while proxying and reading from client", Severity::Info));
        }
        if let Some(end) = self.end("client") {
            return Poll::Ready(end);
        }
        if self.half_close {
            shut(cx, &mut self.up, self.upstream);
            shut(cx, &mut self.down, client);
        }
        let is_delayed = self.up.rate.is_delayed() || self.down.rate.is_delayed();
        if is_delayed {
            timer.clear();
        } else if has_moved {
            timer.set(self.timeout);
        }
        if !is_delayed && timer.poll(cx).is_ready() {
            return Poll::Ready(End::TimedOut);
        }
        Poll::Pending
    }

    /// The end, if there is nothing left to do (`ngx_stream_proxy_test_finalize`).
    fn end(&self, who: &'static str) -> Option<End> {
        let (client, upstream) = (self.up.is_ended, self.down.is_ended);
        let goes_on = !client && (!upstream || !self.down.is_empty())
            || !upstream && !self.up.is_empty()
            || self.half_close && !(client && upstream && self.up.is_empty() && self.down.is_empty());
        (!goes_on).then_some(End::Disconnected(who))
    }
}

/// Passes the end of a direction on, once.
fn shut(cx: &mut Context<'_>, pipe: &mut Pipe, to: &mut Stream) {
    if pipe.is_ended && pipe.is_empty() && !pipe.is_shut {
        pipe.is_shut = to.poll_shutdown(cx).is_ready();
    }
}
