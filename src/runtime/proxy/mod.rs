//! Passes a request to an upstream (`ngx_http_upstream.c`): one peer after the other until one answers.

pub(crate) mod cached;
pub(crate) mod cookie;
pub(crate) mod exchange;
pub(crate) mod fastcgi;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod hints;
pub(crate) mod next;
pub(crate) mod pace;
pub(crate) mod pipe;
pub(crate) mod relay;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod rewrite;
pub(crate) mod saving;
pub(crate) mod spool;
pub(crate) mod stale;
pub(crate) mod sticky;
pub(crate) mod target;
pub(crate) mod trailers;
pub(crate) mod tunnel;
pub(crate) mod upload;

use std::rc::Rc;

use crate::model::log::Severity;
use crate::model::proxy::HttpVersion;
use crate::model::{ComplexValue, Target};
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::clock::{self, Clock};
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::state::{Request, UpstreamTry};
use crate::runtime::request::{body, peer};
use crate::runtime::upstream::balancer::Outcome;
use crate::runtime::upstream::peer::Address;
use crate::runtime::upstream::tls::{Names, Secure};
use exchange::Failure;
use request::{Chosen, ProxyRequest};
use target::Form;

const DISABLED: &str = "upstream server temporarily disabled";

/// Passes the request on and the response back.
pub(crate) async fn pass(c: &mut Connection, r: &mut Request) -> Flow {
    let plan = Rc::clone(&r.plan);
    let Some(plan) = &plan.proxy else {
        // The handler is that of an `if` before.
        c.scope(r).log(Severity::Alert, "no upstream configuration", "");
        return Flow::Status(500);
    };
    r.proxy_host.clear();
    // The response of an upstream before an internal redirect is forgotten.
    r.upstream_head.clear();
    r.upstream_trailers.clear();
    r.cache_status = None;
    let (state, uri, is_tls) = match &plan.pass.target {
        Target::Upstream(id) => {
            r.proxy_host.extend_from_slice(plan.pass.host.as_bytes());
            (c.worker.upstreams.get(id.0 as usize), None, plan.pass.tls)
        }
        Target::Value(value) => match target::find(c, r, value, Form::of(plan.cgi.as_ref())).await {
            Ok(found) => found,
            Err(status) => return Flow::Status(status),
        },
    };
    r.upstream_is_tls = is_tls;
    let secure = match secure(c, r, is_tls) {
        Ok(secure) => secure,
        Err(status) => return Flow::Status(status),
    };
    let started = clock::instant();
    let settings = &plan.on_way;
    let mut p = ProxyRequest {
        c,
        r,
        plan,
        local: None,
        state,
        secure,
        uri,
        started,
        is_sent: false,
        is_cached: false,
        is_head: false,
        is_upgraded: false,
        is_buffering: settings.buffering.value,
        is_streaming: false,
        has_own_body: false,
        rate: 0,
        cache: None,
        window: None,
        records: None,
        chosen: None,
        spool: None,
        sticky: None,
    };
    p.is_streaming = streams(&p);
    let read = if p.is_streaming { body::begin(p.c, p.r).await } else { body::read(p.c, p.r).await };
    if let Err(error) = read {
        return body::failed(p.c, p.r, &error);
    }
    if plan.cache.is_some()
        && let Some(flow) = Box::pin(cached::open(&mut p)).await
    {
        return flow;
    }
    let bind = p.plan.bind.clone();
    p.local = peer::local(&mut p.scope(), &bind);
    match &plan.cgi {
        None => head::write(&mut p),
        Some(plan) => {
            if let Err(status) = fastcgi::write(&mut p, plan) {
                return Flow::Status(status);
            }
        }
    }
    if !p.r.tries.is_empty() {
        // Parts the tries of this upstream from those before an internal redirect.
        p.r.tries.push(UpstreamTry::default());
    }
    peers(&mut p).await
}

/// The TLS of the connection by `proxy_ssl_*`, for this request.
fn secure(c: &Connection, r: &mut Request, is_tls: bool) -> Result<Option<Secure>, u16> {
    let Some(location) = r.location.filter(|_| is_tls) else { return Ok(None) };
    let settings = &c.worker.router.get(location).settings;
    let mut evaluated = |value: &ComplexValue| {
        let mut text = Vec::new();
        c.scope(r).evaluate(value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let certificate = evaluated(&settings.reuse.proxy_ssl_certificate.value);
    let certificate_key = evaluated(&settings.tls.proxy_certificate_key.value);
    let peer = &settings.reuse.proxy_ssl_name;
    let peer = match peer.origin.span() {
        Some(_) => evaluated(&peer.value),
        None => String::from_utf8_lossy(&r.proxy_host).into_owned(),
    };
    let names = Names { certificate, certificate_key, peer };
    c.worker.tls.peers.secure(&c.worker.config, settings, &names).map(Some).map_err(|message| {
        c.scope(r).log(Severity::Error, &message, "");
        500
    })
}

/// True if the body is passed on while it is read (`ngx_http_proxy_handler`).
fn streams(p: &ProxyRequest<'_>) -> bool {
    let settings = &p.plan.on_way;
    !settings.request_buffering.value
        && settings.set_body.value.is_none()
        && settings.pass_request_body.value
        && body::is_expected(p.r)
        && !body::is_here(p.r)
        && (!p.r.head.chunked
            || !p.plan.is_plain_cgi() && p.plan.settings.http_version.value == HttpVersion::Http11)
}

/// Asks one peer after the other.
async fn peers(p: &mut ProxyRequest<'_>) -> Flow {
    let settings = &p.plan.on_way;
    let state = Rc::clone(&p.state);
    let begun = clock::instant();
    let mut attempt = peer::start(&mut p.scope(), &state);
    p.sticky = sticky::begin(p);
    if settings.next_upstream_tries.value > 0 {
        attempt.tries = attempt.tries.min(settings.next_upstream_tries.value as usize);
    }
    loop {
        p.started = clock::instant();
        p.is_sent = false;
        p.is_cached = false;
        p.r.tries.push(UpstreamTry::default());
        let now = Clock::now().as_secs();
        attempt.hint = sticky::hint(p);
        let chosen = {
            let mut balancer = state.balancer();
            let chosen = balancer.get(&mut attempt, now);
            chosen.map(|peer| (peer, p.sticky.is_some().then(|| balancer.peers().sid(peer))))
        };
        let Some((peer, sid)) = chosen else {
            if let Some(this) = p.this_try() {
                this.peer.clone_from(&state.name);
                this.status = 502;
                this.response = Some(std::time::Duration::ZERO);
            }
            p.log(Severity::Error, "no live upstreams", " while connecting to upstream");
            return unanswered(p, 502, "error");
        };
        if let Some(sid) = sid {
            sticky::chosen(p, sid);
        }
        let (address, name) = &state.peers[peer];
        if let Some(this) = p.this_try() {
            this.peer.clone_from(name);
        }
        p.r.upstream_is_unix = matches!(address, Address::Unix(_));
        let exchanged = exchange::run(p, address).await;
        let now = Clock::now().as_secs();
        let failure = match exchanged {
            Ok((connection, buffer)) => {
                if let Some(outcome) = next::after_status(p, attempt.tries, begun) {
                    finish_try(p);
                    p.c.worker.buffers.give(buffer);
                    let is_disabled = state.balancer().free(&mut attempt, peer, outcome, now);
                    if is_disabled {
                        p.log(Severity::Warn, DISABLED, exchange::READING);
                    }
                    continue;
                }
                cached::judge(p, &buffer);
                let is_clean = buffer.end == p.r.response.position && !p.r.response.close;
                p.chosen = Some(Chosen { state: Rc::clone(&state), attempt, peer });
                let flow = match answered(p, &buffer) {
                    Some(flow) => {
                        p.c.worker.buffers.give(buffer);
                        if is_clean && p.r.cache_status == Some("REVALIDATED") {
                            p.c.worker.keep(&p.state, connection, address, p.tag());
                        }
                        flow
                    }
                    None => relay::run(p, connection, buffer, address).await,
                };
                over(p);
                return flow;
            }
            Err(failure) => failure,
        };
        finish_try(p);
        let outcome = match failure {
            Failure::NoPort => Outcome::Unasked,
            Failure::Local | Failure::ClientClosed | Failure::Body(_) => Outcome::Good,
            _ => Outcome::Failed,
        };
        let is_disabled = state.balancer().free(&mut attempt, peer, outcome, now);
        if is_disabled {
            p.log(Severity::Warn, DISABLED, failure.action());
        }
        let (status, word) = match refusal(p, &failure) {
            Ok(found) => found,
            Err(flow) => return flow,
        };
        if p.is_cached && matches!(failure, Failure::Error(_)) {
            attempt.tries += 1;
        }
        if let Some(this) = p.this_try() {
            this.status = status;
        }
        if attempt.tries == 0 || !next::may(p, word, begun) {
            return unanswered(p, status, word);
        }
    }
}

/// The whole response has come: the balancer counts it no more.
pub(super) fn over(p: &mut ProxyRequest<'_>) {
    p.chosen = None;
    finish_try(p);
    sticky::learn(p, true);
}

/// No peer has answered: a stale response does, or a page of the status.
fn unanswered(p: &mut ProxyRequest<'_>, status: u16, word: &str) -> Flow {
    if let Some(flow) = stale::instead(p, word, true) {
        return flow;
    }
    cached::failed(p, status);
    Flow::Status(status)
}

/// Status and word of `proxy_next_upstream` of a try that failed; an error: no other peer is asked.
fn refusal(p: &mut ProxyRequest<'_>, failure: &Failure) -> Result<(u16, &'static str), Flow> {
    match failure {
        Failure::Local => {
            // nginx has not noted the peer yet.
            if let Some(this) = p.this_try() {
                this.peer.clear();
            }
            Err(Flow::Status(500))
        }
        Failure::ClientClosed => {
            p.r.status = 499;
            Err(Flow::Abort)
        }
        Failure::Body(error) => Err(body::failed(p.c, p.r, error)),
        Failure::Error(_) | Failure::NoPort => Ok((502, "error")),
        Failure::TimedOut(action) => {
            p.log(Severity::Error, "upstream timed out (110: Connection timed out)", action);
            Ok((504, "timeout"))
        }
        Failure::Invalid => Ok((502, "invalid_header")),
    }
}

/// The answer instead of the peer's response: a page of the configuration, or a redirection inside. `None`: the
/// response goes to the client.
fn answered(p: &mut ProxyRequest<'_>, buffer: &Buffer) -> Option<Flow> {
    let status = p.r.response.status.code;
    let stale = next::word(status).and_then(|word| stale::instead(p, word, false));
    if let Some(flow) = stale.or_else(|| stale::revalidated(p)) {
        return Some(flow);
    }
    if next::is_intercepted(p) {
        cached::failed(p, status);
        if status == 401 {
            let text = buffer.all();
            let fields = p.r.response.fields.iter().filter(|f| f.known == KnownHeader::WwwAuthenticate);
            for header in fields {
                p.r.reply.push(header.name.of(text), header.value.of(text));
            }
        }
        return Some(Flow::Status(status));
    }
    p.is_upgraded = status == 101
        && p.records.is_none()
        && p.r.head.value(KnownHeader::Upgrade, p.r.buffer.all()).is_some();
    response::redirect(p, buffer)
}

fn finish_try(p: &mut ProxyRequest<'_>) {
    let elapsed = clock::since(p.started);
    if let Some(this) = p.this_try() {
        this.response.get_or_insert(elapsed);
    }
}
