//! Resources of `stream`: what a worker for sessions is made of.

use std::sync::Arc;

use crate::model::log::AccessLogs;
use crate::model::{Config, StreamServer};
use crate::runtime::net::counters::Counters;
use crate::runtime::net::log::{Files, errno};
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
        // nginx opens the logs of the outermost level too, whoever writes to them.
        if let Some(AccessLogs::To(logs)) =
            self.config.http.settings.as_ref().map(|settings| &settings.core.access_log.value)
        {
            for log in logs.iter().filter(|log| log.path.is_none()) {
                let opened = files.open(&log.target, Some(log));
                opened.map_err(|(path, error)| {
                    format!("open() \"{}\" failed{}", path.display(), errno(&error))
                })?;
            }
        }
        let (counters, tls) = (Arc::clone(counters), Arc::clone(&self.tls));
        Worker::new(&self.config, peers, files, counters, product, outgoing, (tls, &self.servers))
    }
}
