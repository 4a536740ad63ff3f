//! Proxying to FastCGI, SCGI and uwsgi servers, as far as it differs from HTTP.

use super::exchange::Failure;
use super::framing::BodyState;
use super::head::SMALL_BODY;
use super::request::ProxyRequest;
use super::upload;
use crate::model::log::Severity;
use crate::runtime::fastcgi::params;
use crate::runtime::fastcgi::records::{self, End, Records};
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::response_head::Progress;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::plan::fastcgi::CgiPlan;

const READING: &str = " while reading response header from upstream";
/// Begin of a status line.
const LINE: &[u8] = b"HTTP/";

/// Writes the request to `upstream_out`, with a small body.
///
/// # Errors
/// A status: the parameters are too long.
pub(super) fn write(p: &mut ProxyRequest<'_>, plan: &CgiPlan) -> Result<(), u16> {
    let mut out = std::mem::take(&mut p.r.upstream_out);
    out.clear();
    p.r.upstream_uri = Piece::default();
    let is_cacheable = p.is_cacheable();
    let length = if p.r.has_body { p.r.body_length() } else { p.r.head.content_length.unwrap_or(0) };
    let written = params::write(plan, &mut p.scope(), is_cacheable, length, &mut out);
    if let Err(length) = written {
        let kind = if p.plan.has_records() { "fastcgi request record" } else { "uwsgi request" };
        p.log(Severity::Alert, &format!("{kind} is too big: {length}"), "");
        return Err(500);
    }
    if p.plan.is_plain_cgi() {
        if p.plan.on_way.pass_request_body.value && !p.is_streaming && is_small(p) {
            out.extend_from_slice(&p.r.body);
        }
    } else if !p.is_streaming {
        if !p.plan.on_way.pass_request_body.value {
            params::body(&mut out, b"");
        } else if is_small(p) {
            params::body(&mut out, &p.r.body);
        }
    }
    p.r.upstream_out = out;
    Ok(())
}

/// Sends a part of the body.
pub(super) async fn send(p: &mut ProxyRequest<'_>, stream: &mut Stream, data: &[u8]) -> Result<(), Failure> {
    let mut out = Vec::new();
    for piece in data.chunks(records::PIECE) {
        out.clear();
        records::stdin(&mut out, piece);
        upload::write(p, stream, &out).await?;
    }
    Ok(())
}

/// Sends the body, if it is not in `upstream_out`.
pub(super) async fn send_body(p: &mut ProxyRequest<'_>, stream: &mut Stream) -> Result<(), Failure> {
    if is_small(p) {
        return Ok(());
    }
    let body = std::mem::take(&mut p.r.body);
    let sent = send(p, stream, &body).await;
    p.r.body = body;
    sent?;
    if let Some(file) = p.r.body_file.take() {
        let sent = upload::send_file(p, stream, &file, true).await;
        p.r.body_file = Some(file);
        sent?;
    }
    let mut end = Vec::new();
    records::stdin_end(&mut end);
    upload::write(p, stream, &end).await
}

/// True if the body leaves together with the parameters.
fn is_small(p: &ProxyRequest<'_>) -> bool {
    p.r.body_file.is_none() && p.r.body.len() <= SMALL_BODY
}

/// Clears the response head of the previous try. The response is in `buffer` as far as it has come: SCGI and uwsgi
/// servers may begin it with a status line (`ngx_http_scgi_process_status_line`).
pub(super) fn reset(p: &mut ProxyRequest<'_>, buffer: &Buffer) {
    let has_line = p.plan.is_plain_cgi() && buffer.filled().starts_with(LINE);
    if p.plan.cgi.is_some() && !has_line {
        p.r.response.reset_cgi(buffer.start);
    } else {
        p.r.response.reset(buffer.start);
    }
}

/// True as long as the response may begin with a status line or without one.
pub(super) fn is_open(p: &ProxyRequest<'_>, buffer: &Buffer) -> bool {
    let text = buffer.filled();
    p.plan.is_plain_cgi() && text.len() < LINE.len() && LINE.starts_with(text)
}

/// Prepares for a new response, over FastCGI or HTTP.
pub(super) fn begin(p: &mut ProxyRequest<'_>, buffer: &Buffer) {
    reset(p, buffer);
    p.records = p.plan.has_records().then(Box::default);
}

/// Unwraps the records that arrived since `from`: stdout stays in the buffer.
pub(super) fn unwrap(records: &mut Records, buffer: &mut Buffer, from: usize) {
    let before = from - buffer.start;
    let length = records.take(&mut buffer.filled_mut()[before..]);
    buffer.end = from + length;
}

/// The message about a text of the error stream.
pub(super) fn said(text: &[u8]) -> String {
    format!("FastCGI sent in stderr: \"{}\"", String::from_utf8_lossy(text))
}

/// Unwraps the records of the head that arrived since `from`; stderr goes to the error log.
pub(super) fn take(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, from: usize) {
    let Some(mut records) = p.records.take() else { return };
    unwrap(&mut records, buffer, from);
    for (at, text) in &mut records.errors {
        p.log(Severity::Error, &said(text), READING);
        *at += from;
    }
    p.records = Some(records);
}

/// Checks that the response head is complete or can still arrive (`ngx_http_fastcgi_process_header`).
///
/// # Errors
/// The response is invalid: another peer is tried.
pub(super) fn check(p: &mut ProxyRequest<'_>, progress: &Progress) -> Result<(), Failure> {
    let (Some(plan), Some(records)) = (&p.plan.cgi, &p.records) else { return Ok(()) };
    let is_done = *progress == Progress::Done;
    let position = p.r.response.position;
    if records.errors.iter().any(|(at, text)| (!is_done || *at < position) && plan.catches(text)) {
        return Err(Failure::Invalid);
    }
    if is_done {
        p.r.response.close |= !plan.keeps();
        return Ok(());
    }
    if *progress != Progress::More {
        return Ok(());
    }
    let message = match (&records.fault, records.end) {
        (Some(fault), _) => fault.clone(),
        (None, Some(End::Stdout)) => "upstream prematurely closed FastCGI stdout".to_owned(),
        (None, Some(End::Request)) => "upstream sent unexpected FastCGI record: 3".to_owned(),
        (None, None) => return Ok(()),
    };
    p.log(Severity::Error, &message, READING);
    Err(Failure::Invalid)
}

/// The next part of the body, in `buffer`; `left` bytes of the body are missing (`ngx_http_fastcgi_input_filter`).
/// `is_none`: the response may have no body.
pub(super) fn part(
    records: &Records,
    buffer: &mut Buffer,
    left: &mut Option<u64>,
    is_none: bool,
    messages: &mut Vec<(Severity, String)>,
) -> BodyState {
    let have = buffer.filled().len() as u64;
    let is_none = is_none && have == 0;
    if let Some(left) = left {
        if have > *left {
            buffer.end = buffer.start + *left as usize;
            *left = 0;
            let message = "upstream sent more data than specified in \"Content-Length\" header";
            messages.push((Severity::Warn, message.to_owned()));
            return BodyState::Done(false);
        }
        *left -= have;
    }
    if records.end.is_none() || broken(records, *left, is_none).is_some() {
        return BodyState::More;
    }
    // Reading goes on until the server has ended the request, even if the connection will not be kept.
    if records.is_over || records.is_clean() { BodyState::Done(records.is_clean()) } else { BodyState::More }
}

/// Reason why a body ended early, `left` bytes before its length.
pub(super) fn broken(records: &Records, left: Option<u64>, is_none: bool) -> Option<String> {
    let is_short = left.is_some_and(|left| left > 0) && !is_none;
    match (&records.fault, records.end) {
        (Some(fault), _) => Some(fault.clone()),
        (None, Some(End::Stdout)) if is_short => {
            Some("upstream prematurely closed FastCGI stdout".to_owned())
        }
        (None, Some(End::Request)) if is_short => {
            Some("upstream prematurely closed FastCGI request".to_owned())
        }
        _ => None,
    }
}
