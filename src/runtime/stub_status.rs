//! `stub_status` and the counters behind it (`ngx_http_stub_status_module.c`).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use super::connection::Connection;
use super::reply::Part;
use super::request::Request;
use super::response::{self, put};
use super::route::Flow;

/// What is counted of all workers together.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections of clients and to upstreams so far.
    pub(crate) connections: AtomicU64,
    /// Numbers given out so far.
    pub(crate) temporary: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) handled: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) active: AtomicI64,
    pub(crate) reading: AtomicI64,
    pub(crate) writing: AtomicI64,
    /// Zones.
    pub(crate) shared: super::shared::Shared,
}

impl Counters {
    /// Idle connections.
    pub(crate) fn waiting(&self) -> i64 {
        self.active.load(Relaxed) - self.reading.load(Relaxed) - self.writing.load(Relaxed)
    }
}

/// Answers with the counters.
pub(crate) fn send(c: &Connection, r: &mut Request) -> Flow {
    if !matches!(r.method(), b"GET" | b"HEAD") {
        return Flow::Status(405);
    }
    r.status = 200;
    let counters = &c.worker.counters;
    let load = |counter: &AtomicU64| counter.load(Relaxed);
    let reply = &mut r.reply;
    reply.clear_body();
    put(
        &mut reply.text,
        format_args!(
            "Active connections: {} \nserver accepts handled requests\n {} {} {} \n\
             Reading: {} Writing: {} Waiting: {} \n",
            counters.active.load(Relaxed),
            load(&counters.accepted),
            load(&counters.handled),
            load(&counters.requests),
            counters.reading.load(Relaxed),
            counters.writing.load(Relaxed),
            counters.waiting(),
        ),
    );
    reply.content_type.clear();
    reply.content_type.extend_from_slice(b"text/plain");
    reply.content_length = Some(reply.text.len() as u64);
    reply.parts.push(Part::Text(0, reply.text.len()));
    response::answer(c, r)
}
