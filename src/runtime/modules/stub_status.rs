//! `stub_status` (`ngx_http_stub_status_module.c`).

use crate::runtime::net::text::put;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::reply::BodyPart;
use crate::runtime::request::state::Request;

/// Answers with the counters.
pub(crate) fn send(c: &Connection, r: &mut Request) -> Flow {
    if !matches!(r.method(), b"GET" | b"HEAD") {
        return Flow::Status(405);
    }
    r.status = 200;
    let totals = c.worker.counters.totals();
    let reply = &mut r.reply;
    reply.clear_body();
    put(
        &mut reply.text,
        format_args!(
            "Active connections: {} \nserver accepts handled requests\n {} {} {} \n\
             Reading: {} Writing: {} Waiting: {} \n",
            totals.active,
            totals.accepted,
            totals.handled,
            totals.requests,
            totals.reading,
            totals.writing,
            totals.waiting(),
        ),
    );
    reply.content_type.clear();
    reply.content_type.extend_from_slice(b"text/plain");
    reply.content_length = Some(reply.text.len() as u64);
    reply.parts.push(BodyPart::Text(0, reply.text.len()));
    Flow::Reply
}
