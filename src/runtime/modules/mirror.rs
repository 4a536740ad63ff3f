//! Mirror subrequests, whose responses are discarded (`ngx_http_mirror_module.c`).
//!
//! nginx makes them while it answers the client; here they follow when the client has its answer. Either way the next
//! request of the connection, and the line of the access log, come after them.

use std::mem::take;
use std::rc::Rc;

use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::mirror::Mirror;
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::request::{body, subrequest};

/// Notes where copies go, and reads the body that goes with them; `None` if the request goes on.
pub(crate) async fn prepare(c: &mut Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    let with_body = plan.filter.mirror_request_body.value;
    if with_body && let Err(error) = body::read(c, r).await {
        return Some(body::failed(c, r, &error));
    }
    let uris = plan.filter.mirror.value.iter().cloned();
    r.mirrors.extend(uris.map(|uri| Mirror { uri, args: r.args.clone(), with_body }));
    None
}

/// Sends the copies.
pub(crate) async fn run(c: &mut Connection, r: &mut Request) {
    let sink = c.sink.replace(Sink::Nothing);
    for Mirror { uri, args, with_body } in take(&mut r.mirrors) {
        let Ok(mut sub) = subrequest::begin(c, r, uri.into_bytes(), args) else { continue };
        sub.ask_as(r);
        sub.only_head = true;
        sub.is_background = true;
        subrequest::share_head(r, &mut sub);
        if with_body {
            subrequest::share_body(r, &mut sub);
        }
        // The response is discarded.
        let _ = subrequest::answer(c, &mut sub).await;
        subrequest::share_head(r, &mut sub);
        if with_body {
            subrequest::share_body(r, &mut sub);
        }
        c.worker.give_request(sub);
    }
    c.sink = sink;
}
