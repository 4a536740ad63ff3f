//! Server Side Includes (`ngx_http_ssi_filter_module.c`): commands in a page are obeyed while it passes. What is included
//! is asked for one request after the other.

pub(crate) mod command;
pub(crate) mod parse;
pub(crate) mod value;

use std::io;

use crate::eval::Captures;
use crate::model::FilterSettings;
use crate::model::log::Severity;
use crate::runtime::filters::ssi::parse::{Event, Parser};
use crate::runtime::filters::{gzip, headers};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::filter::{PageFilter, PageFuture};
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::request::subrequest;

/// Encoding of the values of `echo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    None,
    Url,
    Entity,
}

/// The last command of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conditional {
    None,
    If,
    Else,
}

/// Format of times unless a page sets another (`ngx_http_ssi_timefmt`).
const TIMEFMT: &str = "%A, %d-%b-%Y %H:%M:%S %Z";

/// A page that is passing.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(crate) struct Page {
    parser: Parser,
    has_begun: bool,
    /// The text that is read is part of the response.
    output: bool,
    /// A branch of the condition was taken.
    chosen: bool,
    conditional: Conditional,
    /// The text that is read belongs to the block of this position.
    block: Option<usize>,
    encoding: Encoding,
    timefmt: String,
    errmsg: Vec<u8>,
    captures: Captures,
    /// Nothing in it is obeyed.
    is_plain: bool,
}

impl Page {
    fn new() -> Self {
        Self {
            parser: Parser::default(),
            has_begun: false,
            output: true,
            chosen: false,
            conditional: Conditional::None,
            block: None,
            encoding: Encoding::Entity,
            timefmt: TIMEFMT.to_owned(),
            errmsg: b"[an error occurred while processing the directive]".to_vec(),
            captures: Captures::default(),
            is_plain: false,
        }
    }
}

/// Has the body read if the configuration wants it (`ngx_http_ssi_header_filter`).
pub(crate) fn filter(request: &mut Request) {
    let filter = &request.plan.filter;
    if !filter.ssi.value {
        return;
    }
    let reply = &mut request.reply;
    let kind = reply.content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if reply.content_length == Some(0) || kind.is_empty() || !filter.ssi_types.value.has(kind) {
        return;
    }
    reply.page = Some(Box::new(Page::new()));
    if request.depth > 0 {
        return;
    }
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    if filter.ssi_last_modified.value {
        gzip::weaken(reply);
    } else {
        reply.last_modified = None;
        reply.remove(b"Last-Modified");
        reply.remove(b"ETag");
    }
}

/// Has something put around the body if the configuration wants it (`ngx_http_addition_header_filter`).
pub(crate) fn add(request: &mut Request) {
    let filter = &request.plan.filter;
    let reply = &mut request.reply;
    if filter.add_before_body.value.is_empty() && filter.add_after_body.value.is_empty() {
        return;
    }
    let kind = reply.content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let is_head = request.head.line.method.of(request.buffer.all()) == b"HEAD";
    if request.status != 200 || !filter.addition_types.value.has(kind) {
        return;
    }
    reply.content_length = None;
    reply.allow_ranges = false;
    reply.remove(b"Accept-Ranges");
    gzip::weaken(reply);
    if reply.page.is_none() && !is_head {
        reply.page = Some(Box::new(Page { is_plain: true, ..Page::new() }));
    }
}

impl PageFilter for Page {
    fn pass<'a>(
        mut self: Box<Self>,
        c: &'a mut Connection,
        r: &'a mut Request,
        piece: &'a [u8],
        is_last: bool,
    ) -> PageFuture<'a> {
        Box::pin(async move {
            if !std::mem::replace(&mut self.has_begun, true) {
                begin(c, r).await?;
                around(c, r, |filter| &filter.add_before_body.value).await?;
            }
            let done = read(&mut self, c, r, piece, is_last).await;
            r.reply.page = Some(self);
            done?;
            if is_last {
                around(c, r, |filter| &filter.add_after_body.value).await?;
            }
            if is_last && r.depth == 0 { end(c, r).await } else { Ok(()) }
        })
    }
}

/// The response before or behind the body (`ngx_http_addition_body_filter`).
async fn around(
    c: &mut Connection,
    r: &mut Request,
    which: impl Fn(&FilterSettings) -> &String,
) -> io::Result<()> {
    let filter = std::sync::Arc::clone(&r.plan.filter);
    let uri = which(&filter);
    let kind = r.reply.content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if r.depth > 0 || uri.is_empty() || r.status != 200 || !filter.addition_types.value.has(kind) {
        return Ok(());
    }
    subrequest::run(c, r, uri.clone().into_bytes(), Vec::new(), false).await.map(|_| ())
}

/// The head goes out, and what follows it through the filters behind this one.
async fn begin(c: &mut Connection, r: &mut Request) -> io::Result<()> {
    if r.depth > 0 {
        return Ok(());
    }
    c.begin(r)?;
    let head = std::mem::take(&mut r.out);
    let written = c.write(&head, r.plan.core.send_timeout.value).await;
    r.sent += head.len() as u64;
    r.out = head;
    c.sink = Some(Sink::Client {
        filters: std::mem::take(&mut r.reply.behind),
        chunked: r.reply.chunked,
        sent: 0,
    });
    written
}

async fn end(c: &mut Connection, r: &mut Request) -> io::Result<()> {
    let Some(mut sink) = c.sink.take() else { return Ok(()) };
    let mut last = sink.take(b"", true)?;
    if let Sink::Client { sent, .. } = sink {
        r.sent += sent;
    }
    if r.reply.chunked {
        let before = last.len();
        if r.reply.expect_trailers {
            headers::trailers(&mut c.scope(r));
        }
        last.extend_from_slice(&r.reply.trailers);
        last.extend_from_slice(b"\r\n");
        r.sent += (last.len() - before) as u64;
    }
    c.write(&last, r.plan.core.send_timeout.value).await
}

async fn read(
    page: &mut Page,
    c: &mut Connection,
    r: &mut Request,
    mut data: &[u8],
    is_last: bool,
) -> io::Result<()> {
    let most = usize::try_from(r.plan.filter.ssi_value_length.value).unwrap_or(usize::MAX).min(1 << 20);
    let timeout = r.plan.core.send_timeout.value;
    let mut text = Vec::new();
    if page.is_plain {
        return if data.is_empty() { Ok(()) } else { c.write(data, timeout).await };
    }
    loop {
        text.clear();
        let event = page.parser.next(&mut data, most, &mut text);
        if is_last && event == Event::More {
            text.extend_from_slice(page.parser.rest());
        }
        if page.output {
            if !text.is_empty() {
                c.write(&text, timeout).await?;
            }
        } else if let Some(at) = page.block {
            r.ssi.append(at, &text);
        }
        match event {
            Event::More => return Ok(()),
            Event::Broken(message) => {
                c.scope(r).log(Severity::Error, &message, "");
                if page.output {
                    error(page, c, r).await?;
                }
            }
            Event::Command => command::obey(page, c, r).await?,
        }
    }
}

async fn error(page: &Page, c: &mut Connection, r: &mut Request) -> io::Result<()> {
    if r.plan.filter.ssi_silent_errors.value {
        return Ok(());
    }
    c.write(&page.errmsg, r.plan.core.send_timeout.value).await
}

/// The text of a block, in place of an answer.
pub(crate) async fn raw(c: &mut Connection, r: &mut Request, text: &[u8]) -> io::Result<()> {
    r.depth += 1;
    let mut page = Page::new();
    let done = read(&mut page, c, r, text, true).await;
    r.depth -= 1;
    done
}
