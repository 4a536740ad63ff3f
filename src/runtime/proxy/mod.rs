//! Passing a request to an upstream (`ngx_http_upstream.c`): one peer after the other until one answers.

mod exchange;
mod head;
mod relay;
mod target;

use std::rc::Rc;
use std::time::Instant;

use super::balancer::Outcome;
use super::body::{self, BodyError};
use super::clock::Clock;
use super::connection::Connection;
use super::peer::{self, Local};
use super::plan::ProxyPlan;
use super::request::{Request, Scope, Try};
use super::route::Flow;
use super::worker::UpstreamState;
use crate::model::Target;
use crate::model::log::Severity;
use crate::model::proxy::Bind;
use exchange::Failure;

/// A request of the client in the course of being passed on.
pub(crate) struct Passing<'a> {
    pub(crate) c: &'a mut Connection,
    pub(crate) r: &'a mut Request,
    pub(crate) plan: &'a ProxyPlan,
    pub(crate) local: Option<Local>,
    pub(crate) state: Rc<UpstreamState>,
    /// What replaces the location's part of the URI, if `proxy_pass` has variables.
    pub(crate) uri: Option<Vec<u8>>,
    /// The try began.
    pub(crate) started: Instant,
    /// Something of the request has been sent to the peer.
    pub(crate) is_sent: bool,
    /// The connection came from the pool.
    pub(crate) is_cached: bool,
}

impl Passing<'_> {
    pub(crate) fn log(&mut self, severity: Severity, message: &str, action: &str) {
        Scope { worker: &self.c.worker, client: &self.c.client, request: self.r }
            .log(severity, message, action);
    }

    pub(crate) fn this_try(&mut self) -> Option<&mut Try> {
        self.r.tries.last_mut()
    }

    fn scope(&mut self) -> Scope<'_> {
        Scope { worker: &self.c.worker, client: &self.c.client, request: self.r }
    }

    /// The location, which `keepalive … local` compares.
    pub(crate) fn tag(&self) -> u32 {
        self.r.location.map_or(u32::MAX, |id| id.0)
    }
}

/// Passes the request on and the response back.
pub(crate) async fn pass(c: &mut Connection, r: &mut Request) -> Flow {
    let plan = Rc::clone(&r.plan);
    let Some(plan) = &plan.proxy else { return Flow::Abort };
    r.proxy_host.clear();
    let (state, uri) = match &plan.pass.target {
        Target::Upstream(id) => {
            r.proxy_host.extend_from_slice(plan.pass.host.as_bytes());
            (Rc::clone(&c.worker.upstreams[id.0 as usize]), None)
        }
        Target::Value(value) => match target::find(c, r, value) {
            Ok(found) => found,
            Err(status) => return Flow::Status(status),
        },
    };
    let started = Instant::now();
    let mut p = Passing { c, r, plan, local: None, state, uri, started, is_sent: false, is_cached: false };
    if let Err(error) = body::read(p.c, p.r).await {
        return body_failed(&mut p, &error);
    }
    p.local = local(&mut p);
    head::write(&mut p);
    let state = Rc::clone(&p.state);
    let mut attempt = state.balancer.borrow().start();
    loop {
        p.started = Instant::now();
        p.is_sent = false;
        p.is_cached = false;
        p.r.tries.push(Try::default());
        let now = Clock::now().as_secs();
        let chosen = state.balancer.borrow_mut().get(&mut attempt, now);
        let Some(peer) = chosen else {
            if let Some(this) = p.this_try() {
                this.peer.clone_from(&state.name);
                this.status = 502;
                this.response = Some(std::time::Duration::ZERO);
            }
            p.log(Severity::Error, "no live upstreams", " while connecting to upstream");
            return Flow::Status(502);
        };
        let (address, name) = &state.peers[peer];
        if let Some(this) = p.this_try() {
            this.peer.clone_from(name);
        }
        p.r.upstream_is_unix = matches!(address, peer::Address::Unix(_));
        let exchanged = exchange::run(&mut p, address).await;
        let now = Clock::now().as_secs();
        let failure = match exchanged {
            Ok((connection, buffer)) => {
                state.balancer.borrow_mut().free(&mut attempt, peer, Outcome::Good, now);
                let flow = relay::run(&mut p, connection, buffer, address).await;
                finish_try(&mut p);
                return flow;
            }
            Err(failure) => failure,
        };
        finish_try(&mut p);
        let outcome = if matches!(failure, Failure::Local | Failure::NoPort | Failure::ClientClosed) {
            Outcome::Good
        } else {
            Outcome::Failed
        };
        if state.balancer.borrow_mut().free(&mut attempt, peer, outcome, now) {
            p.log(Severity::Warn, "upstream server temporarily disabled", failure.action());
        }
        let (status, may_retry) = match &failure {
            Failure::Local => {
                // nginx has not noted the peer yet.
                if let Some(this) = p.this_try() {
                    this.peer.clear();
                }
                return Flow::Status(500);
            }
            Failure::ClientClosed => {
                p.r.status = 499;
                return Flow::Abort;
            }
            Failure::Error(_) | Failure::NoPort => (502, true),
            Failure::TimedOut(action) => {
                p.log(Severity::Error, "upstream timed out (110: Connection timed out)", action);
                (504, true)
            }
            Failure::Invalid => (502, false),
        };
        if p.is_cached && matches!(failure, Failure::Error(_)) {
            attempt.tries += 1;
        }
        if let Some(this) = p.this_try() {
            this.status = status;
        }
        let is_risky = p.is_sent && matches!(p.r.method(), b"POST" | b"LOCK" | b"PATCH");
        if attempt.tries == 0 || !may_retry || is_risky {
            return Flow::Status(status);
        }
    }
}

fn finish_try(p: &mut Passing<'_>) {
    let elapsed = p.started.elapsed();
    if let Some(this) = p.this_try() {
        this.response.get_or_insert(elapsed);
    }
}

fn body_failed(p: &mut Passing<'_>, error: &BodyError) -> Flow {
    match error {
        BodyError::Status(status, message) => {
            let severity = if *status == 413 { Severity::Error } else { Severity::Info };
            p.log(severity, message, "");
            p.r.keepalive = false;
            Flow::Status(*status)
        }
        BodyError::Closed => {
            p.r.status = 400;
            Flow::Abort
        }
        BodyError::TimedOut => {
            p.r.status = 408;
            Flow::Abort
        }
    }
}

/// The address to bind to (`ngx_http_upstream_set_local`): empty and invalid values leave the choice to the kernel.
fn local(p: &mut Passing<'_>) -> Option<Local> {
    match &p.plan.bind {
        Bind::Off => None,
        Bind::Address { address, transparent } => {
            let name = if address.port() == 0 { address.ip().to_string() } else { address.to_string() };
            Some(Local { address: *address, name, transparent: *transparent })
        }
        Bind::Value { value, transparent } => {
            let mut text = Vec::new();
            let worker = Rc::clone(&p.c.worker);
            worker.program.evaluate(value, &mut p.scope(), &mut text);
            if text.is_empty() {
                return None;
            }
            worker.outgoing.given(&worker.config, value, &text);
            let name = String::from_utf8_lossy(&text).into_owned();
            let address = peer::parse_local(&text);
            if address.is_none() {
                p.log(Severity::Error, &format!("invalid local address \"{name}\""), "");
            }
            address.map(|address| Local { address, name, transparent: *transparent })
        }
    }
}
