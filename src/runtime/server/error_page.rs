//! The page of a status: one of the configuration (`error_page`) or nginx's own
//! (`ngx_http_special_response_handler`).

use std::rc::Rc;

use crate::model::core_http::ErrorPage;
use crate::runtime::filters::head::product;
use crate::runtime::filters::response::head;
use crate::runtime::modules::{browser, refresh};
use crate::runtime::net::page;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::{self, Flow};
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::{Client, Request};
use crate::runtime::request::worker::Worker;

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
    if let Some(flow) = refresh::page(r, status) {
        return flow;
    }
    special(&c.worker, &c.client, r, status);
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
            flow::split_args(r, &uri);
            r.become_get();
            flow::redirect(c, r)
        }
        Some(b'@') => flow::named(c, r, &uri),
        _ => {
            let status = page.status.filter(|s| matches!(s, 301 | 302 | 303 | 307 | 308)).unwrap_or(302);
            r.reply.set(b"Location", &uri);
            r.err_status = status;
            if let Some(flow) = refresh::page(r, status) {
                return flow;
            }
            special(&c.worker, &c.client, r, status);
            Flow::Answer
        }
    }
}

/// A page for `status`; it is not asked whether the configuration has one of its own (`error_page`).
fn special(worker: &Worker, client: &Client, request: &mut Request, status: u16) {
    if matches!(status, 400 | 413 | 414 | 494..=497 | 500 | 501) {
        request.keepalive = false;
    }
    request.err_status = page::wire_status(status);
    request.status = request.err_status;
    let product = product(worker, request);
    let is_padded = browser::is_padded(request, status);
    let reply = &mut request.reply;
    reply.clear_body();
    let has_page = page::write(status, product, &mut reply.text);
    if has_page && is_padded {
        (0..6).for_each(|_| reply.text.extend_from_slice(browser::PADDING));
    }
    reply.content_type.clear();
    reply.charset.clear();
    reply.override_charset.clear();
    if has_page {
        reply.content_type.extend_from_slice(b"text/html");
    }
    reply.line.clear();
    reply.content_length = Some(reply.text.len() as u64);
    reply.allow_ranges = false;
    reply.is_proxied = false;
    reply.plain_location = false;
    reply.has_server = false;
    reply.has_date = false;
    reply.last_modified = None;
    reply.remove(b"Last-Modified");
    reply.remove(b"ETag");
    reply.remove(b"Accept-Ranges");
    reply.parts.push(BodyPart::Text(0, reply.text.len()));
    // No filter refuses a page.
    let _ = head(worker, client, request);
}
