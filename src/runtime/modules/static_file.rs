//! The file of a URI as the answer (`ngx_http_static_module.c`).

use crate::eval::uri;
use crate::model::log::Severity;
use crate::runtime::net::file_cache::OpenedFile;
use crate::runtime::net::text::put;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::content_type::content_type;
use crate::runtime::request::file::{failed, map};
use crate::runtime::request::flow::Flow;
use crate::runtime::request::open_file;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;

/// Answers with the file of the URI.
pub(crate) fn send(c: &Connection, r: &mut Request) -> Flow {
    if !matches!(r.method(), b"GET" | b"HEAD" | b"POST") {
        return Flow::Status(405);
    }
    let mut scope = c.scope(r);
    let Some(mapped) = map(&mut scope) else { return Flow::Status(500) };
    if scope.request.uri.ends_with(b"/") {
        let shown = String::from_utf8_lossy(&mapped.path);
        scope.log(Severity::Error, &format!("directory index of \"{shown}\" is forbidden"), "");
        return Flow::Status(403);
    }
    let (links, opened) = open_file::open(&mut scope, &mapped.path);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return Flow::Status(failed(&mut scope, links.call("open()"), &mapped.path, &error)),
    };
    scope.request.root_tested = !scope.request.error_page;
    if opened.info.is_dir {
        return Flow::Status(redirect(r));
    }
    if !opened.info.is_file {
        let shown = String::from_utf8_lossy(&mapped.path);
        scope.log(Severity::Crit, &format!("\"{shown}\" is not a regular file"), "");
        return Flow::Status(404);
    }
    if r.method() == b"POST" {
        return Flow::Status(405);
    }
    open(r, opened);
    Flow::Reply
}

/// Makes a file the body of the response.
pub(crate) fn open(r: &mut Request, opened: OpenedFile) {
    r.status = 200;
    content_type(r);
    let has_etag = r.plan.content.etag.value;
    let (size, modified) = (opened.info.size, opened.info.modified);
    let reply = &mut r.reply;
    reply.clear_body();
    reply.content_length = Some(size);
    reply.last_modified = Some(modified);
    if has_etag {
        reply.lines.extend_from_slice(b"ETag: \"");
        put(&mut reply.lines, format_args!("{modified:x}-{size:x}\"\r\n"));
    }
    reply.allow_ranges = true;
    reply.parts.push(BodyPart::File(0, size));
    reply.file = opened.file;
}

/// To the same URI with a slash.
fn redirect(r: &mut Request) -> u16 {
    let mut target = Vec::with_capacity(r.uri.len() + r.args.len() + 2);
    uri::escape(&r.uri, &mut target);
    target.push(b'/');
    if !r.args.is_empty() {
        target.push(b'?');
        target.extend_from_slice(&r.args);
    }
    r.reply.set(b"Location", &target);
    301
}
