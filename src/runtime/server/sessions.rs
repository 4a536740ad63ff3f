//! Connections that `stream` serves, and those that it passes on.

use std::rc::Rc;

use crate::eval::select::AddressId;
use crate::runtime::net::stream::Stream;
use crate::runtime::request::state::Remote;
use crate::runtime::server::connection;
use crate::runtime::server::open::Open;
use crate::runtime::stream::phases;

/// Serves a connection of `stream` until it is closed, counted by `open`.
pub(crate) async fn serve(open: Open, stream: Stream, remote: Remote, address: AddressId) {
    let worker = Rc::clone(open.worker());
    phases::serve(worker, open.number(), stream, remote, address, 0).await;
    drop(open);
}

/// Serves a connection that a session of `stream` has passed on.
pub(crate) async fn passed(open: Open, stream: Stream, remote: Remote, address: AddressId, passes: u32) {
    if open.worker().sessions.is_empty() {
        return connection::serve(open, stream, remote, address).await;
    }
    let worker = Rc::clone(open.worker());
    phases::serve(worker, open.number(), stream, remote, address, passes).await;
    drop(open);
}
