//! State of a proxied request, which the steps from the first peer to the last byte of the response share.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use super::cached::Cached;
use super::spool::Spool;
use crate::model::log::Severity;
use crate::runtime::fastcgi::records::Records;
use crate::runtime::net::clock::Clock;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::plan::ProxyPlan;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::{Request, UpstreamTry};
use crate::runtime::upstream::balancer::{Attempt, Outcome};
use crate::runtime::upstream::peer::Local;
use crate::runtime::upstream::state::UpstreamState;
use crate::runtime::upstream::sticky::StickyRequest;
use crate::runtime::upstream::tls::Secure;

/// The peer that the balancer chose for a request; the balancer counts the request until this is dropped.
pub(crate) struct Chosen {
    pub(crate) state: Rc<UpstreamState>,
    pub(crate) attempt: Attempt,
    pub(crate) peer: usize,
}

impl Drop for Chosen {
    fn drop(&mut self) {
        let now = Clock::now().as_secs();
        self.state.balancer().free(&mut self.attempt, self.peer, Outcome::Good, now);
    }
}

/// A client's request that is proxied.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read one by one")]
pub(crate) struct ProxyRequest<'a> {
    pub(crate) c: &'a mut Connection,
    pub(crate) r: &'a mut Request,
    pub(crate) plan: &'a ProxyPlan,
    pub(crate) local: Option<Local>,
    pub(crate) state: Rc<UpstreamState>,
    /// TLS of connections to peers, if they have any.
    pub(crate) secure: Option<Secure>,
    /// The URI in place of the location's part, if `proxy_pass` has variables.
    pub(crate) uri: Option<Vec<u8>>,
    /// Begin of the current try.
    pub(crate) started: Instant,
    /// A part of the request has been sent to the peer.
    pub(crate) is_sent: bool,
    /// The connection came from the pool.
    pub(crate) is_cached: bool,
    /// The method of the upstream request is HEAD.
    pub(crate) is_head: bool,
    /// The connection became a tunnel.
    pub(crate) is_upgraded: bool,
    /// The response is read ahead of the client.
    pub(crate) is_buffering: bool,
    /// The body of the request is passed on while it is read.
    pub(crate) is_streaming: bool,
    /// The body is in `upstream_out` as a whole.
    pub(crate) has_own_body: bool,
    /// Bytes a second that the client gets; 0: any.
    pub(crate) rate: u64,
    /// The request's part in a cache.
    pub(crate) cache: Option<Box<Cached>>,
    /// Range of the body that the client gets: its first byte, and the byte behind its last.
    pub(crate) window: Option<(u64, u64)>,
    /// The records of the response, if the peer speaks FastCGI.
    pub(crate) records: Option<Box<Records>>,
    /// The peer whose response is passed on.
    pub(crate) chosen: Option<Chosen>,
    /// Bytes of a response that is read ahead of the client.
    pub(crate) spool: Option<Rc<RefCell<Spool>>>,
    /// The request's part in `sticky`.
    pub(crate) sticky: Option<Box<StickyRequest>>,
}

impl ProxyRequest<'_> {
    /// Writes to the error log of the location; `action`, such as ` while connecting to upstream`, follows the message.
    pub(crate) fn log(&mut self, severity: Severity, message: &str, action: &str) {
        Scope { worker: &self.c.worker, client: &self.c.client, request: self.r }
            .log(severity, message, action);
    }

    /// The current try.
    pub(crate) fn this_try(&mut self) -> Option<&mut UpstreamTry> {
        self.r.tries.last_mut()
    }

    /// The cache may keep the response.
    pub(crate) fn is_cacheable(&self) -> bool {
        self.cache.as_ref().is_some_and(|cached| cached.is_cacheable)
    }

    /// The scope in which variables are evaluated.
    pub(super) fn scope(&mut self) -> Scope<'_> {
        Scope { worker: &self.c.worker, client: &self.c.client, request: self.r }
    }

    /// The location, which `keepalive … local` compares.
    pub(crate) fn tag(&self) -> u32 {
        self.r.location.map_or(u32::MAX, |id| id.0)
    }
}
