//! `try_files` (`ngx_http_try_files_module.c`).

use std::rc::Rc;

use crate::model::content::{Alias, TryLast};
use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::net::path;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::{self, Flow};
use crate::runtime::request::state::Request;
use crate::runtime::request::{file, open_file};

/// Makes the first that is there the URI; `None` if the request goes on with it.
pub(crate) fn find(c: &Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    let tried = plan.content.try_files.value.as_ref()?;
    let mut scope = c.scope(r);
    let Some(mut mapped) = file::map(&mut scope) else { return Some(Flow::Status(500)) };
    let alias = plan.content.root.value.alias;
    for (file, is_directory) in &tried.files {
        let mut name = Vec::new();
        scope.evaluate(file, &mut name);
        if let Some(Alias::Prefix(n)) = alias
            && file.constant().is_none()
            && scope.request.uri.get(..n).is_some_and(|prefix| name.starts_with(prefix))
        {
            name.drain(..n);
        }
        mapped.path.truncate(mapped.root);
        mapped.path.extend_from_slice(&name);
        match open_file::info(&mut scope, &mapped.path) {
            Ok(info) if info.is_dir == *is_directory => {}
            Ok(_) => continue,
            Err(error) => {
                if !path::is_missing(&error) {
                    let shown = String::from_utf8_lossy(&mapped.path);
                    scope.log(Severity::Crit, &format!("stat() \"{shown}\" failed{}", errno(&error)), "");
                }
                continue;
            }
        }
        let r = scope.request;
        match alias {
            None => r.uri = name,
            Some(Alias::Prefix(n)) => {
                r.uri.truncate(n);
                r.uri.extend_from_slice(&name);
            }
            Some(Alias::All) if !is_directory => {
                r.uri = name;
                r.add_uri_to_alias = true;
            }
            Some(Alias::All) => {}
        }
        return None;
    }
    Some(match &tried.last {
        TryLast::Status(status) => Flow::Status(*status),
        TryLast::Uri(target) => {
            let mut uri = Vec::new();
            scope.evaluate(target, &mut uri);
            if uri.starts_with(b"@") {
                flow::named(c, r, &uri)
            } else {
                flow::split_args(r, &uri);
                flow::redirect(c, r)
            }
        }
    })
}
