//! The request as the upstream gets it (`ngx_http_proxy_create_request`).

use std::rc::Rc;

use super::request::ProxyRequest;
use crate::eval::uri::escape;
use crate::model::proxy::HttpVersion;
use crate::runtime::net::clock::http_date;
use crate::runtime::net::http1::field::KnownHeader;
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::text::{field, number};
use crate::runtime::request::plan::HeaderValue;

/// Bodies up to this size are sent in one write with the head.
pub(super) const SMALL_BODY: usize = 16 << 10;

/// Conditions of the client about its own copy: the response is fetched whole if it is to be kept
/// (`ngx_http_proxy_cache_headers`).
const CONDITIONS: u64 = KnownHeader::IfModifiedSince.bit()
    | KnownHeader::IfUnmodifiedSince.bit()
    | KnownHeader::IfNoneMatch.bit()
    | KnownHeader::IfMatch.bit()
    | KnownHeader::Range.bit()
    | KnownHeader::IfRange.bit();

/// Writes the head, and a small body behind it, to `upstream_out`.
pub(super) fn write(p: &mut ProxyRequest<'_>) {
    let mut out = std::mem::take(&mut p.r.upstream_out);
    out.clear();
    let worker = Rc::clone(&p.c.worker);
    // The body of `proxy_set_body`; it is evaluated before the headers.
    let mut own = Vec::new();
    if let Some(value) = &p.plan.on_way.set_body.value {
        p.scope().evaluate(value, &mut own);
        p.has_own_body = true;
    }
    method(p, &mut out);
    out.push(b' ');
    let start = out.len();
    uri(p, &mut out);
    p.r.upstream_uri = Piece::new(start, out.len());
    let is_11 = p.plan.settings.http_version.value == HttpVersion::Http11;
    out.extend_from_slice(if is_11 { b" HTTP/1.1\r\n" } else { b" HTTP/1.0\r\n" });
    for (i, (name, value)) in p.plan.headers.iter().enumerate() {
        let line = out.len();
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        let start = out.len();
        match value {
            HeaderValue::Text(value) => worker.program.evaluate(value, &mut p.scope(), &mut out),
            HeaderValue::ProxyHost => out.extend_from_slice(&p.r.proxy_host),
            HeaderValue::BodyLength => {
                let length = if p.has_own_body {
                    Some(own.len() as u64)
                } else if p.r.has_body {
                    Some(p.r.body_length())
                } else {
                    p.r.head.content_length
                };
                if let Some(length) = length {
                    number(&mut out, length);
                }
            }
        }
        if out.len() == start && i == 0 && p.plan.fills_host {
            out.extend_from_slice(&p.r.proxy_host);
        }
        if out.len() == start {
            out.truncate(line);
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
    let is_cacheable = p.is_cacheable();
    let replaced = if is_cacheable { p.plan.replaced | CONDITIONS } else { p.plan.replaced };
    if is_cacheable {
        let (modified, tag) = &p.r.validators;
        if *modified != -1 && p.plan.asks_modified {
            field(&mut out, b"If-Modified-Since", http_date(*modified).as_bytes());
        }
        if !tag.is_empty() && p.plan.asks_match {
            field(&mut out, b"If-None-Match", tag);
        }
    }
    let buffer = p.r.buffer.all();
    for header in &p.r.head.fields {
        let name = header.name.of(buffer);
        let is_replaced = match header.known {
            KnownHeader::Other if replaced & KnownHeader::Other.bit() != 0 => true,
            KnownHeader::Other => p.plan.replaced_others.iter().any(|other| other.eq_ignore_ascii_case(name)),
            known => replaced & known.bit() != 0,
        };
        if !is_replaced {
            header.copy(buffer, &mut out);
        }
    }
    if p.is_streaming && p.r.head.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if p.has_own_body {
        out.extend_from_slice(&own);
    } else if p.plan.on_way.pass_request_body.value && !p.is_streaming && p.r.body.len() <= SMALL_BODY {
        out.extend_from_slice(&p.r.body);
    }
    p.r.upstream_out = out;
}

/// The client's method, or that of `proxy_method`.
fn method(p: &mut ProxyRequest<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let plan = p.plan;
    match plan.method.constant() {
        Some(b"") => {}
        Some(method) => out.extend_from_slice(method),
        None => p.scope().evaluate(&plan.method, out),
    }
    if out.len() == start {
        let is_converted = p.cache.is_some() && p.r.is_head() && plan.kept.convert_head.value;
        out.extend_from_slice(if is_converted { b"GET" } else { p.r.method() });
    }
    p.is_head = out[start..].eq_ignore_ascii_case(b"HEAD");
}

/// The URI that the peer is asked for.
pub(super) fn uri(p: &ProxyRequest<'_>, out: &mut Vec<u8>) {
    if let Some(uri) = &p.uri {
        out.extend_from_slice(uri);
        return;
    }
    let line = p.r.head.line;
    let written = p.plan.pass.uri.as_ref().and_then(crate::model::ComplexValue::constant);
    let Some(uri) = written else {
        if p.r.valid_unparsed_uri && !line.empty_path {
            out.extend_from_slice(line.target.of(p.r.buffer.all()));
            return;
        }
        return rest(p, 0, out);
    };
    let mut from = 0;
    if p.r.valid_location {
        out.extend_from_slice(uri);
        from = p.plan.pass.prefix.len().min(p.r.uri.len());
    }
    rest(p, from, out);
}

/// The request's URI from a position on, and its arguments.
fn rest(p: &ProxyRequest<'_>, from: usize, out: &mut Vec<u8>) {
    let rest = &p.r.uri[from..];
    if p.r.head.line.quoted || p.r.internal {
        escape(rest, out);
    } else {
        out.extend_from_slice(rest);
    }
    if !p.r.args.is_empty() {
        out.push(b'?');
        out.extend_from_slice(&p.r.args);
    }
}
