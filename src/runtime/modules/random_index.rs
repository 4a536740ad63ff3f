//! `random_index`: a random file of the directory as its index (`ngx_http_random_index_module.c`).

use std::os::unix::ffi::OsStrExt;

use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::path::{self, EACCES, ENAMETOOLONG, ENOENT, ENOTDIR};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::file;
use crate::runtime::request::flow::{self, Flow};
use crate::runtime::request::state::Request;

/// Goes on with a file of the directory; `None` if it has none, or the URI names no directory.
pub(crate) fn find(c: &Connection, r: &mut Request) -> Option<Flow> {
    if !r.uri.ends_with(b"/") || !matches!(r.method(), b"GET" | b"HEAD" | b"POST") {
        return None;
    }
    let mut scope = c.scope(r);
    let Some(mapped) = file::map(&mut scope) else { return Some(Flow::Status(500)) };
    let path = mapped.path.strip_suffix(b"/").filter(|p| !p.is_empty()).unwrap_or(&mapped.path);
    let read = match std::fs::read_dir(path::os(path)) {
        Ok(read) => read,
        Err(error) => {
            let (severity, status) = match error.raw_os_error() {
                Some(ENOENT | ENOTDIR | ENAMETOOLONG) => (Severity::Error, 404),
                Some(EACCES) => (Severity::Error, 403),
                _ => (Severity::Crit, 500),
            };
            let shown = String::from_utf8_lossy(path);
            scope.log(severity, &format!("opendir() \"{shown}\" failed{}", errno(&error)), "");
            return Some(Flow::Status(status));
        }
    };
    let names: Vec<Vec<u8>> = read
        .flatten()
        .filter(|entry| !entry.file_name().as_bytes().starts_with(b"."))
        // The type of a link is that of its target.
        .filter(|entry| std::fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()))
        .map(|entry| entry.file_name().as_bytes().to_vec())
        .collect();
    let number = u64::try_from(names.len()).ok().filter(|n| *n > 0)?;
    let name = names.get(usize::try_from(c.worker.random.number() % number).ok()?)?;
    r.uri.extend_from_slice(name);
    Some(flow::redirect(c, r))
}
