//! `proxy_pass`: one peer after the other until one accepts the session (`ngx_stream_proxy_module.c`).

use std::rc::Rc;
use std::time::Instant;

use super::connect::{self, Failure};
use super::relay;
use crate::model::Target;
use crate::model::log::Severity;
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::stream::Stream;
use crate::runtime::proxy::target::{self, Form};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::peer;
use crate::runtime::request::state::{Request, UpstreamTry};
use crate::runtime::upstream::balancer::{Attempt, Outcome};
use crate::runtime::upstream::state::UpstreamState;

/// Outcome of a session that has ended: a peer recovers when it accepts, not when a session is over.
pub(super) const DONE: Outcome = Outcome::Unasked;

/// While doing what a peer is looked for.
pub(super) const CONNECTING: &str = " while connecting to upstream";

/// The choice of peers for a session.
pub(super) struct Choice {
    pub(super) state: Rc<UpstreamState>,
    attempt: Attempt,
    begun: Instant,
    /// The peer that the session has.
    peer: Option<usize>,
}

impl Choice {
    /// Finds the upstream of a session.
    ///
    /// # Errors
    /// The status that the session ends with.
    pub(super) async fn new(c: &mut Connection, r: &mut Request, target: &Target) -> Result<Self, u16> {
        if let Some(session) = &mut r.session {
            session.is_proxied = true;
        }
        let state = match target {
            Target::Upstream(id) => c.worker.upstreams.get(id.0 as usize),
            Target::Value(value) => match target::find(c, r, value, Form::Peer).await {
                Ok((state, _, _)) => state,
                Err(_) => return Err(500),
            },
        };
        let mut attempt = peer::start(&mut c.scope(r), &state);
        let most = r_settings(c, r).pass.next_upstream_tries.value;
        if most > 0 {
            attempt.tries = attempt.tries.min(most as usize);
        }
        Ok(Self { state, attempt, begun: clock::instant(), peer: None })
    }

    /// The next peer's position.
    ///
    /// # Errors
    /// No peer is live.
    pub(super) fn next(&mut self, c: &Connection, r: &mut Request) -> Result<usize, u16> {
        r.tries.push(UpstreamTry::default());
        let chosen = self.state.balancer().get(&mut self.attempt, Clock::now().as_secs());
        let name = match chosen {
            Some(at) => &self.state.peers[at].1,
            None => &self.state.name,
        };
        if let Some(this) = r.tries.last_mut() {
            this.peer.clone_from(name);
        }
        if let Some(session) = &mut r.session {
            session.peer.clone_from(name);
        }
        self.peer = chosen;
        chosen.ok_or_else(|| {
            c.scope(r).log(Severity::Error, "no live upstreams", CONNECTING);
            502
        })
    }

    /// Gives the peer back after a failure; false if no other may be tried.
    pub(super) fn failed(&mut self, c: &Connection, r: &mut Request) -> bool {
        self.give(c, r, Outcome::Failed);
        let settings = r_settings(c, r);
        let limit = settings.pass.next_upstream_timeout.value;
        self.attempt.tries > 0
            && c.worker.sessions[r.server.0 as usize].settings.proxy_next_upstream.value
            && (limit.is_zero() || clock::since(self.begun) < limit)
    }

    /// The peer has accepted the connection.
    fn connected(&mut self) {
        if let Some(peer) = self.peer {
            self.state.balancer().connected(peer);
        }
    }

    /// Gives the peer back.
    pub(super) fn give(&mut self, c: &Connection, r: &mut Request, outcome: Outcome) {
        let Some(peer) = self.peer.take() else { return };
        let now = Clock::now().as_secs();
        let is_disabled = self.state.balancer().free(&mut self.attempt, peer, outcome, now);
        if is_disabled {
            c.scope(r).log(Severity::Warn, "upstream server temporarily disabled", CONNECTING);
        }
    }
}

/// The settings that `http` has too.
pub(super) fn r_settings<'c>(c: &'c Connection, r: &Request) -> &'c crate::model::HttpSettings {
    &c.worker.config.http.servers[r.server.0 as usize].settings
}

/// Notes the end of a try.
pub(super) fn finish_try(r: &mut Request, started: Instant) {
    let (received, sent) =
        r.session.as_ref().map_or((0, 0), |session| (session.upstream_received, session.upstream_sent));
    if let Some(this) = r.tries.last_mut() {
        this.response.get_or_insert(clock::since(started));
        this.received = received;
        this.sent = sent;
    }
}

/// Passes the connection on; returns the status that the session ends with.
pub(super) async fn pass(c: &mut Connection, r: &mut Request, target: &Target, first: Vec<u8>) -> u16 {
    let mut choice = match Choice::new(c, r, target).await {
        Ok(choice) => choice,
        Err(status) => return status,
    };
    let bind = r_settings(c, r).proxy.bind.value.clone();
    let local = peer::local(&mut c.scope(r), &bind);
    loop {
        let started = clock::instant();
        let at = match choice.next(c, r) {
            Ok(at) => at,
            Err(status) => return status,
        };
        let connected = connect::tcp(c, r, &choice.state, at, local.as_ref(), started).await;
        match connected {
            Ok((mut upstream, head)) => {
                choice.connected();
                let status = relay::run(c, r, &mut upstream, (head, first), started).await;
                closed(c, &upstream);
                finish_try(r, started);
                choice.give(c, r, DONE);
                return status;
            }
            Err(Failure::Ended(status)) => {
                finish_try(r, started);
                choice.give(c, r, DONE);
                return status;
            }
            Err(Failure::Peer) => {
                finish_try(r, started);
                if !choice.failed(c, r) {
                    return 502;
                }
            }
        }
    }
}

/// The ledger counts who has closed the connection first.
fn closed(c: &Connection, upstream: &Stream) {
    if let Some(ledger) = &c.worker.outgoing.ledger
        && let Some(by_peer) = upstream.is_closed_by_peer()
    {
        ledger.closed(by_peer);
    }
}
