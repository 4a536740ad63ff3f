//! Index files of directories (`ngx_http_index_module.c`).

use std::rc::Rc;

use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::path::{EACCES, ELOOP, EMLINK, ENAMETOOLONG, ENOENT, ENOTDIR};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::{self, Flow};
use crate::runtime::request::state::Request;
use crate::runtime::request::{file, open_file};

/// Goes on with the first index that is there; `None` if none is.
pub(crate) fn find(c: &Connection, r: &mut Request) -> Option<Flow> {
    if !r.uri.ends_with(b"/") || !matches!(r.method(), b"GET" | b"HEAD" | b"POST") {
        return None;
    }
    let plan = Rc::clone(&r.plan);
    let mut scope = c.scope(r);
    let mut directory = None;
    let mut is_tested = false;
    for index in &plan.content.index.value.0 {
        let mut name = Vec::new();
        scope.evaluate(index, &mut name);
        if name.starts_with(b"/") {
            scope.request.uri = name;
            return Some(flow::redirect(c, r));
        }
        if directory.is_none() {
            directory = file::map(&mut scope);
        }
        let Some(directory) = &directory else { return Some(Flow::Status(500)) };
        let path = [&directory.path[..], &name].concat();
        let Err(error) = open_file::info(&mut scope, &path) else {
            scope.request.root_tested = !scope.request.error_page;
            scope.request.uri.extend_from_slice(&name);
            return Some(flow::redirect(c, r));
        };
        match error.raw_os_error() {
            Some(ENOTDIR | ENAMETOOLONG | EACCES | ELOOP | EMLINK) => {
                return Some(Flow::Status(file::failed(&mut scope, "stat()", &path, &error)));
            }
            Some(ENOENT) => {}
            _ => {
                let shown = String::from_utf8_lossy(&path);
                scope.log(Severity::Crit, &format!("stat() \"{shown}\" failed{}", errno(&error)), "");
                return Some(Flow::Status(500));
            }
        }
        if !std::mem::replace(&mut is_tested, true) {
            let parent = directory.path.strip_suffix(b"/").unwrap_or(&directory.path);
            match open_file::info(&mut scope, parent) {
                Err(error) if error.raw_os_error() == Some(ENOENT) => {
                    return Some(Flow::Status(file::failed(&mut scope, "stat()", &directory.path, &error)));
                }
                Err(error) if error.raw_os_error() != Some(EACCES) => return Some(Flow::Status(500)),
                _ => {}
            }
        }
    }
    None
}
