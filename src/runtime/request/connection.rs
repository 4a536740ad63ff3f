//! A client's connection as modules see it: its worker, its client, its socket and its timer.

use std::rc::Rc;

use crate::eval::select::LocationId;
use crate::runtime::net::clock;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::timer::Timer;
use crate::runtime::request::ahead::AllAhead;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// A client's connection.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) client: Client,
    pub(crate) stream: Stream,
    pub(crate) timer: Timer,
    /// The client accepted no data for `send_timeout`.
    pub(crate) timed_out: bool,
    /// Sink of a response that is put together of several (SSI, additions); `None` otherwise.
    pub(crate) sink: Option<Sink>,
    /// Responses of peers that are read on while the client is waited for.
    pub(crate) ahead: AllAhead,
}

impl Connection {
    pub(crate) fn new(worker: Rc<Worker>, client: Client, stream: Stream, timer: Timer) -> Self {
        Self { worker, client, stream, timer, timed_out: false, sink: None, ahead: Vec::new() }
    }

    /// The scope in which variables are evaluated.
    pub(crate) fn scope<'a>(&'a self, request: &'a mut Request) -> Scope<'a> {
        Scope { worker: &self.worker, client: &self.client, request }
    }

    /// Makes `id`, or its `limit_except` block, the location of the request (`ngx_http_update_location_config`).
    pub(crate) fn enter(&self, r: &mut Request, id: LocationId) {
        let mut id = id;
        if let Some((methods, inner)) = &self.worker.locations[id.0 as usize].limit_except
            && !allows(methods, r.method())
        {
            id = *inner;
        }
        r.location = Some(id);
        r.plan = Rc::clone(&self.worker.locations[id.0 as usize]);
        self.limit_keepalive(r);
    }

    /// Ends keepalive after this response if the settings of the location say so.
    pub(crate) fn limit_keepalive(&self, r: &mut Request) {
        let core = &r.plan.core;
        r.keepalive = r.keepalive
            && (!self.worker.is_stopping.get() || r.stays())
            && !core.keepalive_timeout.value.idle.is_zero()
            && self.client.requests < core.keepalive_requests.value
            && clock::since(self.client.opened) <= core.keepalive_time.value
            && !is_disabled(r);
    }
}

/// `keepalive_disable`
fn is_disabled(r: &Request) -> bool {
    let disabled = &r.plan.core.keepalive_disable.value;
    if disabled.0.is_empty() || disabled.has("none") {
        return false;
    }
    let (msie6, safari) = (disabled.has("msie6") && r.method() == b"POST", disabled.has("safari"));
    if !msie6 && !safari {
        return false;
    }
    let Some(agent) = r.head.value(KnownHeader::UserAgent, r.buffer.all()) else { return false };
    let has = |word: &[u8]| memchr::memmem::find(agent, word).is_some();
    let is_old_msie = || {
        memchr::memmem::find(agent, b"MSIE ")
            .and_then(|at| agent.get(at + 5..at + 8))
            .is_some_and(|v| v[1] == b'.' && matches!(v[0], b'4'..=b'6') && !(v[0] == b'6' && has(b"SV1")))
    };
    let is_safari = || has(b"Safari/") && has(b"Mac OS X") && !has(b"Chrome/");
    msie6 && is_old_msie() || safari && is_safari()
}

/// True if a method is one that `limit_except` does not limit.
fn allows(methods: &[String], method: &[u8]) -> bool {
    let has = |name: &[u8]| methods.iter().any(|m| m.as_bytes().eq_ignore_ascii_case(name));
    has(method) || method == b"HEAD" && has(b"GET")
}
