//! The head of a response as the client gets it (`ngx_http_header_filter`, `ngx_http_v2_header_filter`).

use std::net::SocketAddr;

use crate::model::core_http::ServerTokens;
use crate::runtime::net::clock::http_date;
use crate::runtime::net::http2::head::ResponseHead;
use crate::runtime::net::page;
use crate::runtime::net::text::{number, put};
use crate::runtime::request::reply;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// The name in the Server header and on pages.
pub(crate) fn product(worker: &Worker, request: &Request) -> &'static str {
    match request.plan.core.server_tokens.value {
        ServerTokens::Off => "nginx",
        _ => worker.product,
    }
}

/// Writer of header fields: lines of HTTP/1, or fields of h2.
trait Fields {
    /// Adds a field; `value` appends its value.
    fn add(&mut self, name: &[u8], value: impl FnOnce(&mut Vec<u8>));
}

/// As lines of HTTP/1.
impl Fields for Vec<u8> {
    fn add(&mut self, name: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        self.extend_from_slice(name);
        self.extend_from_slice(b": ");
        value(self);
        self.extend_from_slice(b"\r\n");
    }
}

impl Fields for ResponseHead {
    fn add(&mut self, name: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        ResponseHead::add(self, name, value);
    }
}

/// Writes the head in the protocol of the client: to `request.out`, or to `request.http2_head`.
pub(crate) fn write(worker: &Worker, client: &Client, request: &mut Request) {
    request.keepalive &= !worker.is_stopping.get() || request.stays();
    if request.status == 204 {
        request.reply.content_type.clear();
        request.reply.content_length = None;
    }
    if request.is_http2() {
        http2(worker, client, request);
    } else {
        http1(worker, client, request);
    }
}

fn http2(worker: &Worker, client: &Client, request: &mut Request) {
    let mut head = ResponseHead::new(request.status);
    fields(worker, client, request, &mut head);
    let reply = &request.reply;
    for (name, value) in reply::fields(&reply.lines) {
        head.push(name, value);
    }
    head.content_length = reply.content_length;
    head.is_bodyless = reply.header_only;
    head.has_trailers = reply.expect_trailers;
    // nginx has no table of fields, and says so once.
    head.length += u64::from(client.requests == 1);
    request.head_length = 0;
    request.head_bytes = head.length;
    request.http2_head = Some(Box::new(head));
}

fn http1(worker: &Worker, client: &Client, request: &mut Request) {
    let mut out = std::mem::take(&mut request.out);
    let status = request.status;
    out.extend_from_slice(b"HTTP/1.1 ");
    match page::reason(status) {
        _ if !request.reply.line.is_empty() => out.extend_from_slice(&request.reply.line),
        Some(reason) => {
            number(&mut out, u64::from(status));
            out.push(b' ');
            out.extend_from_slice(reason.as_bytes());
        }
        None => put(&mut out, format_args!("{status:03} ")),
    }
    out.extend_from_slice(b"\r\n");
    fields(worker, client, request, &mut out);
    if request.reply.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if request.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        let header = request.plan.core.keepalive_timeout.value.header;
        if let Some(header) = header.filter(|h| !h.is_zero()) {
            put(&mut out, format_args!("Keep-Alive: timeout={}\r\n", header.as_secs()));
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(&request.reply.lines);
    out.extend_from_slice(b"\r\n");
    request.head_length = out.len();
    request.head_bytes = out.len() as u64;
    request.out = out;
}

/// The fields that the server itself adds, whatever the protocol.
fn fields(worker: &Worker, client: &Client, request: &mut Request, out: &mut impl Fields) {
    let reply = &request.reply;
    if !reply.has_server {
        out.add(b"Server", |out| out.extend_from_slice(product(worker, request).as_bytes()));
    }
    if !reply.has_date {
        out.add(b"Date", |out| worker.clock.date(out));
    }
    if !reply.content_type.is_empty() {
        out.add(b"Content-Type", |out| {
            out.extend_from_slice(&reply.content_type);
            if !reply.charset.is_empty() {
                out.extend_from_slice(b"; charset=");
                out.extend_from_slice(&reply.charset);
            }
        });
    }
    if let Some(length) = reply.content_length {
        out.add(b"Content-Length", |out| number(out, length));
    }
    if let Some(time) = reply.last_modified.filter(|_| matches!(request.status, 200 | 206 | 304))
        && reply.get(b"Last-Modified").is_none()
    {
        out.add(b"Last-Modified", |out| out.extend_from_slice(http_date(time).as_bytes()));
    }
    if let Some(location) = absolute(worker, client, request) {
        out.add(b"Location", |out| out.extend_from_slice(&location));
        request.reply.remove(b"Location");
    }
}

/// The URL in place of a `Location` that is only a path (`absolute_redirect`).
fn absolute(worker: &Worker, client: &Client, request: &Request) -> Option<Vec<u8>> {
    let core = &request.plan.core;
    if !core.absolute_redirect.value || request.reply.plain_location {
        return None;
    }
    let path = request.reply.get(b"Location").filter(|location| location.first() == Some(&b'/'))?;
    let is_tls = client.side.info().is_some();
    let mut url = Vec::with_capacity(path.len() + 64);
    url.extend_from_slice(if is_tls { b"https://" } else { b"http://" });
    if core.server_name_in_redirect.value {
        url.extend_from_slice(worker.server_name(request.server).as_bytes());
    } else if request.head.server.is_empty() {
        url.extend_from_slice(client.local.map_or(String::new(), |a| host_text(&a)).as_bytes());
    } else {
        url.extend_from_slice(&request.head.server);
    }
    let port = client.local.map(|a| a.port());
    let port = port.filter(|port| *port != if is_tls { 443 } else { 80 } && core.port_in_redirect.value);
    if let Some(port) = port {
        put(&mut url, format_args!(":{port}"));
    }
    url.extend_from_slice(path);
    Some(url)
}

fn host_text(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(a) => a.ip().to_string(),
        SocketAddr::V6(a) => format!("[{}]", a.ip()),
    }
}
