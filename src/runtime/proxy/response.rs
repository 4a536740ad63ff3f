//! The head of the peer's response as the client gets it (`ngx_http_upstream_process_headers`).

use std::fs::File;
use std::rc::Rc;

use super::request::ProxyRequest;
use crate::eval::uri::unsafe_uri;
use crate::model::log::Severity;
use crate::runtime::filters::response;
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::field::{Field, KnownHeader};
use crate::runtime::net::http1::response_head::{Form, ResponseHead};
use crate::runtime::net::text::put;
use crate::runtime::request::flow::{self, Flow};
use crate::runtime::request::plan::ProxyPlan;
use crate::runtime::request::reply::BodyPart;
use crate::version::Version;

/// A body that is in a file: from here to there.
pub(super) type FileBody = (Rc<File>, u64, u64);

/// Makes the client's head; true if the body will be chunked (`ngx_http_chunked_header_filter`).
///
/// # Errors
/// A page of this status is sent instead.
pub(super) fn begin(
    p: &mut ProxyRequest<'_>,
    buffer: &Buffer,
    is_bodyless: bool,
    kept: Option<FileBody>,
) -> Result<bool, u16> {
    let text = buffer.all();
    let worker = Rc::clone(&p.c.worker);
    let response = std::mem::take(&mut p.r.response);
    remember(p, text, &response);
    obey(p, text, &response);
    let plan = p.plan;
    p.r.status = response.status.code;
    // Frames of HTTP/2 cannot be left for another protocol (since 1.31.3).
    let is_bare = p.r.is_http2() && worker.config.version >= Version::new(1, 31, 3);
    let is_cacheable = p.is_cacheable();
    let reply = &mut p.r.reply;
    reply.clear_body();
    let is_kept = kept.is_some();
    reply.is_proxied = !is_kept && !is_cacheable;
    reply.allow_ranges = plan.on_way.force_ranges.value;
    reply.single_range = !is_kept;
    reply.line.clear();
    reply.line.extend_from_slice(response.status.text.of(text));
    reply.content_type.clear();
    reply.content_length = response.content_length;
    reply.plain_location = true;
    // A `Date` or `Server` that the upstream did not send is not added either (`ngx_http_proxy_process_header`).
    reply.has_date = plan.cgi.is_none() && plan.hidden & KnownHeader::Date.bit() == 0;
    reply.has_server = plan.cgi.is_none() && plan.hidden & KnownHeader::Server.bit() == 0;
    for header in &response.fields {
        let (name, value) = (header.name.of(text), header.value.of(text));
        let is_hidden = match header.known {
            KnownHeader::ContentType => {
                if plan.hidden_others.iter().all(|other| !other.eq_ignore_ascii_case(b"content-type")) {
                    p.r.reply.content_type.extend_from_slice(value);
                }
                true
            }
            KnownHeader::Upgrade => is_bare,
            _ => is_hidden(plan, header, name),
        };
        if is_hidden {
            continue;
        }
        match header.known {
            KnownHeader::Date => p.r.reply.has_date = true,
            KnownHeader::Server => p.r.reply.has_server = true,
            KnownHeader::AcceptRanges if plan.on_way.force_ranges.value => continue,
            KnownHeader::AcceptRanges if is_kept || is_cacheable => {
                p.r.reply.allow_ranges = true;
                continue;
            }
            _ => {}
        }
        let new = match header.known {
            KnownHeader::Location => plan.rewriting.location(&mut p.scope(), value),
            KnownHeader::Refresh => plan.rewriting.refresh(&mut p.scope(), value),
            KnownHeader::SetCookie if plan.rewriting.has_cookies() => {
                plan.rewriting.cookie(&mut p.scope(), value)
            }
            _ => None,
        };
        // Only one that was rewritten is made absolute.
        p.r.reply.plain_location &= header.known != KnownHeader::Location || new.is_none();
        match new {
            Some(new) => p.r.reply.push(name, &new),
            None => header.copy(text, &mut p.r.reply.lines),
        }
    }
    let r = &mut *p.r;
    r.reply.header_only = is_bodyless;
    match kept {
        Some((file, from, to)) => {
            r.reply.file = Some(file);
            r.reply.parts.push(BodyPart::File(from, to));
        }
        None if r.reply.allow_ranges => {
            r.reply.parts.extend(r.reply.content_length.map(|n| BodyPart::Text(0, n as usize)));
        }
        None => {}
    }
    let made = response::head(&worker, &p.c.client, r);
    r.response = response;
    if !is_kept {
        // The range that is sent of a body that is passed on as it comes.
        p.window = match r.reply.parts[..] {
            [BodyPart::Text(from, to)] if r.status == 206 => Some((from as u64, to as u64)),
            _ => None,
        };
        r.reply.parts.clear();
    }
    made.map(|()| r.reply.chunked)
}

/// True if `proxy_hide_header`, or nginx itself, keeps a line from clients.
pub(super) fn is_hidden(plan: &ProxyPlan, field: &Field, name: &[u8]) -> bool {
    match field.known {
        KnownHeader::Other => plan.hidden_others.iter().any(|other| other.eq_ignore_ascii_case(name)),
        known => plan.hidden & known.bit() != 0,
    }
}

fn remember(p: &mut ProxyRequest<'_>, text: &[u8], response: &ResponseHead) {
    p.r.upstream_head.clear();
    p.r.upstream_trailers.clear();
    let mut start = response.status.text.start as usize;
    if response.form == Form::Cgi {
        // A status line for those that read it.
        put(&mut p.r.upstream_head, format_args!("{:03} \r\n", response.status.code));
        start = response.start;
    }
    p.r.upstream_head.extend_from_slice(&text[start..response.position]);
}

/// True if a header of the response is obeyed.
fn is_obeyed(p: &ProxyRequest<'_>, name: &str) -> bool {
    !p.plan.on_way.ignore_headers.value.has(name)
}

/// `X-Accel-Limit-Rate`, `X-Accel-Charset` and `X-Accel-Buffering`
fn obey(p: &mut ProxyRequest<'_>, text: &[u8], response: &ResponseHead) {
    if !response.has_any(&[
        KnownHeader::XAccelLimitRate,
        KnownHeader::XAccelCharset,
        KnownHeader::XAccelBuffering,
    ]) {
        return;
    }
    for header in &response.fields {
        let value = header.value.of(text);
        match header.known {
            KnownHeader::XAccelLimitRate if is_obeyed(p, "X-Accel-Limit-Rate") => {
                let rate = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                p.r.limit_rate = rate.or(p.r.limit_rate);
            }
            KnownHeader::XAccelCharset if is_obeyed(p, "X-Accel-Charset") => {
                p.r.reply.override_charset.clear();
                p.r.reply.override_charset.extend_from_slice(value);
            }
            KnownHeader::XAccelBuffering if is_obeyed(p, "X-Accel-Buffering") => match value {
                value if value.eq_ignore_ascii_case(b"no") => p.is_buffering = false,
                value if value.eq_ignore_ascii_case(b"yes") => p.is_buffering = true,
                _ => {}
            },
            _ => {}
        }
    }
}

/// Headers that go with a redirection inside.
const REDIRECTED: &[KnownHeader] = &[
    KnownHeader::SetCookie,
    KnownHeader::ContentDisposition,
    KnownHeader::CacheControl,
    KnownHeader::Expires,
    KnownHeader::AcceptRanges,
];

/// `X-Accel-Redirect`: the request goes on inside, with some headers of this response.
pub(super) fn redirect(p: &mut ProxyRequest<'_>, buffer: &Buffer) -> Option<Flow> {
    if !p.r.response.has_any(&[KnownHeader::XAccelRedirect]) {
        return None;
    }
    let text = buffer.all();
    let fields = &p.r.response.fields;
    let to = fields.iter().find(|f| f.known == KnownHeader::XAccelRedirect)?;
    if !is_obeyed(p, "X-Accel-Redirect") {
        return None;
    }
    let to = to.value.of(text).to_vec();
    let response = std::mem::take(&mut p.r.response);
    remember(p, text, &response);
    obey(p, text, &response);
    for header in &response.fields {
        let value = header.value.of(text);
        if header.known == KnownHeader::ContentType {
            p.r.reply.content_type.clear();
            p.r.reply.content_type.extend_from_slice(value);
            p.r.reply.keeps_type = true;
        } else if REDIRECTED.contains(&header.known) {
            let new = match header.known {
                KnownHeader::SetCookie if p.plan.rewriting.has_cookies() => {
                    p.plan.rewriting.cookie(&mut p.scope(), value)
                }
                _ => None,
            };
            p.r.reply.push(header.name.of(text), new.as_deref().unwrap_or(value));
        }
    }
    p.r.response = response;
    if to.first() == Some(&b'@') {
        return Some(flow::named(p.c, p.r, &to));
    }
    let Some((uri, args)) = unsafe_uri(&to) else {
        p.log(Severity::Error, &format!("unsafe URI \"{}\" was detected", String::from_utf8_lossy(&to)), "");
        return Some(Flow::Status(404));
    };
    p.r.become_get();
    p.r.uri = uri;
    p.r.args = args;
    Some(flow::redirect(p.c, p.r))
}
