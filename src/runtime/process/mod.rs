//! The processes of `ngxc run`: a master process, and one worker process with a thread for each of `worker_processes`.
//!
//! | who | what |
//! |---|---|
//! | master ([`master`]) | reads and checks the configuration, binds, opens, reads keys, as who it was started by; obeys signals; starts the worker process again when it dies |
//! | worker process ([`worker`]) | becomes `user`, serves; gets all of that from the master and opens nothing that only root may open |
//!
//! The worker process is this program, executed anew: nothing is copied by `fork`, so all code stays safe. Its standard
//! input is a socket to the master ([`channel`]), over which it gets a configuration ([`handover`]): the model as a
//! compiled file in memory, keys inside of it, and the descriptors of listening sockets and logs.
//!
//! A reload hands the next configuration to the worker process that runs: new threads serve it and the old ones drain, so
//! that zones, caches, sessions and counts stay what they are. A new worker process comes only when `user` changes, or
//! when the old one died.

pub(crate) mod channel;
pub(crate) mod child;
pub(crate) mod daemon;
pub(crate) mod handover;
pub(crate) mod inherit;
pub(crate) mod master;
pub(crate) mod notify;
pub(crate) mod plan;
pub(crate) mod signals;
pub(crate) mod surroundings;
pub(crate) mod worker;

use crate::runtime::net::log::{ErrorLogs, errno};
use crate::runtime::process::surroundings::{Surroundings, name};
use crate::runtime::server::start::signal::{self, Reload};
use crate::runtime::server::start::{RunOptions, StartError, failed};
use crate::site::Site;

/// Executes a configuration until a signal ends it. SIGTERM and SIGINT end it at once, SIGQUIT gracefully; SIGHUP goes on
/// with what `reload` compiles, SIGUSR1 opens the logs anew, SIGUSR2 executes the program again, which takes the sockets
/// over, and SIGWINCH ends the workers of a daemon gracefully. With `master_process off` this process serves by itself.
///
/// # Errors
/// Nothing was started: the configuration asks for something that is not executed, or a socket, file or name is not to be
/// had.
pub fn run(
    site: &Site,
    options: &RunOptions,
    surroundings: &Surroundings,
    reload: Reload<'_>,
) -> Result<(), StartError> {
    if surroundings.is_daemon {
        // The process was executed under another name.
        name(surroundings.name());
    }
    if site.config.core.master_process.value {
        master::run(site, options, surroundings, reload)
    } else {
        let detached = surroundings.is_daemon.then(daemon::detach).transpose();
        let channel = detached.map_err(|e| failed(format!("setsid() failed{}", errno(&e)), None))?;
        let ready = |log: &ErrorLogs| {
            if let Some(channel) = channel {
                daemon::serves(channel, log.file().as_ref());
            }
            if let Some(socket) = &surroundings.notify {
                // The receiver of the notification may have ended.
                let _ = notify::send(socket, "READY=1");
            }
        };
        signal::run(site, options, reload, ready)
    }
}
