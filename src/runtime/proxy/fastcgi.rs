//! Proxying to FastCGI servers, as far as it differs from HTTP.

use super::exchange::Failure;
use super::framing::BodyState;
use super::head::SMALL_BODY;
use super::request::ProxyRequest;
use super::upload;
use crate::model::log::Severity;
use crate::runtime::fastcgi::params;
use crate::runtime::fastcgi::records::{self, End};
use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::http1::piece::Piece;
use crate::runtime::net::http1::response_head::Progress;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::plan::fastcgi::FastcgiPlan;

const READING: &str = " while reading response header from upstream";

/// Writes the request to `upstream_out`, with a small body.
///
/// # Errors
/// A status: the parameters are too long.
pub(super) fn write(p: &mut ProxyRequest<'_>, plan: &FastcgiPlan) -> Result<(), u16> {
    let mut out = std::mem::take(&mut p.r.upstream_out);
    out.clear();
    p.r.upstream_uri = Piece::default();
    let is_cacheable = p.is_cacheable();
    let written = params::write(plan, &mut p.scope(), is_cacheable, &mut out);
    if let Err(length) = written {
        p.log(Severity::Alert, &format!("fastcgi request record is too big: {length}"), "");
        return Err(500);
    }
    if !p.is_streaming {
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

/// Clears the response head of the previous try.
pub(super) fn reset(p: &mut ProxyRequest<'_>, start: usize) {
    if p.plan.fastcgi.is_some() {
        p.r.response.reset_cgi(start);
    } else {
        p.r.response.reset(start);
    }
}

/// Prepares for a new response, over FastCGI or HTTP.
pub(super) fn begin(p: &mut ProxyRequest<'_>, start: usize) {
    reset(p, start);
    p.records = p.plan.fastcgi.is_some().then(Box::default);
}

/// Unwraps the records that arrived since `from`: stdout stays in the buffer, stderr goes to the error log.
pub(super) fn take(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, from: usize, action: &'static str) {
    let Some(mut records) = p.records.take() else { return };
    let before = from - buffer.start;
    let length = records.take(&mut buffer.filled_mut()[before..]);
    buffer.end = from + length;
    for (at, text) in &mut records.errors {
        let message = format!("FastCGI sent in stderr: \"{}\"", String::from_utf8_lossy(text));
        p.log(Severity::Error, &message, action);
        *at += from;
    }
    p.records = Some(records);
}

/// Checks that the response head is complete or can still arrive (`ngx_http_fastcgi_process_header`).
///
/// # Errors
/// The response is invalid: another peer is tried.
pub(super) fn check(p: &mut ProxyRequest<'_>, progress: &Progress) -> Result<(), Failure> {
    let (Some(plan), Some(records)) = (&p.plan.fastcgi, &p.records) else { return Ok(()) };
    let is_done = *progress == Progress::Done;
    let position = p.r.response.position;
    if records.errors.iter().any(|(at, text)| (!is_done || *at < position) && plan.catches(text)) {
        return Err(Failure::Invalid);
    }
    if is_done {
        p.r.response.close |= !plan.keep_conn;
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
pub(super) fn part(p: &mut ProxyRequest<'_>, buffer: &mut Buffer, left: &mut Option<u64>) -> BodyState {
    let Some(records) = &p.records else { return BodyState::More };
    let have = buffer.filled().len() as u64;
    if let Some(left) = left {
        if have > *left {
            buffer.end = buffer.start + *left as usize;
            *left = 0;
            let message = "upstream sent more data than specified in \"Content-Length\" header";
            p.log(Severity::Warn, message, " while reading upstream");
            return BodyState::Done(false);
        }
        *left -= have;
    }
    if records.end.is_none() || broken(p, *left).is_some() {
        return BodyState::More;
    }
    // Reading goes on until the server has ended the request, even if the connection will not be kept.
    if records.is_over || records.is_clean() { BodyState::Done(records.is_clean()) } else { BodyState::More }
}

/// Reason why a body ended early, `left` bytes before its length; the part before the end has gone to the client.
pub(super) fn broken(p: &ProxyRequest<'_>, left: Option<u64>) -> Option<String> {
    let records = p.records.as_ref()?;
    // A response to HEAD may have no body.
    let is_none = p.r.is_head() && left == p.r.response.content_length;
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
