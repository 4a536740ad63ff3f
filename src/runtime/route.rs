//! From a request to who answers it: the phases (`ngx_http_core_run_phases`).
//!
//! Server, its rewrite instructions, location, its rewrite instructions (and again, if they changed the URI), access,
//! `try_files`, handler. A redirection inside starts anew with the server's instructions, a named location with its own.

use std::rc::Rc;

use super::connection::Connection;
use super::http1::uri;
use super::request::{Request, Scope};
use super::tls::{Side, Verdict};
use super::{
    access, error_page, file, index, limit, mirror, proxy, real_ip, response, rewrite, stub_status, try_files,
};
use crate::eval::Captures;
use crate::eval::select::LocationId;
use crate::model::location::Handler;
use crate::model::log::Severity;

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The head is in `request.out`, the body in `request.reply`.
    Answer,
    /// It has been written.
    Written,
    /// There is none, or only a part: the connection is closed.
    Abort,
    /// A page for this status.
    Status(u16),
    /// From the beginning, with the URI in `request.uri`.
    Redirect,
    /// From the rewrite instructions of this location.
    Named(LocationId),
}

/// Where the phases begin.
enum Enter {
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

/// What TLS has against a request (`ngx_http_process_request`, `ngx_http_set_virtual_server`).
fn secure(c: &Connection, r: &mut Request) -> Option<u16> {
    let settings = &c.worker.config.http.servers[r.server.0 as usize].settings.tls;
    let mode = settings.verify_client.value.0;
    let (status, message) = match &c.client.side {
        Side::Plain => return None,
        Side::Refused => (497, "client sent plain HTTP request to HTTPS port".to_owned()),
        Side::Tls(_) if mode == "off" => return None,
        Side::Tls(info) => {
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

/// Answers a request of which the head has been read.
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
        phases(c, r, Enter::Server).await
    } else {
        r.uri.clear();
        c.scope(r).log(Severity::Info, "client sent invalid request", " while reading client request line");
        Flow::Status(400)
    };
    finish(c, r, flow).await
}

/// Answers a request that is inside another one, its URI in `r.uri`.
pub(crate) async fn inside(c: &mut Connection, r: &mut Request) -> Flow {
    let flow = phases(c, r, Enter::Server).await;
    finish(c, r, flow).await
}

/// Follows pages of errors and redirections inside until there is an answer.
pub(crate) async fn finish(c: &mut Connection, r: &mut Request, mut flow: Flow) -> Flow {
    loop {
        flow = match flow {
            // What it stands for is written instead of a page.
            Flow::Status(status) if r.has_stub => {
                r.status = status;
                r.reply.content_length = Some(0);
                return Flow::Written;
            }
            Flow::Status(status) => error_page::respond(c, r, status),
            Flow::Redirect => phases(c, r, Enter::Server).await,
            Flow::Named(id) => phases(c, r, Enter::Location(id)).await,
            done => return done,
        };
    }
}

/// Starts anew with the URI in `r.uri` (`ngx_http_internal_redirect`).
pub(crate) fn redirect(c: &Connection, r: &mut Request) -> Flow {
    r.uri_changes = r.uri_changes.saturating_sub(1);
    if r.uri_changes == 0 {
        let uri = String::from_utf8_lossy(&r.uri).into_owned();
        let message =
            format!("rewrite or internal redirection cycle while internally redirecting to \"{uri}\"");
        c.scope(r).log(Severity::Error, &message, "");
        return Flow::Status(500);
    }
    r.internal = true;
    r.uid = None;
    r.valid_unparsed_uri = false;
    r.valid_location = true;
    r.add_uri_to_alias = false;
    Flow::Redirect
}

/// Goes on in a named location (`ngx_http_named_location`).
pub(crate) fn named(c: &Connection, r: &mut Request, name: &[u8]) -> Flow {
    r.uri_changes = r.uri_changes.saturating_sub(1);
    let shown = String::from_utf8_lossy(name).into_owned();
    if r.uri_changes == 0 {
        let message =
            format!("rewrite or internal redirection cycle while redirect to named location \"{shown}\"");
        c.scope(r).log(Severity::Error, &message, "");
        return Flow::Status(500);
    }
    let Some(id) = c.worker.router.named(r.server, &shown) else {
        c.scope(r).log(Severity::Error, &format!("could not find named location \"{shown}\""), "");
        return Flow::Status(500);
    };
    r.internal = true;
    r.uid = None;
    r.uri_changed = false;
    r.handled_by = None;
    Flow::Named(id)
}

/// Takes a URI with arguments apart (`ngx_http_split_args`).
pub(crate) fn split_args(r: &mut Request, text: &[u8]) {
    r.args.clear();
    let (uri, args) = match memchr::memchr(b'?', text) {
        Some(mark) => (&text[..mark], &text[mark + 1..]),
        None => (text, &b""[..]),
    };
    r.uri.clear();
    r.uri.extend_from_slice(uri);
    r.args.extend_from_slice(args);
}

async fn phases(c: &mut Connection, r: &mut Request, enter: Enter) -> Flow {
    let mut location = match enter {
        Enter::Location(id) => Some(id),
        Enter::Server => {
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
    // A request inside another one may what that one may.
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
        // Of the handlers that pass requests on in another protocol only that of FastCGI is not refused at start.
        Some(Handler::Proxy(_) | Handler::Pass(_)) => return proxy::pass(c, r).await,
        Some(Handler::StubStatus(_)) => return stub_status::send(c, r),
        Some(Handler::EmptyGif(_)) => return super::empty_gif::send(c, r),
        // Refused at start.
        Some(Handler::Other(..)) => return Flow::Status(500),
        None => {}
    }
    if plan.content.random_index.value
        && let Some(flow) = super::random_index::find(c, r)
    {
        return flow;
    }
    if let Some(flow) = index::find(c, r) {
        return flow;
    }
    if plan.content.autoindex.value
        && let Some(flow) = super::autoindex::send(c, r)
    {
        return flow;
    }
    if let Some(flow) = super::gzip_static::send(c, r) {
        return flow;
    }
    file::send(c, r)
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

impl Connection {
    /// What variables are evaluated in.
    pub(crate) fn scope<'a>(&'a self, request: &'a mut Request) -> Scope<'a> {
        Scope { worker: &self.worker, client: &self.client, request }
    }

    /// Makes a location that of the request (`ngx_http_update_location_config`).
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

    fn limit_keepalive(&self, r: &mut Request) {
        let core = &r.plan.core;
        r.keepalive = r.keepalive
            && (!self.worker.is_stopping.get() || r.stays())
            && !core.keepalive_timeout.value.idle.is_zero()
            && self.client.requests < core.keepalive_requests.value
            && super::clock::since(self.client.opened) <= core.keepalive_time.value
            && !is_disabled(r);
    }
}

/// `keepalive_disable`
fn is_disabled(r: &Request) -> bool {
    use super::http1::field::Known;
    let disabled = &r.plan.core.keepalive_disable.value;
    if disabled.0.is_empty() || disabled.has("none") {
        return false;
    }
    let Some(agent) = r.head.value(Known::UserAgent, r.buffer.all()) else { return false };
    let has = |word: &[u8]| memchr::memmem::find(agent, word).is_some();
    let is_old_msie = memchr::memmem::find(agent, b"MSIE ")
        .and_then(|at| agent.get(at + 5..at + 8))
        .is_some_and(|v| v[1] == b'.' && matches!(v[0], b'4'..=b'6') && !(v[0] == b'6' && has(b"SV1")));
    let is_safari = has(b"Safari/") && has(b"Mac OS X") && !has(b"Chrome/");
    disabled.has("msie6") && is_old_msie && r.method() == b"POST" || disabled.has("safari") && is_safari
}

/// Whether a method is one that `limit_except` does not limit.
fn allows(methods: &[String], method: &[u8]) -> bool {
    let has = |name: &[u8]| methods.iter().any(|m| m.as_bytes().eq_ignore_ascii_case(name));
    has(method) || method == b"HEAD" && has(b"GET")
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
