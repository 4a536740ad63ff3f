//! From a request to who answers it: server, rewrite instructions, location, handler (`ngx_http_core_run_phases`).

use std::rc::Rc;

use super::connection::Connection;
use super::http1::uri;
use super::request::{Request, Scope};
use super::{proxy, response};
use crate::eval::Captures;
use crate::model::log::Severity;
use crate::model::rewrite::{Instruction, Return};

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It is in `request.out`.
    Answer,
    /// It has been written.
    Written,
    /// There is none, or only a part: the connection is closed.
    Abort,
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

fn capture(c: &Connection, r: &mut Request, captures: impl IntoIterator<Item = Captures>) {
    for captures in captures {
        let mut scope = Scope { worker: &c.worker, client: &c.client, request: r };
        crate::eval::Request::set_captures(&mut scope, captures);
    }
}

fn page(c: &Connection, r: &mut Request, status: u16) -> Flow {
    response::special(&c.worker, &c.client, r, status, None);
    Flow::Answer
}

/// Answers a request of which the head has been read.
pub(crate) async fn handle(c: &mut Connection, r: &mut Request) -> Flow {
    if !choose_server(c, r) {
        return Flow::Abort;
    }
    if normalize(r).is_err() {
        Scope { worker: &c.worker, client: &c.client, request: r }.log(
            Severity::Info,
            "client sent invalid request",
            " while reading client request line",
        );
        return page(c, r, 400);
    }
    r.keepalive = response::wants_keepalive(r);
    let config = std::sync::Arc::clone(&c.worker.config);
    if let Some(flow) = run(c, r, &config.http.servers[r.server.0 as usize].instructions) {
        return flow;
    }
    let Ok(choice) = c.worker.router.location(r.server, &r.uri) else { return page(c, r, 500) };
    r.location = choice.location;
    if let Some(location) = choice.location {
        r.plan = Rc::clone(&c.worker.locations[location.0 as usize]);
    }
    limit_keepalive(c, r);
    if choice.redirect {
        let mut target = Vec::new();
        uri::escape(&r.uri, &mut target);
        target.push(b'/');
        if !r.args.is_empty() {
            target.push(b'?');
            target.extend_from_slice(r.args.of(r.buffer.all()));
        }
        response::special(&c.worker, &c.client, r, 301, Some(&target));
        return Flow::Answer;
    }
    let limit = r.plan.core.client_max_body_size.value;
    if let Some(length) = r.head.content_length.filter(|length| limit > 0 && *length > limit) {
        let message = format!("client intended to send too large body: {length} bytes");
        Scope { worker: &c.worker, client: &c.client, request: r }.log(Severity::Error, &message, "");
        return page(c, r, 413);
    }
    capture(c, r, choice.captures);
    let worker = Rc::clone(&c.worker);
    let location = choice.location.map(|id| worker.router.get(id));
    if let Some(flow) = location.and_then(|location| run(c, r, &location.instructions)) {
        return flow;
    }
    if r.plan.proxy.is_some() {
        return proxy::pass(c, r).await;
    }
    page(c, r, 404)
}

/// `ngx_http_update_location_config`
fn limit_keepalive(c: &Connection, r: &mut Request) {
    let core = &r.plan.core;
    r.keepalive = r.keepalive
        && !c.worker.is_stopping.get()
        && !core.keepalive_timeout.value.idle.is_zero()
        && c.client.requests < core.keepalive_requests.value
        && c.client.opened.elapsed() <= core.keepalive_time.value;
}

/// Finds `$uri` and `$args` (`ngx_http_process_request_uri`).
fn normalize(r: &mut Request) -> Result<(), uri::InvalidUri> {
    let line = r.head.line;
    let buffer = r.buffer.all();
    if line.complex || line.quoted || line.empty_path {
        if line.empty_path {
            r.uri.push(b'/');
        }
        let args = uri::normalize(line.target.of(buffer), &mut r.uri)?;
        let start = line.target.start as usize;
        r.args = super::http1::Piece::new(start + args.start, start + args.end);
    } else {
        r.uri.extend_from_slice(line.path.of(buffer));
        r.args = line.args;
    }
    Ok(())
}

/// Executes the instructions of a level; `None`: none of them answers.
fn run(c: &Connection, r: &mut Request, instructions: &[Instruction]) -> Option<Flow> {
    for instruction in instructions {
        match instruction {
            Instruction::Set { variable, value, .. } => {
                let mut text = Vec::new();
                let mut scope = Scope { worker: &c.worker, client: &c.client, request: r };
                c.worker.program.evaluate(value, &mut scope, &mut text);
                r.store(*variable, &text);
            }
            Instruction::Return(r#return) => return Some(answer(c, r, r#return)),
            // Refused at start.
            Instruction::If { .. } | Instruction::Other(..) => return Some(page(c, r, 500)),
        }
    }
    None
}

/// `ngx_http_script_return_code`
fn answer(c: &Connection, r: &mut Request, r#return: &Return) -> Flow {
    limit_keepalive(c, r);
    let status = r#return.status;
    if status == 444 {
        r.status = 444;
        return Flow::Abort;
    }
    let mut text = Vec::new();
    if let Some(value) = &r#return.text {
        let mut scope = Scope { worker: &c.worker, client: &c.client, request: r };
        c.worker.program.evaluate(value, &mut scope, &mut text);
    }
    if status < 400 || r#return.text.is_some() {
        response::send(&c.worker, &c.client, r, status, &text);
        return Flow::Answer;
    }
    page(c, r, status)
}
