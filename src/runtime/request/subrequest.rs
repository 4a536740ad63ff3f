//! A request inside another one (`ngx_http_subrequest`): the same client and headers, another URI. What it answers goes
//! where the connection's sink leads; its head goes nowhere.

use std::io;
use std::mem::swap;
use std::rc::Rc;

use crate::model::log::Severity;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::state::Request;

/// Deepest nesting of subrequests (`NGX_HTTP_MAX_SUBREQUESTS`, and one).
const MAX_DEPTH: u8 = 51;

/// Runs a subrequest for a URI: the status of its response, and true if the response is known to be empty.
/// `has_stub`: an SSI `stub` replaces a response that fails or is empty.
///
/// # Errors
/// The response of the subrequest is incomplete, so that of its parent cannot be completed either.
pub(crate) async fn run(
    c: &mut Connection,
    parent: &mut Request,
    uri: Vec<u8>,
    args: Vec<u8>,
    has_stub: bool,
) -> io::Result<(u16, bool)> {
    let mut sub = begin(c, parent, uri, args)?;
    sub.has_stub = has_stub;
    share(parent, &mut sub);
    let (flow, is_empty) = answer(c, &mut sub).await;
    let status = sub.status;
    share(parent, &mut sub);
    c.worker.give_request(sub);
    if flow == Flow::Abort {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((status, is_empty))
}

/// True if a request may not ask for another one, because it is too deep inside of others or there were too many; the log
/// has the reason.
pub(crate) fn is_refused(c: &Connection, parent: &mut Request, uri: &[u8]) -> bool {
    let fault = if parent.depth >= MAX_DEPTH {
        "subrequests cycle"
    } else if parent.ssi.is_exhausted() {
        "request reference counter overflow"
    } else {
        return false;
    };
    let uri = String::from_utf8_lossy(uri).into_owned();
    c.scope(parent).log(Severity::Error, &format!("{fault} while processing \"{uri}\""), "");
    true
}

/// A request for a URI inside another one.
///
/// # Errors
/// It is too deep inside.
pub(crate) fn begin(
    c: &Connection,
    parent: &mut Request,
    uri: Vec<u8>,
    args: Vec<u8>,
) -> io::Result<Box<Request>> {
    if is_refused(c, parent, &uri) {
        return Err(io::ErrorKind::Other.into());
    }
    parent.ssi.count();
    let plan = Rc::clone(&c.worker.servers[parent.server.0 as usize]);
    let mut sub = c.worker.take_request(&plan);
    sub.reset(&plan, parent.server);
    sub.uri = uri;
    sub.args = args;
    sub.internal = true;
    sub.valid_unparsed_uri = false;
    sub.enter(parent);
    Ok(sub)
}

/// Answers it: the flow, and whether the answer is known to be empty.
pub(crate) async fn answer(c: &mut Connection, sub: &mut Request) -> (Flow, bool) {
    (c.worker.server.answer)(c, sub).await
}

/// Data of both requests is in one of them at a time: the head and the body of the client's request, variables, the
/// id, limits that were applied.
fn share(parent: &mut Request, sub: &mut Request) {
    share_head(parent, sub);
    share_body(parent, sub);
}

/// The body.
pub(crate) fn share_body(parent: &mut Request, sub: &mut Request) {
    swap(&mut parent.body, &mut sub.body);
    swap(&mut parent.body_file, &mut sub.body_file);
    swap(&mut parent.has_body, &mut sub.has_body);
}

/// All but the body.
pub(crate) fn share_head(parent: &mut Request, sub: &mut Request) {
    swap(&mut parent.buffer, &mut sub.buffer);
    swap(&mut parent.head, &mut sub.head);
    swap(&mut parent.stored, &mut sub.stored);
    swap(&mut parent.memo, &mut sub.memo);
    swap(&mut parent.memo_text, &mut sub.memo_text);
    swap(&mut parent.limit_req_status, &mut sub.limit_req_status);
    swap(&mut parent.limit_conn_status, &mut sub.limit_conn_status);
    swap(&mut parent.held, &mut sub.held);
    swap(&mut parent.id, &mut sub.id);
    swap(&mut parent.ssi, &mut sub.ssi);
}
