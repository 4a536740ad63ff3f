//! The peers and pools of a configuration, read again whenever one of its files changes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use super::super::input::Input;
use crate::model::{Config, Endpoint, Upstream};
use crate::ports::session;
use crate::source::Disk;
use crate::syntax::Configuration;

/// Parts of a configuration that the metrics need.
pub(super) struct Peers {
    input: Input,
    /// Each file with the time of its last change.
    files: Vec<(PathBuf, Option<SystemTime>)>,
    /// Upstream, or host as `proxy_pass` names it, and one of its peers.
    list: Vec<(String, Endpoint)>,
    /// Upstream and the size of its pool in each worker; 0: it has none.
    pub(super) pools: Vec<(String, u32)>,
}

impl Peers {
    pub(super) fn new(input: Input, configuration: &Configuration, config: &Config) -> Self {
        let mut peers = Self { input, files: Vec::new(), list: Vec::new(), pools: Vec::new() };
        peers.take(configuration, config);
        peers
    }

    fn take(&mut self, configuration: &Configuration, config: &Config) {
        let files = configuration.sources.files();
        self.files = files.map(|(_, file)| (file.path.clone(), changed(&file.path))).collect();
        (self.list, self.pools) = (Vec::new(), Vec::new());
        for flow in session::all(config) {
            let endpoints = flow.destinations.iter().map(|d| (flow.name.clone(), d.endpoint.clone()));
            self.list.extend(endpoints);
            let pool = flow.upstream.map(|u| u.pool().map_or(0, |pool| pool.size));
            if let Some(pool) = pool.filter(|_| {
                flow.session.is_none() && flow.upstream.is_some_and(|u| !Upstream::is_implicit(u))
            }) && !self.pools.iter().any(|(name, _)| *name == flow.name)
            {
                self.pools.push((flow.name, pool));
            }
        }
    }

    /// Reads the configuration again if a file has changed; one with errors is not taken, as nginx does not take it.
    pub(super) fn refresh(&mut self) {
        if self.files.iter().all(|(path, time)| changed(path) == *time) {
            return;
        }
        let Ok(configuration) = self.input.meaning.load(&self.input.file, &Disk) else { return };
        let compiled = self.input.meaning.compile(&configuration, self.input.meaning.version());
        if compiled.is_valid() {
            self.take(&configuration, &compiled.config);
        }
    }

    /// The upstream of an address: the one that names it, else the only one with a host name and that port.
    pub(super) fn upstream(&self, peer: SocketAddr) -> Option<&str> {
        let of = |is_it: &dyn Fn(&Endpoint) -> bool| {
            let mut found =
                self.list.iter().filter(|(_, endpoint)| is_it(endpoint)).map(|(name, _)| name.as_str());
            let first = found.next()?;
            found.all(|other| other == first).then_some(first)
        };
        of(&|endpoint| *endpoint == Endpoint::Inet(peer))
            .or_else(|| of(&|endpoint| matches!(endpoint, Endpoint::Name(_, port) if *port == peer.port())))
    }
}

fn changed(path: &PathBuf) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
