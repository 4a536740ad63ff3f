//! A configuration as the master process has it: prepared, and stored for worker processes.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::model::{Config, Endpoint};
use crate::runtime::net::log::{ErrorLogs, Files, errno};
use crate::runtime::net::tls::file::recorded;
use crate::runtime::process::handover::{self, HandoverParts};
use crate::runtime::process::surroundings::Surroundings;
use crate::runtime::server::listener::Listener;
use crate::runtime::server::start::account::{self, Account};
use crate::runtime::server::start::pid::PidFile;
use crate::runtime::server::start::{
    ExistingResources, PreparedConfiguration, RunOptions, StartError, failed, prepare, refuse,
};
use crate::site::{self, Site};

/// The configuration, what it needs of the host, and its compiled file with the keys inside.
pub(crate) struct Plan {
    pub(crate) prepared: PreparedConfiguration,
    site: OwnedFd,
    pub(crate) account: Option<Account>,
    pub(crate) pid: Option<Arc<PidFile>>,
}

impl Plan {
    /// Prepares a configuration. `before` is what ran until now; `inherited` are sockets that are bound already.
    ///
    /// # Errors
    /// Something is not to be had; nothing has changed then.
    pub(crate) fn new(
        site: &Site,
        options: &RunOptions,
        before: Option<&Plan>,
        inherited: &[(Endpoint, Listener)],
    ) -> Result<Self, StartError> {
        refuse(&site.config)?;
        let account = account::find(&site.config, false)?;
        let given = ExistingResources {
            listeners: before.map_or(inherited, |plan| &plan.prepared.listeners),
            files: Files::new(&options.prefix, None),
            counters: Arc::default(),
            peers: None,
        };
        let mut config = site.config.clone();
        let shared: Arc<Config> = Arc::new(site.config.clone());
        let (prepared, contents) = recorded(|| prepare(&shared, options, given, account.as_ref()));
        let prepared = prepared?;
        config.embedded.extend(contents);
        let stored = site::store(&config, &site.sources).map_err(|message| failed(message, None))?;
        let stored = handover::in_memory(&stored)
            .map_err(|error| failed(format!("memfd_create() failed{}", errno(&error)), None))?;
        let pid = PidFile::write(&config, &options.prefix, before.and_then(|plan| plan.pid.as_ref()), true)?;
        Ok(Self { prepared, site: stored, account, pid })
    }

    /// The handover to a worker process.
    pub(crate) fn parts<'p>(
        &'p self,
        options: &'p RunOptions,
        surroundings: &'p Surroundings,
    ) -> HandoverParts<'p> {
        HandoverParts {
            name: surroundings.name(),
            stays: surroundings.is_daemon || surroundings.takes_over,
            is_daemon: surroundings.is_daemon,
            improve: options.improve,
            prefix: &options.prefix,
            site: &self.site,
            listeners: &self.prepared.listeners,
            files: &self.prepared.files,
            metrics: options.metrics.as_deref(),
            account: self.account.as_ref(),
            peers: &self.prepared.peers,
        }
    }

    pub(crate) fn log(&self) -> &ErrorLogs {
        &self.prepared.error_log
    }

    /// Removes the unix sockets' files, but for those that `next` has too.
    pub(crate) fn remove_sockets(&self, next: Option<&Plan>) {
        let stays = |path| next.is_some_and(|next| next.prepared.sockets.contains(path));
        for path in self.prepared.sockets.iter().filter(|path| !stays(path)) {
            let _ = std::fs::remove_file(path);
        }
    }
}
