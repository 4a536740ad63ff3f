//! From the URI of a request to the path of a file (`ngx_http_map_uri_to_path`).

use std::io;
use std::rc::Rc;

use crate::model::content::Alias;
use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::path::{ENAMETOOLONG, ENOENT, ENOTDIR, is_forbidden};
use crate::runtime::request::scope::Scope;

/// A path, and how long its part is that does not come from the URI.
#[derive(Debug)]
pub(crate) struct MappedPath {
    pub(crate) path: Vec<u8>,
    pub(crate) root: usize,
}

/// The path of the request's URI; `None` if `alias` cannot be applied, which is logged.
pub(crate) fn map(scope: &mut Scope<'_>) -> Option<MappedPath> {
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
    Some(MappedPath { path, root: length })
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
