//! The life of a session (`ngx_stream_core_run_phases`).

use std::rc::Rc;

use super::{content, preread, proxy};
use crate::eval::select::{AddressId, ServerId};
use crate::model::StreamHandler;
use crate::model::log::Severity;
use crate::runtime::modules::{access, access_log, handshake, limit, proxy_header, real_ip};
use crate::runtime::net::clock;
use crate::runtime::net::stream::Stream;
use crate::runtime::net::tls::ClientTls;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::script::Code;
use crate::runtime::request::session::Session;
use crate::runtime::request::state::{Client, Remote, Request};
use crate::runtime::request::worker::Worker;

/// Serves a connection of TCP, or of a unix socket, until it is closed; `passes` counts the sessions that have passed it on.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    number: u64,
    stream: Stream,
    remote: Remote,
    address: AddressId,
    passes: u32,
) {
    let client = Client {
        number,
        remote,
        local: stream.local(),
        address,
        requests: 0,
        side: ClientTls::Plain,
        proxied: None,
        opened: clock::instant(),
    };
    let timer = worker.timers.timer();
    let session = Session { passes, ..Session::default() };
    let mut c = Connection::new(worker, client, stream, timer);
    let mut r = begin(&c, session);
    let status = run(&mut c, &mut r).await;
    end(&c, &mut r, status);
}

/// A session that begins: the log says so.
pub(super) fn begin(c: &Connection, session: Session) -> Box<Request> {
    let listen = c.worker.router.listen(c.client.address);
    let server = listen.default_server;
    let plan = &c.worker.servers[server.0 as usize];
    if plan.error_log.takes(Severity::Info) {
        let udp = if session.is_udp { "udp " } else { "" };
        let remote = c.client.remote.map_or_else(|| "unix:".to_owned(), |a| a.to_string());
        let line = format!("{udp}client {remote} connected to {}", listen.listen.endpoint);
        plan.error_log.write(Severity::Info, Some(c.client.number), &line);
    }
    let mut r = Box::new(Request::new(Rc::clone(plan)));
    r.server = server;
    r.session = Some(Box::new(session));
    r
}

/// Ends a session: it is logged (`ngx_stream_finalize_session`).
pub(super) fn end(c: &Connection, r: &mut Request, status: u16) {
    // A session that was passed on has no line of its own.
    if status == PASSED {
        return;
    }
    if let Some(session) = &mut r.session {
        session.status = status;
    }
    access_log::write(&c.worker, &c.client, r);
}

/// No status: somebody else serves the connection.
pub(super) const PASSED: u16 = 0;

/// Makes a server's settings those of the session.
pub(super) fn enter(c: &Connection, r: &mut Request, server: ServerId) {
    r.server = server;
    r.plan = Rc::clone(&c.worker.servers[server.0 as usize]);
}

/// The status that the session ends with.
async fn run(c: &mut Connection, r: &mut Request) -> u16 {
    let worker = Rc::clone(&c.worker);
    let listen = &worker.router.listen(c.client.address).listen;
    if listen.proxy_protocol {
        let timeout = worker.sessions[r.server.0 as usize].settings.proxy_protocol_timeout.value;
        let read = proxy_header::read(&worker, &c.timer, &mut c.stream, &c.client, timeout);
        match Box::pin(read).await {
            Ok(proxied) => c.client.proxied = proxied,
            Err(status) => return status,
        }
    }
    if let Some(status) = admit(c, r).await {
        return status;
    }
    if listen.ssl
        && let Err(status) = Box::pin(secure(c, r)).await
    {
        return status;
    }
    let first = match Box::pin(preread::read(c, r)).await {
        Ok(first) => first,
        Err(status) => return status,
    };
    content(c, r, first).await
}

/// The phases that need no bytes of the client: its address, `limit_conn`, `set`, access.
pub(super) async fn admit(c: &mut Connection, r: &mut Request) -> Option<u16> {
    real_ip::apply(c, r);
    let plan = Rc::clone(&r.plan);
    let flow = limit::conn::check(c, r);
    if let Some(Flow::Status(status)) = flow {
        return Some(status);
    }
    for code in &plan.script.0 {
        if let Code::Set(id, value) = code {
            let mut text = Vec::new();
            c.scope(r).evaluate(value, &mut text);
            r.store(*id, &text);
        }
    }
    match access::check(c, r).await {
        Some(Flow::Status(status)) => Some(status),
        _ => None,
    }
}

/// Shakes hands with the client, and verifies it (`ngx_stream_ssl_handler`).
async fn secure(c: &mut Connection, r: &mut Request) -> Result<(), u16> {
    let worker = Rc::clone(&c.worker);
    let timeout = worker.sessions[r.server.0 as usize].settings.ssl_handshake_timeout.value;
    nodelay(c, r);
    let stream = std::mem::replace(&mut c.stream, Stream::Absent);
    let shaken = handshake::shake(&worker, &c.timer, stream, &c.client, timeout).await;
    let (stream, info) = match shaken {
        Ok(shaken) => shaken,
        Err((server, message)) => {
            handshake::log(&worker, &c.client, server, Severity::Info, &message);
            return Err(500);
        }
    };
    c.stream = Stream::Tls(Box::new(stream));
    let name = info.server_name.clone();
    let (verdict, has_certificate) = (info.verdict, info.has_certificate());
    c.client.side = ClientTls::Tls(Rc::new(info));
    if let Some(name) = name {
        preread::choose(c, r, name.as_bytes());
    }
    let verifies = worker.config.http.servers[r.server.0 as usize].settings.tls.verify_client.value.0;
    let message = match verifies {
        "off" => return Ok(()),
        "optional_no_ca" if verdict.is_optional() => return Ok(()),
        _ if verdict.0 != 0 => {
            format!("client SSL certificate verify error: ({}:{})", verdict.0, verdict.1)
        }
        "on" if !has_certificate => "client sent no required SSL certificate".to_owned(),
        _ => return Ok(()),
    };
    c.scope(r).log(Severity::Info, &message, " while SSL handshaking");
    Err(500)
}

/// `tcp_nodelay` for the client's connection.
pub(super) fn nodelay(c: &Connection, r: &Request) {
    if c.worker.sessions[r.server.0 as usize].settings.tcp_nodelay.value {
        c.stream.no_delay();
    }
}

async fn content(c: &mut Connection, r: &mut Request, first: Vec<u8>) -> u16 {
    nodelay(c, r);
    let worker = Rc::clone(&c.worker);
    match &worker.sessions[r.server.0 as usize].handler {
        Some(StreamHandler::Return(text, _)) => content::answer(c, r, text).await,
        Some(StreamHandler::Pass(target, _)) => content::pass(c, r, target, &first),
        Some(StreamHandler::Proxy(target, _)) => proxy::pass(c, r, target, first).await,
        None => 500,
    }
}
