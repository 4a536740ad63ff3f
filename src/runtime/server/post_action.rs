//! `post_action`: a request that follows when the client has its answer, of which nobody gets the response
//! (`ngx_http_post_action`).

use std::mem::take;

use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::{named, redirect};
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::server::route::finish;

/// Follows the `post_action` of the request's location, and that of the location which that one leads to.
pub(crate) async fn run(c: &mut Connection, r: &mut Request) {
    let (keepalive, sent, head_length, head_bytes) = (r.keepalive, r.sent, r.head_length, r.head_bytes);
    // The log tells of the response that the client got, but for its status: nginx sets that anew.
    let (reply, out, http2_head) = (take(&mut r.reply), take(&mut r.out), take(&mut r.http2_head));
    let sink = c.sink.replace(Sink::Nothing);
    r.is_background = true;
    while r.uri_changes > 0 && !r.plan.filter.post_action.value.is_empty() {
        let target = r.plan.filter.post_action.value.clone().into_bytes();
        let flow = if target.starts_with(b"/") {
            // A `?` in it is one of the URI.
            r.uri = target;
            r.args.clear();
            redirect(c, r)
        } else {
            named(c, r, &target)
        };
        let _ = finish(c, r, flow).await;
        r.reply.clear();
    }
    r.is_background = false;
    c.sink = sink;
    (r.reply, r.out) = (reply, out);
    (r.keepalive, r.sent, r.head_length, r.head_bytes) = (keepalive, sent, head_length, head_bytes);
    r.http2_head = http2_head;
}
