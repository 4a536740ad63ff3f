//! The order in which filters see a response, and answers of handlers (`ngx_http_send_header`, `ngx_http_send_response`).

use crate::runtime::filters::{charset, gunzip, gzip, head, headers, not_modified, range, ssi, sub, userid};
use crate::runtime::net::http1::head::ConnectionType;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

/// True if the connection is kept (`ngx_http_handler`).
pub(crate) fn wants_keepalive(request: &Request) -> bool {
    match request.head.connection {
        ConnectionType::Unset => request.head.line.version > 1000,
        ConnectionType::Close => false,
        ConnectionType::KeepAlive => true,
    }
}

/// Runs the header filters over `request.reply` and writes the head (`ngx_http_send_header`).
///
/// # Errors
/// A filter asks for the page of another status instead.
pub(crate) fn head(worker: &Worker, client: &Client, request: &mut Request) -> Result<(), u16> {
    request.out.clear();
    if request.err_status != 0 {
        request.status = request.err_status;
        request.reply.line.clear();
    }
    // `gunzip` runs before `add_header`, whose `Content-Encoding` does not describe the body.
    gunzip::filter(request);
    let is_encoded = |value: &[u8]| !value.is_empty();
    let is_encoded = !request.plan.is_plain && request.reply.get(b"Content-Encoding").is_some_and(is_encoded);
    if request.depth > 0 {
        sub::filter(&mut Scope { worker, client, request });
        ssi::filter(request);
        request.reply.header_only |=
            request.is_head() || request.only_head || matches!(request.status, 204 | 304);
        (request.head_length, request.head_bytes, request.http2_head) = (0, 0, None);
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
        (request.head_length, request.head_bytes) = (0, 0);
        return Ok(());
    }
    head::write(worker, client, request);
    Ok(())
}

/// Framing of the body's end (`ngx_http_chunked_header_filter`).
fn frame(request: &mut Request) {
    let (is_head, is_http2) = (request.is_head(), request.is_http2());
    let may_have_body = request.status == 101 && !is_head && !is_http2;
    let reply = &mut request.reply;
    if is_head || matches!(request.status, 100..=199 | 204 | 304) {
        reply.header_only |= !may_have_body;
        return;
    }
    if reply.content_length.is_none() || reply.expect_trailers {
        if is_http2 {
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

/// Runs the filters over an answer that is complete in `request.reply`.
pub(crate) fn answer(c: &Connection, request: &mut Request) -> Flow {
    match head(&c.worker, &c.client, request) {
        Ok(()) => Flow::Answer,
        Err(status) => Flow::Status(status),
    }
}
