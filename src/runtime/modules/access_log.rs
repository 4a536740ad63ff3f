//! The access logs (`ngx_http_log_module`): one line a request.

use crate::model::log::{Escape, Severity};
use crate::model::{ComplexValue, Segment};
use crate::runtime::net::log::{self, errno};
use crate::runtime::net::path;
use crate::runtime::request::plan::AccessSink;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;
use crate::runtime::request::{file, open_file};

/// Writes the request's line to the logs of its level.
pub(crate) fn write(worker: &Worker, client: &Client, request: &mut Request) {
    let plan = std::rc::Rc::clone(&request.plan);
    let mut scope = Scope { worker, client, request };
    for to in &plan.access_log {
        if let Some(condition) = &to.condition {
            let mut value = Vec::new();
            worker.program.evaluate(condition, &mut scope, &mut value);
            if value.is_empty() || value == b"0" {
                continue;
            }
        }
        let format = &worker.config.http.log_formats[to.format];
        let mut line = worker.line.take();
        line.clear();
        for segment in &format.value.segments {
            let start = line.len();
            let found = match segment {
                Segment::Literal(text) => {
                    line.extend_from_slice(text);
                    continue;
                }
                Segment::Variable(id) => worker.program.variable(*id, &mut scope, &mut line),
                Segment::Capture(n) => crate::eval::Request::capture(&mut scope, *n, &mut line),
            };
            if found {
                log::escape::from(start, format.escape, &mut line);
            } else {
                line.truncate(start);
                if format.escape == Escape::Default {
                    line.push(b'-');
                }
            }
        }
        line.push(b'\n');
        match &to.sink {
            AccessSink::Open(sink) if sink.writes_at_once() => log::turn::add(sink, &line),
            AccessSink::Open(sink) => sink.write(&line, None),
            AccessSink::Path(path) => append(&mut scope, path, &line),
        }
        *worker.line.borrow_mut() = line;
    }
}

/// A log whose path is known per request (`ngx_http_log_script_write`).
fn append(scope: &mut Scope<'_>, path: &ComplexValue, line: &[u8]) {
    use std::io::Write;
    let mut name = Vec::new();
    scope.evaluate(path, &mut name);
    let name = scope.worker.absolute(name);
    // A session of `stream` has no root.
    if scope.request.session.is_none() && !scope.request.root_tested && !has_root(scope) {
        return;
    }
    let opened = open_file::log(scope, &name);
    let written = opened.and_then(|opened| match &opened.file {
        Some(file) => (&**file).write_all(line),
        None => Err(std::io::Error::from_raw_os_error(EISDIR)),
    });
    if let Err(error) = written {
        let shown = String::from_utf8_lossy(&name);
        scope.log(Severity::Crit, &format!("open() \"{shown}\" failed{}", errno(&error)), "");
    }
}

const EISDIR: i32 = 21;

/// True if the directory of the request's files is there: a name that a client made up gets no log.
fn has_root(scope: &mut Scope<'_>) -> bool {
    let Some(mut mapped) = file::map(scope) else { return false };
    mapped.path.truncate(mapped.root);
    let error = match open_file::info(scope, &mapped.path) {
        Ok(info) if info.is_dir => return true,
        Ok(_) => std::io::Error::from_raw_os_error(path::ENOTDIR),
        Err(error) => error,
    };
    let shown = String::from_utf8_lossy(&mapped.path);
    scope.log(Severity::Error, &format!("testing \"{shown}\" existence failed{}", errno(&error)), "");
    false
}
