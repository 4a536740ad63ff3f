//! Work that goes on while a response waits for its client: a peer's response is read on (`ngx_event_pipe`).

use std::fmt::Debug;
use std::rc::Rc;
use std::task::Context;

/// A response that is read ahead of its client.
pub(crate) trait Ahead: Debug {
    /// Reads as much as has arrived and may be held back.
    fn poll_ahead(&self, cx: &mut Context<'_>);
}

/// The responses of a connection that are read ahead: that of a request, and those of the requests inside of it.
pub(crate) type AllAhead = Vec<Rc<dyn Ahead>>;

/// Lets all of them read.
pub(crate) fn poll(all: &[Rc<dyn Ahead>], cx: &mut Context<'_>) {
    for ahead in all {
        ahead.poll_ahead(cx);
    }
}
