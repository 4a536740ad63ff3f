//! The page of a status: one of the configuration (`error_page`) or nginx's own
//! (`ngx_http_special_response_handler`).

use std::rc::Rc;

use super::connection::Connection;
use super::request::Request;
use super::response;
use super::route::{self, Flow};
use crate::model::core_http::ErrorPage;

/// Answers with a status, or goes on with its page.
pub(crate) fn respond(c: &Connection, r: &mut Request, status: u16) -> Flow {
    r.err_status = status;
    if matches!(status, 400 | 413 | 414 | 494..=497 | 500 | 501) {
        r.keepalive = false;
    }
    r.reply.content_type.clear();
    r.reply.clear_body();
    let plan = Rc::clone(&r.plan);
    if !r.error_page && r.uri_changes != 0 && !plan.core.error_page.value.is_empty() {
        r.error_page = !plan.core.recursive_error_pages.value;
        if let Some(page) = plan.core.error_page.value.iter().find(|p| p.statuses.contains(&status)) {
            return send(c, r, page, status);
        }
    }
    if let Some(flow) = super::refresh::page(c, r, status) {
        return flow;
    }
    response::special(&c.worker, &c.client, r, status);
    Flow::Answer
}

/// `ngx_http_send_error_page`
fn send(c: &Connection, r: &mut Request, page: &ErrorPage, status: u16) -> Flow {
    match page.status {
        Some(other) => r.err_status = other,
        None if matches!(status, 494..=497) => r.err_status = 400,
        None => {}
    }
    let mut uri = Vec::new();
    c.scope(r).evaluate(&page.uri, &mut uri);
    match uri.first() {
        Some(b'/') => {
            route::split_args(r, &uri);
            r.become_get();
            route::redirect(c, r)
        }
        Some(b'@') => route::named(c, r, &uri),
        _ => {
            let status = page.status.filter(|s| matches!(s, 301 | 302 | 303 | 307 | 308)).unwrap_or(302);
            r.reply.set(b"Location", &uri);
            r.err_status = status;
            if let Some(flow) = super::refresh::page(c, r, status) {
                return flow;
            }
            response::special(&c.worker, &c.client, r, status);
            Flow::Answer
        }
    }
}
