//! The head of a response as the client gets it (`ngx_http_header_filter`), and answers that come from the
//! configuration itself (`ngx_http_send_response`, `ngx_http_send_special_response`).

use std::io::Write;

use super::http1::head::ConnectionType;
use super::page;
use super::request::{Client, Request};
use super::worker::Worker;
use crate::model::location::ServerTokens;

/// What of a head differs between responses.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    /// Code and reason as the upstream sent them; `None`: nginx's own words.
    pub(crate) line: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    pub(crate) content_length: Option<u64>,
    pub(crate) location: Option<&'a [u8]>,
    pub(crate) chunked: bool,
}

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

/// Appends status line and headers to `request.out`, up to where further headers can be added.
pub(crate) fn begin(worker: &Worker, client: &Client, request: &mut Request, head: &Head<'_>) {
    let product = product(worker, request);
    request.keepalive &= !worker.is_stopping.get();
    let mut out = std::mem::take(&mut request.out);
    out.extend_from_slice(b"HTTP/1.1 ");
    match (head.line, page::reason(request.status)) {
        (Some(line), _) => out.extend_from_slice(line),
        (None, Some(reason)) => put(&mut out, format_args!("{} {reason}", request.status)),
        (None, None) => put(&mut out, format_args!("{:03} ", request.status)),
    }
    out.extend_from_slice(b"\r\nServer: ");
    out.extend_from_slice(product.as_bytes());
    out.extend_from_slice(b"\r\nDate: ");
    worker.clock.date(&mut out);
    out.extend_from_slice(b"\r\n");
    if let Some(content_type) = head.content_type {
        field(&mut out, b"Content-Type", content_type);
    }
    if let Some(length) = head.content_length {
        out.extend_from_slice(b"Content-Length: ");
        number(&mut out, length);
        out.extend_from_slice(b"\r\n");
    }
    let is_relative = head.location.is_some_and(|l| l.first() == Some(&b'/'));
    if let (Some(location), true) = (head.location, is_relative) {
        out.extend_from_slice(b"Location: http://");
        if request.head.server.is_empty() {
            put(&mut out, format_args!("{}", client.local.map_or(String::new(), |a| host_text(&a))));
        } else {
            out.extend_from_slice(&request.head.server);
        }
        if let Some(port) = client.local.map(|a| a.port()).filter(|port| *port != 80) {
            put(&mut out, format_args!(":{port}"));
        }
        out.extend_from_slice(location);
        out.extend_from_slice(b"\r\n");
    }
    if head.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if request.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(header) = request.plan.core.keepalive_timeout.value.header.filter(|h| !h.is_zero()) {
            put(&mut out, format_args!("Keep-Alive: timeout={}\r\n", header.as_secs()));
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if let (Some(location), false) = (head.location, is_relative) {
        field(&mut out, b"Location", location);
    }
    request.out = out;
}

/// Ends the head.
pub(crate) fn end(request: &mut Request) {
    request.out.extend_from_slice(b"\r\n");
    request.head_length = request.out.len();
}

/// Appends a header line.
pub(crate) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut i = digits.len();
    loop {
        i -= 1;
        digits[i] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[i..]);
}

fn host_text(address: &std::net::SocketAddr) -> String {
    match address {
        std::net::SocketAddr::V4(a) => a.ip().to_string(),
        std::net::SocketAddr::V6(a) => format!("[{}]", a.ip()),
    }
}

/// Appends formatted text.
pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}

/// A page for `status`, with `Location` for redirections.
pub(crate) fn special(
    worker: &Worker,
    client: &Client,
    request: &mut Request,
    status: u16,
    location: Option<&[u8]>,
) {
    if matches!(status, 400 | 413 | 414 | 494..=497 | 500 | 501) {
        request.keepalive = false;
    }
    request.status = page::wire_status(status);
    let mut body = Vec::new();
    let has_page = page::write(status, product(worker, request), &mut body);
    let content_type = has_page.then_some(&b"text/html"[..]);
    if request.head.has_line() && request.head.line.version < 1000 {
        request.head_length = 0;
    } else {
        let content_length = (status != 204).then_some(body.len() as u64);
        begin(worker, client, request, &Head { content_type, content_length, location, ..Head::default() });
        end(request);
    }
    if !request.is_head() {
        request.out.extend_from_slice(&body);
    }
}

/// `return`: a text, a redirection or a page.
pub(crate) fn send(worker: &Worker, client: &Client, request: &mut Request, status: u16, text: &[u8]) {
    if matches!(status, 301 | 302 | 303 | 307 | 308) {
        special(worker, client, request, status, Some(text));
        return;
    }
    request.status = status;
    let mut content_type = content_type(request);
    let is_bodyless = matches!(status, 204 | 304);
    if request.head.line.version >= 1000 {
        let content_length = (status != 204).then_some(text.len() as u64);
        if status == 204 {
            content_type = None;
        }
        let head = Head { content_type: content_type.as_deref(), content_length, ..Head::default() };
        begin(worker, client, request, &head);
        end(request);
    }
    if !is_bodyless && !request.is_head() {
        request.out.extend_from_slice(text);
    }
}

/// The type by the URI's extension in the built-in `types`, else `default_type` (`ngx_http_set_content_type`).
fn content_type(request: &Request) -> Option<Vec<u8>> {
    let name = request.uri.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let extension = name.iter().rposition(|b| *b == b'.').map_or(&b""[..], |dot| &name[dot + 1..]);
    let known: &[u8] = match extension.to_ascii_lowercase().as_slice() {
        b"html" => b"text/html",
        b"gif" => b"image/gif",
        b"jpg" => b"image/jpeg",
        _ => request.plan.core.default_type.value.as_bytes(),
    };
    (!known.is_empty()).then(|| known.to_vec())
}
