//! `limit_conn`: requests at a time for each key (`ngx_http_limit_conn_module.c`).

use std::rc::Rc;
use std::sync::Arc;

use crate::runtime::modules::limit::{key, severities};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::limit::conn::CountedRequest;
use crate::runtime::request::state::Request;

/// `ngx_http_limit_conn_handler`
pub(crate) fn check(c: &Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    if r.limit_conn_status.is_some() {
        return None;
    }
    let settings = &plan.limit;
    let dry = settings.conn_dry_run.value;
    for limit in &plan.limits.conn {
        let key = key(c, r, &limit.key);
        if key.is_empty() {
            continue;
        }
        r.limit_conn_status = Some("PASSED");
        if limit.zone.take(&key, limit.limit.number) {
            r.held.push(CountedRequest { zone: Arc::clone(&limit.zone), key });
            continue;
        }
        let note = if dry { ", dry run," } else { "" };
        let message = format!("limiting connections{note} by zone \"{}\"", limit.limit.zone);
        c.scope(r).log(severities(settings.conn_log_level.value.0).0, &message, "");
        r.held.clear();
        r.limit_conn_status = Some(if dry { "REJECTED_DRY_RUN" } else { "REJECTED" });
        return (!dry).then_some(Flow::Status(settings.conn_status.value as u16));
    }
    None
}
