//! From URI to file (`ngx_http_map_uri_to_path`), and the file itself (`ngx_http_static_module.c`).

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use super::connection::Connection;
use super::http1::uri;
use super::log::errno;
use super::open_file::{self, Opened};
use super::reply::Part;
use super::request::{Request, Scope};
use super::response::{self, put};
use super::route::Flow;
use crate::model::content::Alias;
use crate::model::log::Severity;

/// A path, and how long its part is that does not come from the URI.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(crate) path: Vec<u8>,
    pub(crate) root: usize,
}

/// The path of the request's URI; `None` if `alias` cannot be applied, which is logged.
pub(crate) fn map(scope: &mut Scope<'_>) -> Option<Mapped> {
    let plan = Rc::clone(&scope.request.plan);
    let root = &plan.content.root.value;
    if root.alias.is_some() && !scope.request.valid_location {
        scope.log(Severity::Alert, "\"alias\" cannot be used in a location where the URI was rewritten", "");
        return None;
    }
    let mut path = document_root(scope);
    let length = path.len();
    let r = &*scope.request;
    let skip = match root.alias {
        None => 0,
        Some(Alias::Prefix(n)) => n.min(r.uri.len()),
        Some(Alias::All) if r.add_uri_to_alias => 0,
        Some(Alias::All) => r.uri.len(),
    };
    path.extend_from_slice(&r.uri[skip..]);
    Some(Mapped { path, root: length })
}

/// `root` or `alias`, evaluated and absolute.
pub(crate) fn document_root(scope: &mut Scope<'_>) -> Vec<u8> {
    let plan = Rc::clone(&scope.request.plan);
    if let Some(root) = &plan.root {
        return root.clone();
    }
    let mut path = Vec::with_capacity(128);
    scope.evaluate(&plan.content.root.value.path, &mut path);
    scope.worker.absolute(path)
}

/// A path of the operating system.
pub(crate) fn os(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// Whether nothing is there, as opposed to something that cannot be reached.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENOENT | ENOTDIR | ENAMETOOLONG))
}

/// Whether something is there that may not be opened.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EACCES | ELOOP | EMLINK))
}

pub(crate) const ENOENT: i32 = 2;
pub(crate) const EACCES: i32 = 13;
pub(crate) const ENOTDIR: i32 = 20;
pub(crate) const ENAMETOOLONG: i32 = 36;
pub(crate) const ELOOP: i32 = 40;
pub(crate) const EMLINK: i32 = 31;

/// Logs a failure and says the status (`ngx_http_static_handler`, `ngx_http_index_error`).
pub(crate) fn failed(scope: &mut Scope<'_>, call: &str, path: &[u8], error: &io::Error) -> u16 {
    let (severity, status) = match error.raw_os_error() {
        Some(ENOENT | ENOTDIR | ENAMETOOLONG) => (Severity::Error, 404),
        _ if is_forbidden(error) => (Severity::Error, 403),
        _ => (Severity::Crit, 500),
    };
    if status != 404 || scope.request.plan.core.log_not_found.value {
        let shown = String::from_utf8_lossy(path);
        scope.log(severity, &format!("{call} \"{shown}\" failed{}", errno(error)), "");
    }
    status
}

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
    response::answer(c, r)
}

/// Makes a file the body of the response.
pub(crate) fn open(r: &mut Request, opened: Opened) {
    r.status = 200;
    response::content_type(r);
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
    reply.parts.push(Part::File(0, size));
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
