//! A peer's response on its way into this program, however slow the client is (`ngx_event_pipe_read_upstream`): while the
//! client is waited for, the response is read on, and the peer is free as soon as the response has been read.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::framing::{BodyState, Framing, Incoming};
use super::pace::Pace;
use super::request::{Chosen, ProxyRequest};
use super::saving::Copy;
use super::spool::{Place, Spool};
use crate::model::Origin;
use crate::model::log::Severity;
use crate::runtime::net::buffer::{Buffer, SIZE};
use crate::runtime::net::clock;
use crate::runtime::net::log::errno;
use crate::runtime::net::path::os;
use crate::runtime::net::timer::Timer;
use crate::runtime::request::ahead::Ahead;
use crate::runtime::request::scope::LogPlace;
use crate::runtime::request::worker::Worker;
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::pool::UpstreamConnection;
use crate::runtime::upstream::state::UpstreamState;

/// Buffers that are read in one turn, so that other connections have theirs.
const TURN: usize = 8;
/// Kept free at the end of a buffer for what ends a chunk.
pub(super) const TAIL: usize = 16;
const READING: &str = " while reading upstream";
/// Subdirectories of `proxy_temp_path` unless it is configured.
const LEVELS: [usize; 2] = [1, 2];

/// End of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The response is not complete; the log says why.
    Broken,
}

/// Settled facts of a response that are noted in the request.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) received: u64,
    pub(super) length: u64,
    /// Time of the whole response, once it is over.
    pub(super) response: Option<Duration>,
}

/// Bytes for the client.
pub(super) enum Next {
    /// Bytes, and true if the response ends with them.
    Data(Buffer, bool),
    Broken,
}

pub(super) struct State {
    worker: Rc<Worker>,
    connection: Option<UpstreamConnection>,
    address: Address,
    upstream: Rc<UpstreamState>,
    tag: u32,
    /// The balancer counts the request until the response is over.
    chosen: Option<Chosen>,
    pub(super) incoming: Incoming,
    may_keep: bool,
    pub(super) copy: Option<Copy>,
    pub(super) spool: Rc<RefCell<Spool>>,
    pace: Pace,
    pause: Option<Duration>,
    timer: Timer,
    is_armed: bool,
    timeout: Duration,
    is_long: bool,
    /// The client takes frames, which are shorter than buffers: more would only wait in memory.
    is_framed: bool,
    end: Option<End>,
    /// The client is gone: only the copy is still of use.
    is_deaf: bool,
    noted: Noted,
    begun: Instant,
    log: LogPlace,
}

/// The response; the connection to the client reads it on while it writes.
pub(super) struct Pipe(RefCell<State>);

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipe")
    }
}

impl Ahead for Pipe {
    fn poll_ahead(&self, cx: &mut Context<'_>) {
        self.0.borrow_mut().read(cx, false);
    }
}

/// Facts of a response that [`Pipe::new`] takes over from the first buffer.
pub(super) struct Begun {
    pub(super) connection: UpstreamConnection,
    pub(super) incoming: Incoming,
    pub(super) copy: Option<Copy>,
    pub(super) may_keep: bool,
    /// Bytes that have been read of the body.
    pub(super) read: usize,
    pub(super) is_full: bool,
}

impl Pipe {
    pub(super) fn new(p: &mut ProxyRequest<'_>, address: &Address, begun: Begun) -> Rc<Self> {
        let Begun { connection, incoming, copy, may_keep, read, is_full } = begun;
        let (settings, is_framed) = (&p.plan.on_way, p.r.is_http2());
        let path = &settings.temp_path;
        let directory = os(&p.c.worker.absolute(path.value.path.as_bytes().to_vec())).to_owned();
        let levels = match path.origin {
            Origin::Default => LEVELS.to_vec(),
            _ => path.value.levels.clone(),
        };
        let memory = settings.buffers.value.size.saturating_mul(u64::from(settings.buffers.value.number));
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let spool = Rc::new(RefCell::new(Spool::new(
            memory,
            settings.max_temp_file_size.value,
            Place { directory, levels },
            is_framed,
        )));
        Rc::new(Self(RefCell::new(State {
            worker: Rc::clone(&p.c.worker),
            connection: Some(connection),
            address: address.clone(),
            upstream: Rc::clone(&p.state),
            tag: p.tag(),
            chosen: p.chosen.take(),
            incoming,
            may_keep,
            copy,
            spool,
            pace: Pace::new(p, read),
            pause: None,
            timer: p.c.worker.timers.timer(),
            is_armed: false,
            timeout: p.plan.settings.read_timeout.value,
            is_long: is_full,
            is_framed,
            end: None,
            is_deaf: false,
            noted: Noted::default(),
            begun: p.started,
            log: p.scope().log_place(),
        })))
    }

    /// A borrow of the state, for a call that does not wait.
    pub(super) fn state(&self) -> std::cell::RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The next bytes for the client: those that wait for it, else those that arrive.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.0.borrow_mut();
        if state.spool.borrow_mut().is_empty() {
            state.read(cx, true);
        }
        let state = &mut *state;
        let taken = state.spool.borrow_mut().take(&state.worker);
        match taken {
            Ok(Some(buffer)) => {
                let is_last = state.spool.borrow_mut().is_empty() && state.end == Some(End::Whole);
                return Poll::Ready(Next::Data(buffer, is_last));
            }
            Ok(None) => {}
            Err(error) => {
                state.note(Severity::Crit, &format!("pread() of a temporary file failed{}", errno(&error)));
                state.finish(End::Broken);
            }
        }
        match state.end {
            Some(End::Whole) => Poll::Ready(Next::Data(state.worker.buffers.take(), true)),
            Some(End::Broken) => Poll::Ready(Next::Broken),
            None => Poll::Pending,
        }
    }
}

impl State {
    /// Takes the facts since the last call.
    pub(super) fn noted(&mut self) -> Noted {
        std::mem::take(&mut self.noted)
    }

    /// The client is gone; the response is read on for the copy.
    pub(super) fn forget_client(&mut self) {
        self.is_deaf = true;
        self.spool.borrow_mut().clear();
    }

    /// True if the response is of use to nobody but the client.
    pub(super) fn serves_client_only(&self) -> bool {
        self.copy.is_none() && self.connection.is_some()
    }

    fn note(&self, severity: Severity, message: &str) {
        self.log.write(severity, message, READING);
    }

    /// The response is over: the peer is free.
    fn finish(&mut self, end: End) {
        self.end = Some(end);
        self.connection = None;
        self.chosen = None;
        self.timer.clear();
        self.noted.response = Some(clock::since(self.begun));
    }

    fn fail(&mut self, message: &str) {
        self.note(Severity::Error, message);
        self.finish(End::Broken);
    }

    /// True if the time is over.
    fn waited(&mut self, cx: &mut Context<'_>, time: Duration) -> bool {
        if !self.is_armed {
            self.timer.set(time);
            self.is_armed = true;
        }
        let is_over = self.timer.poll(cx).is_ready();
        if is_over {
            self.disarm();
        }
        is_over
    }

    fn disarm(&mut self) {
        if std::mem::take(&mut self.is_armed) {
            self.timer.clear();
        }
    }

    /// Reads what has arrived. For a client that waits (`is_asked`) one buffer is enough.
    fn read(&mut self, cx: &mut Context<'_>, is_asked: bool) {
        for _ in 0..TURN {
            if self.end.is_some() {
                return;
            }
            if let Some(pause) = self.pause {
                if !self.waited(cx, pause) {
                    return;
                }
                self.pause = None;
            }
            let is_free = is_asked || self.is_deaf;
            let room = if is_free { usize::MAX } else { self.spool.borrow_mut().room(self.copy.is_some()) };
            if room == 0 {
                return self.disarm();
            }
            let most = match self.pace.most(room) {
                Ok(most) => most,
                Err(pause) => {
                    self.pause = Some(pause);
                    continue;
                }
            };
            let Some(connection) = &mut self.connection else { return };
            let left = matches!(self.incoming.framing, Framing::Length(left) if left > SIZE as u64);
            let buffers = &self.worker.buffers;
            let is_large = (self.is_long || left) && !(self.is_framed && is_asked);
            let mut buffer = if is_large { buffers.take_large() } else { buffers.take() };
            let room = buffer.room();
            let most = most.min(room.len() - TAIL);
            match connection.stream.poll_read(cx, &mut room[..most]) {
                Poll::Pending => {
                    self.worker.buffers.give(buffer);
                    if self.waited(cx, self.timeout) {
                        self.fail("upstream timed out (110: Connection timed out)");
                    }
                    return;
                }
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.disarm();
                    self.is_long = n == most;
                    self.pause = self.pace.done(n);
                    self.noted.received += n as u64;
                    self.incoming.arrived(&mut buffer, n);
                    self.take(buffer, is_asked);
                    if is_asked && !self.spool.borrow_mut().is_empty() {
                        return;
                    }
                }
                Poll::Ready(read) => {
                    self.worker.buffers.give(buffer);
                    match read {
                        Ok(_) if self.incoming.may_close() => self.complete(false),
                        Ok(_) => self.fail("upstream prematurely closed connection"),
                        Err(error) => self.fail(&format!("recv() failed{}", errno(&error))),
                    }
                    return;
                }
            }
        }
        // More may have arrived.
        cx.waker().wake_by_ref();
    }

    /// Takes the body out of its framing, to the client and to the copy.
    fn take(&mut self, mut buffer: Buffer, is_asked: bool) {
        let part = self.incoming.take(&mut buffer);
        for (severity, message) in std::mem::take(&mut self.incoming.messages) {
            self.note(severity, &message);
        }
        if let BodyState::Invalid(message) = part {
            self.worker.buffers.give(buffer);
            return self.fail(&message);
        }
        self.noted.length += buffer.filled().len() as u64;
        let mut kept = None;
        if let Some(copy) = &mut self.copy {
            match copy.append(buffer.filled()) {
                Ok((file, from, to)) => kept = Some((Rc::clone(file), from, to)),
                Err(message) => {
                    self.copy = None;
                    self.note(Severity::Crit, &message);
                }
            }
        }
        if buffer.is_empty() || self.is_deaf {
            self.worker.buffers.give(buffer);
        } else if is_asked && self.spool.borrow_mut().is_empty() {
            self.spool.borrow_mut().pass(buffer);
        } else {
            let added = self.spool.borrow_mut().add(buffer.filled(), kept, &self.worker);
            self.worker.buffers.give(buffer);
            match added {
                Ok(None) => {}
                Ok(Some(path)) => {
                    let path = path.display();
                    let message = format!("an upstream response is buffered to a temporary file {path}");
                    self.note(Severity::Warn, &message);
                }
                Err(message) => self.note(Severity::Crit, &message),
            }
        }
        if let BodyState::Done(is_clean) = part {
            return self.complete(is_clean);
        }
        if let Some(message) = self.incoming.broken() {
            self.fail(&message);
        }
    }

    /// The whole response has arrived.
    fn complete(&mut self, is_clean: bool) {
        if let Some(connection) = self.connection.take()
            && is_clean
            && self.may_keep
        {
            self.worker.keep(&self.upstream, connection, &self.address, self.tag);
        }
        if let Some(copy) = self.copy.take()
            && let Err(message) = copy.complete()
        {
            self.note(Severity::Crit, &message);
        }
        self.finish(End::Whole);
    }
}
