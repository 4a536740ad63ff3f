//! From a request to who answers it: the phases (`ngx_http_core_run_phases`).
//!
//! Server, its rewrite instructions, location, its rewrite instructions (and again, if they changed the URI), access,
//! `try_files`, handler. A redirection inside starts anew with the server's instructions, a named location with its own.

use std::rc::Rc;

use crate::eval::select::LocationId;
use crate::eval::{Captures, uri};
use crate::model::location::Handler;
use crate::model::log::Severity;
use crate::runtime::filters::response;
use crate::runtime::modules::{
    access, access_log, autoindex, empty_gif, gzip_static, index, limit, mirror, random_index, real_ip,
    rewrite, static_file, stub_status, try_files,
};
use crate::runtime::net::tls::ClientTls;
use crate::runtime::net::tls::verify::Verdict;
use crate::runtime::proxy;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::Request;
use crate::runtime::request::worker::SubrequestAnswer;
use crate::runtime::server::error_page;

/// Phase that a request starts or restarts with.
enum FirstPhase {
    Server,
    Location(LocationId),
}

/// Chooses the server by the host of the request; false if matching was given up.
pub(crate) fn choose_server(c: &Connection, r: &mut Request) -> bool {
    match c.worker.router.server(c.client.address, &r.head.server) {
        Ok((server, captures)) => {
            r.server = server;
            r.plan = Rc::clone(&c.worker.servers[server.0 as usize]);
            capture(c, r, captures);
            true
        }
        Err(_) => false,
    }
}

/// The status of a request that TLS refuses (`ngx_http_process_request`, `ngx_http_set_virtual_server`).
fn secure(c: &Connection, r: &mut Request) -> Option<u16> {
    let settings = &c.worker.config.http.servers[r.server.0 as usize].settings.tls;
    let mode = settings.verify_client.value.0;
    let (status, message) = match &c.client.side {
        ClientTls::Plain => return None,
        ClientTls::Refused => (497, "client sent plain HTTP request to HTTPS port".to_owned()),
        ClientTls::Tls(_) if mode == "off" => return None,
        ClientTls::Tls(info) => {
            let is_other = |name: &str| !name.as_bytes().eq_ignore_ascii_case(&r.head.server);
            let Verdict(code, text) = info.verdict;
            if info.named.is_some() && info.server_name.as_deref().is_some_and(is_other) {
                let message =
                    "client attempted to request the server name different from the one that was negotiated";
                (421, message.to_owned())
            } else if code != 0 && !(mode == "optional_no_ca" && info.verdict.is_optional()) {
                (495, format!("client SSL certificate verify error: ({code}:{text})"))
            } else if mode == "on" && !info.has_certificate() {
                (496, "client sent no required SSL certificate".to_owned())
            } else {
                return None;
            }
        }
    };
    c.scope(r).log(Severity::Info, &message, " while reading client request headers");
    Some(status)
}

fn capture(c: &Connection, r: &mut Request, captures: impl IntoIterator<Item = Captures>) {
    for captures in captures {
        let mut scope = Scope { worker: &c.worker, client: &c.client, request: r };
        crate::eval::Request::set_captures(&mut scope, captures);
    }
}

/// Handles a request after its head was read.
pub(crate) async fn handle(c: &mut Connection, r: &mut Request) -> Flow {
    if !choose_server(c, r) {
        return Flow::Abort;
    }
    r.keepalive = response::wants_keepalive(r);
    if let Some(status) = secure(c, r) {
        return finish(c, r, Flow::Status(status)).await;
    }
    let flow = if normalize(r).is_ok() {
        real_ip::apply(c, r);
        phases(c, r, FirstPhase::Server).await
    } else {
        r.uri.clear();
        // nginx has not read the headers yet.
        let line = r.head.line.line.end as usize;
        let end = memchr::memchr(b'\n', &r.buffer.all()[line..]).map_or(line, |at| line + at + 1);
        r.head.position = end;
        r.head.fields.clear();
        c.scope(r).log(Severity::Info, "client sent invalid request", " while reading client request line");
        Flow::Status(400)
    };
    finish(c, r, flow).await
}

/// Runs the phases of a subrequest, with its URI in `r.uri`.
async fn inside(c: &mut Connection, r: &mut Request) -> Flow {
    let flow = phases(c, r, FirstPhase::Server).await;
    finish(c, r, flow).await
}

/// Runs a subrequest and sends its response to the sink; logs it with `log_subrequest`.
pub(crate) fn subrequest<'a>(c: &'a mut Connection, sub: &'a mut Request) -> SubrequestAnswer<'a> {
    Box::pin(async move {
        let flow = inside(c, sub).await;
        let is_empty = sub.reply.content_length == Some(0);
        let flow = match flow {
            Flow::Answer => c.answer(sub).await,
            other => other,
        };
        sub.is_complete = flow != Flow::Abort;
        if sub.plan.core.log_subrequest.value {
            access_log::write(&c.worker, &c.client, sub);
        }
        (flow, is_empty)
    })
}

/// Follows `error_page` and internal redirects until a response is ready.
pub(crate) async fn finish(c: &mut Connection, r: &mut Request, mut flow: Flow) -> Flow {
    loop {
        flow = match flow {
            // The stub is written instead of a page.
            Flow::Status(status) if r.has_stub => {
                r.status = status;
                r.reply.content_length = Some(0);
                return Flow::Written;
            }
            // The client is taken for gone (`ngx_http_finalize_request`).
            Flow::Status(status @ (408 | 499)) => {
                r.status = status;
                return Flow::Abort;
            }
            Flow::Status(status) => error_page::respond(c, r, status),
            Flow::Reply => response::answer(c, r),
            Flow::Redirect => phases(c, r, FirstPhase::Server).await,
            Flow::Named(id) => phases(c, r, FirstPhase::Location(id)).await,
            done => return done,
        };
    }
}

async fn phases(c: &mut Connection, r: &mut Request, enter: FirstPhase) -> Flow {
    let mut location = match enter {
        FirstPhase::Location(id) => Some(id),
        FirstPhase::Server => {
            r.plan = Rc::clone(&c.worker.servers[r.server.0 as usize]);
            r.location = None;
            if let Some(flow) = rewrite::run(c, r) {
                return flow;
            }
            None
        }
    };
    loop {
        r.uri_changed = false;
        match location.take() {
            Some(id) => c.enter(r, id),
            None => {
                if let Some(flow) = find_location(c, r) {
                    return flow;
                }
            }
        }
        if r.location.is_some()
            && let Some(flow) = rewrite::run(c, r)
        {
            return flow;
        }
        if !r.uri_changed {
            break;
        }
        r.uri_changes = r.uri_changes.saturating_sub(1);
        if r.uri_changes == 0 {
            let uri = String::from_utf8_lossy(&r.uri).into_owned();
            let message = format!("rewrite or internal redirection cycle while processing \"{uri}\"");
            c.scope(r).log(Severity::Error, &message, "");
            return Flow::Status(500);
        }
    }
    if r.depth == 0 {
        real_ip::apply(c, r);
    }
    if let Some(flow) = limit::check(c, r).await {
        return flow;
    }
    // Subrequests skip the access phase: the parent request has passed it.
    if r.depth == 0
        && let Some(flow) = access::check(c, r).await
    {
        return flow;
    }
    if let Some(flow) = try_files::find(c, r) {
        return flow;
    }
    if r.depth == 0
        && !r.plan.filter.mirror.value.is_empty()
        && let Some(flow) = Box::pin(mirror::prepare(c, r)).await
    {
        return flow;
    }
    content(c, r).await
}

/// `ngx_http_core_content_phase`
async fn content(c: &mut Connection, r: &mut Request) -> Flow {
    let plan = Rc::clone(&r.plan);
    let left = r.handled_by.filter(|_| plan.handler.is_none());
    let left = left.map(|id| Rc::clone(&c.worker.locations[id.0 as usize]));
    match left.as_ref().unwrap_or(&plan).handler {
        // Of the protocols beside HTTP only FastCGI is not refused at start. Boxed: other requests need no room for it.
        Some(Handler::Proxy(_) | Handler::Pass(_)) => return Box::pin(proxy::pass(c, r)).await,
        Some(Handler::StubStatus(_)) => return stub_status::send(c, r),
        Some(Handler::EmptyGif(_)) => return empty_gif::send(r),
        // Refused at start.
        Some(Handler::Other(..)) => return Flow::Status(500),
        None => {}
    }
    if plan.content.random_index.value
        && let Some(flow) = random_index::find(c, r)
    {
        return flow;
    }
    if let Some(flow) = index::find(c, r) {
        return flow;
    }
    if plan.content.autoindex.value
        && let Some(flow) = autoindex::send(c, r)
    {
        return flow;
    }
    if let Some(flow) = gzip_static::send(c, r) {
        return flow;
    }
    static_file::send(c, r)
}

/// `ngx_http_core_find_config_phase`
fn find_location(c: &Connection, r: &mut Request) -> Option<Flow> {
    let Ok(choice) = c.worker.router.location(r.server, &r.uri) else { return Some(Flow::Status(500)) };
    r.location = None;
    r.handled_by = None;
    r.plan = Rc::clone(&c.worker.servers[r.server.0 as usize]);
    match choice.location {
        Some(id) => c.enter(r, id),
        None => c.limit_keepalive(r),
    }
    if r.plan.core.internal.value && !r.internal {
        return Some(Flow::Status(404));
    }
    let limit = r.plan.core.client_max_body_size.value;
    if let Some(length) = r.head.content_length.filter(|length| limit > 0 && *length > limit && !r.has_body) {
        let message = format!("client intended to send too large body: {length} bytes");
        c.scope(r).log(Severity::Error, &message, "");
        return Some(Flow::Status(413));
    }
    if choice.redirect {
        let mut target = Vec::new();
        uri::escape(&r.uri, &mut target);
        target.push(b'/');
        if !r.args.is_empty() {
            target.push(b'?');
            target.extend_from_slice(&r.args);
        }
        r.reply.set(b"Location", &target);
        return Some(Flow::Status(301));
    }
    capture(c, r, choice.captures);
    None
}

/// Notes `$uri` and `$args` of a request whose headers could not be read: they are known before the first header is read
/// (`ngx_http_process_request_uri`).
pub(crate) fn note_uri(r: &mut Request, is_read: bool) {
    if !is_read && r.head.has_line() && normalize(r).is_err() {
        r.uri.clear();
    }
}

/// Finds `$uri` and `$args` (`ngx_http_process_request_uri`).
fn normalize(r: &mut Request) -> Result<(), uri::InvalidUri> {
    let line = r.head.line;
    let merge = r.plan.core.merge_slashes.value;
    let buffer = r.buffer.all();
    if line.complex || line.quoted || line.empty_path {
        if line.empty_path {
            r.uri.push(b'/');
        }
        let target = line.target.of(buffer);
        let args = uri::normalize(target, merge, &mut r.uri)?;
        r.args.extend_from_slice(&target[args]);
    } else {
        r.uri.extend_from_slice(line.path.of(buffer));
        r.args.extend_from_slice(line.args.of(buffer));
    }
    Ok(())
}
