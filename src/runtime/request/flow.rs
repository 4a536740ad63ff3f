//! Flow: the next step of a request after a phase or a handler.

use crate::eval::select::LocationId;
use crate::model::log::Severity;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// Progress of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// A handler has filled `request.reply` and set the status: filters and writing follow.
    Reply,
    /// The filters have run; the head is made, the body is in `request.reply`.
    Answer,
    /// The response has been written.
    Written,
    /// The response is missing or incomplete: the connection is closed.
    Abort,
    /// A page for this status.
    Status(u16),
    /// From the beginning, with the URI in `request.uri`.
    Redirect,
    /// From the rewrite instructions of this location.
    Named(LocationId),
}

/// Starts anew with the URI in `r.uri` (`ngx_http_internal_redirect`).
pub(crate) fn redirect(c: &Connection, r: &mut Request) -> Flow {
    r.uri_changes = r.uri_changes.saturating_sub(1);
    if r.uri_changes == 0 {
        let uri = String::from_utf8_lossy(&r.uri).into_owned();
        let message =
            format!("rewrite or internal redirection cycle while internally redirecting to \"{uri}\"");
        c.scope(r).log(Severity::Error, &message, "");
        return Flow::Status(500);
    }
    r.internal = true;
    r.uid = None;
    r.valid_unparsed_uri = false;
    r.valid_location = true;
    r.add_uri_to_alias = false;
    Flow::Redirect
}

/// Goes on in a named location (`ngx_http_named_location`).
pub(crate) fn named(c: &Connection, r: &mut Request, name: &[u8]) -> Flow {
    r.uri_changes = r.uri_changes.saturating_sub(1);
    let shown = String::from_utf8_lossy(name).into_owned();
    if r.uri_changes == 0 {
        let message =
            format!("rewrite or internal redirection cycle while redirect to named location \"{shown}\"");
        c.scope(r).log(Severity::Error, &message, "");
        return Flow::Status(500);
    }
    let Some(id) = c.worker.router.named(r.server, &shown) else {
        c.scope(r).log(Severity::Error, &format!("could not find named location \"{shown}\""), "");
        return Flow::Status(500);
    };
    r.internal = true;
    r.uid = None;
    r.uri_changed = false;
    r.handled_by = None;
    Flow::Named(id)
}

/// Takes a URI with arguments apart (`ngx_http_split_args`).
pub(crate) fn split_args(r: &mut Request, text: &[u8]) {
    r.args.clear();
    let (uri, args) = match memchr::memchr(b'?', text) {
        Some(mark) => (&text[..mark], &text[mark + 1..]),
        None => (text, &b""[..]),
    };
    r.uri.clear();
    r.uri.extend_from_slice(uri);
    r.args.extend_from_slice(args);
}
