//! Files that lie compressed beside the plain ones (`ngx_http_gzip_static_module.c`).

use crate::model::log::Severity;
use crate::runtime::filters::gzip;
use crate::runtime::modules::static_file;
use crate::runtime::net::log::errno;
use crate::runtime::net::path;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::state::Request;
use crate::runtime::request::{file, open_file};

/// Answers with the file of the URI and `.gz`; `None` if there is none, or the client does not take it.
pub(crate) fn send(c: &Connection, r: &mut Request) -> Option<Flow> {
    let plan = std::rc::Rc::clone(&r.plan);
    let always = match plan.content.gzip_static.value.0 {
        "on" => false,
        "always" => true,
        _ => return None,
    };
    if !matches!(r.method(), b"GET" | b"HEAD") || r.uri.ends_with(b"/") {
        return None;
    }
    let is_wanted = always || gzip::is_wanted(r, &plan.gzip_disable);
    if !is_wanted && !plan.gzip.vary.value {
        return None;
    }
    let mut scope = c.scope(r);
    let Some(mut mapped) = file::map(&mut scope) else { return Some(Flow::Status(500)) };
    mapped.path.extend_from_slice(b".gz");
    let (links, opened) = open_file::open(&mut scope, &mapped.path);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            if !path::is_missing(&error) {
                let shown = String::from_utf8_lossy(&mapped.path);
                let severity = if path::is_forbidden(&error) { Severity::Error } else { Severity::Crit };
                let call = links.call("open()");
                scope.log(severity, &format!("{call} \"{shown}\" failed{}", errno(&error)), "");
            }
            return None;
        }
    };
    r.reply.vary |= !always;
    if !is_wanted || opened.info.is_dir {
        return None;
    }
    if !opened.info.is_file {
        let shown = String::from_utf8_lossy(&mapped.path);
        c.scope(r).log(Severity::Crit, &format!("\"{shown}\" is not a regular file"), "");
        return Some(Flow::Status(404));
    }
    static_file::open(r, opened);
    r.reply.push(b"Content-Encoding", b"gzip");
    Some(Flow::Reply)
}
