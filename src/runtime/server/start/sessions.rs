//! Resources of `stream`: what a worker for sessions is made of.

use std::sync::Arc;

use crate::model::{Config, StreamServer};
use crate::runtime::net::counters::Counters;
use crate::runtime::net::log::Files;
use crate::runtime::request::worker::{Tls, Worker};
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Resolved;

/// The configuration of `stream` as one of `http`, and what its servers have beyond that.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(super) config: Arc<Config>,
    pub(super) servers: Arc<[StreamServer]>,
    pub(super) tls: Arc<Tls>,
}

impl Sessions {
    /// A worker for sessions; `peers` are those of the upstreams of `stream`.
    ///
    /// # Errors
    /// A file or pattern that cannot be opened or compiled, in nginx's words.
    pub(super) fn worker(
        &self,
        peers: &[Vec<(usize, Resolved)>],
        files: &Files,
        counters: &Arc<Counters>,
        product: &'static str,
        outgoing: Outgoing,
    ) -> Result<Worker, String> {
        let (counters, tls) = (Arc::clone(counters), Arc::clone(&self.tls));
        Worker::new(&self.config, peers, files, counters, product, outgoing, tls, &self.servers)
    }
}
