//! The head of a response as the client gets it (`ngx_http_header_filter`), and answers that come from the
//! configuration itself (`ngx_http_send_response`, `ngx_http_send_special_response`).

use crate::model::core_http::ServerTokens;
use crate::runtime::filters::{charset, gunzip, gzip, headers, not_modified, range, ssi, sub, userid};
use crate::runtime::net::http1::head::ConnectionType;
use crate::runtime::net::page;
use crate::runtime::net::text::{field, number, put};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::Part;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// Whether the connection is kept (`ngx_http_handler`).
pub(crate) fn wants_keepalive(request: &Request) -> bool {
    match request.head.connection {
        ConnectionType::Unset => request.head.line.version > 1000,
        ConnectionType::Close => false,
        ConnectionType::KeepAlive => true,
    }
}

/// The name in the Server header and on pages.
pub(crate) fn product(worker: &Worker, request: &Request) -> &'static str {
    match request.plan.core.server_tokens.value {
        ServerTokens::Off => "nginx",
        _ => worker.product,
    }
}

/// Runs the header filters over `request.reply` and writes the head to `request.out` (`ngx_http_send_header`).
///
/// # Errors
/// A filter asks for the page of another status instead.
pub(crate) fn head(worker: &Worker, client: &Client, request: &mut Request) -> Result<(), u16> {
    request.out.clear();
    if request.err_status != 0 {
        request.status = request.err_status;
        request.reply.line.clear();
    }
    // Before the lines that the configuration adds: what they say is no encoding.
    gunzip::filter(request);
    let is_encoded = |value: &[u8]| !value.is_empty();
    let is_encoded = !request.plan.is_plain && request.reply.get(b"Content-Encoding").is_some_and(is_encoded);
    if request.depth > 0 {
        sub::filter(&mut Scope { worker, client, request });
        ssi::filter(request);
        request.reply.header_only |=
            request.is_head() || request.only_head || matches!(request.status, 204 | 304);
        request.head_length = 0;
        return Ok(());
    }
    not_modified::filter(request)?;
    if !request.plan.is_plain || !request.reply.override_charset.is_empty() {
        headers::filter(&mut Scope { worker, client, request });
        userid::filter(&mut Scope { worker, client, request });
        sub::filter(&mut Scope { worker, client, request });
        charset::filter(&mut Scope { worker, client, request });
        ssi::filter(request);
        ssi::add(request);
        gzip::filter(request, is_encoded);
    }
    range::filter(worker, request)?;
    frame(request);
    if request.head.has_line() && request.head.line.version < 1000 {
        request.head_length = 0;
        return Ok(());
    }
    write(worker, client, request);
    Ok(())
}

/// How the end of the body is told (`ngx_http_chunked_header_filter`).
fn frame(request: &mut Request) {
    let is_head = request.is_head();
    let reply = &mut request.reply;
    if is_head || matches!(request.status, 204 | 304) || request.status < 200 {
        reply.header_only = true;
        return;
    }
    if reply.content_length.is_none() || reply.expect_trailers {
        if request.head.line.version >= 2000 {
            // Frames tell where it ends.
            return;
        }
        let can_chunk =
            request.head.line.version >= 1001 && request.plan.core.chunked_transfer_encoding.value;
        if can_chunk {
            if reply.expect_trailers {
                reply.content_length = None;
            }
            reply.chunked = true;
        } else if reply.content_length.is_none() {
            request.keepalive = false;
        }
    }
}

fn write(worker: &Worker, client: &Client, request: &mut Request) {
    let product = product(worker, request);
    request.keepalive &= !worker.is_stopping.get() || request.stays();
    let plan = std::rc::Rc::clone(&request.plan);
    let core = &plan.core;
    let status = request.status;
    let mut out = std::mem::take(&mut request.out);
    let reply = &mut request.reply;
    let is_http2 = request.head.line.version >= 2000;
    out.extend_from_slice(if is_http2 { b"HTTP/2.0 " } else { b"HTTP/1.1 " });
    match page::reason(status) {
        _ if is_http2 => {
            let trailers = if reply.expect_trailers { " trailers" } else { "" };
            put(&mut out, format_args!("{status:03}{trailers}"));
        }
        _ if !reply.line.is_empty() => out.extend_from_slice(&reply.line),
        Some(reason) => {
            number(&mut out, u64::from(status));
            out.push(b' ');
            out.extend_from_slice(reason.as_bytes());
        }
        None => put(&mut out, format_args!("{status:03} ")),
    }
    out.extend_from_slice(b"\r\n");
    if !reply.has_server {
        field(&mut out, b"Server", product.as_bytes());
    }
    if !reply.has_date {
        out.extend_from_slice(b"Date: ");
        worker.clock.date(&mut out);
        out.extend_from_slice(b"\r\n");
    }
    if status == 204 {
        reply.content_type.clear();
        reply.content_length = None;
    }
    if !reply.content_type.is_empty() {
        out.extend_from_slice(b"Content-Type: ");
        out.extend_from_slice(&reply.content_type);
        if !reply.charset.is_empty() {
            out.extend_from_slice(b"; charset=");
            out.extend_from_slice(&reply.charset);
        }
        out.extend_from_slice(b"\r\n");
    }
    if let Some(length) = reply.content_length {
        out.extend_from_slice(b"Content-Length: ");
        number(&mut out, length);
        out.extend_from_slice(b"\r\n");
    }
    if let Some(time) = reply.last_modified.filter(|_| matches!(status, 200 | 206 | 304))
        && reply.get(b"Last-Modified").is_none()
    {
        out.extend_from_slice(b"Last-Modified: ");
        out.extend_from_slice(crate::runtime::net::clock::http_date(time).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let may = core.absolute_redirect.value && !reply.plain_location;
    let location = if may { reply.get(b"Location") } else { None };
    let relative = location.filter(|l| l.first() == Some(&b'/'));
    if let Some(location) = relative {
        let is_tls = client.side.info().is_some();
        out.extend_from_slice(if is_tls { b"Location: https://" } else { b"Location: http://" });
        if core.server_name_in_redirect.value {
            out.extend_from_slice(worker.server_name(request.server).as_bytes());
        } else if request.head.server.is_empty() {
            put(&mut out, format_args!("{}", client.local.map_or(String::new(), |a| host_text(&a))));
        } else {
            out.extend_from_slice(&request.head.server);
        }
        let port = client.local.map(|a| a.port());
        let port = port.filter(|port| *port != if is_tls { 443 } else { 80 } && core.port_in_redirect.value);
        if let Some(port) = port {
            put(&mut out, format_args!(":{port}"));
        }
        out.extend_from_slice(location);
        out.extend_from_slice(b"\r\n");
        reply.remove(b"Location");
    }
    if reply.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if is_http2 {
        // There is a connection for each request, in a way.
    } else if status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if request.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(header) = core.keepalive_timeout.value.header.filter(|h| !h.is_zero()) {
            put(&mut out, format_args!("Keep-Alive: timeout={}\r\n", header.as_secs()));
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(&reply.lines);
    out.extend_from_slice(b"\r\n");
    request.head_length = out.len();
    request.out = out;
}

fn host_text(address: &std::net::SocketAddr) -> String {
    match address {
        std::net::SocketAddr::V4(a) => a.ip().to_string(),
        std::net::SocketAddr::V6(a) => format!("[{}]", a.ip()),
    }
}

/// `return`: a text, a redirection or a page (`ngx_http_send_response`).
pub(crate) fn send(c: &Connection, request: &mut Request, status: u16, text: &[u8]) -> Flow {
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        request.reply.set(b"Location", text);
        return Flow::Status(status);
    }
    if crate::runtime::request::body::is_broken(request) {
        return Flow::Status(400);
    }
    request.status = status;
    content_type(request);
    let reply = &mut request.reply;
    reply.clear_body();
    reply.text.extend_from_slice(text);
    reply.content_length = Some(text.len() as u64);
    reply.parts.push(Part::Text(0, text.len()));
    answer(c, request)
}

/// Runs the filters over an answer that is complete in `request.reply`.
pub(crate) fn answer(c: &Connection, request: &mut Request) -> Flow {
    match head(&c.worker, &c.client, request) {
        Ok(()) => Flow::Answer,
        Err(status) => Flow::Status(status),
    }
}

/// The type by the URI's extension in `types`, else `default_type` (`ngx_http_set_content_type`).
pub(crate) fn content_type(request: &mut Request) {
    if request.reply.keeps_type && !request.reply.content_type.is_empty() {
        return;
    }
    let plan = std::rc::Rc::clone(&request.plan);
    let name = memchr::memrchr(b'/', &request.uri).map_or(0, |slash| slash + 1);
    let name = &request.uri[name..];
    let dot = memchr::memrchr(b'.', name).filter(|dot| *dot > 0);
    let types = &plan.content.types.value.0;
    let known = dot.and_then(|dot| {
        let extension = &name[dot + 1..];
        match types.get(extension) {
            None if extension.iter().any(u8::is_ascii_uppercase) => {
                types.get(&*extension.to_ascii_lowercase())
            }
            found => found,
        }
    });
    let content_type = &mut request.reply.content_type;
    content_type.clear();
    content_type.extend_from_slice(known.map_or(plan.core.default_type.value.as_bytes(), |t| &**t));
}
