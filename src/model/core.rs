//! Settings of the main context and of `events` (`ngx_core_module`, `ngx_event_core_module`).

use serde::{Deserialize, Serialize};

use super::log::ErrorLog;
use super::setting::settings;

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerProcesses {
    /// As many as there are CPUs.
    Auto,
    /// This many.
    Count(u32),
}

/// Who the workers are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Name of the account.
    pub name: String,
    /// Name of the group; `None`: the one that is called as the account is.
    pub group: Option<String>,
}

settings! {
    /// What the main context and `events` say.
    pub struct CoreSettings {
        /// Workers; in our runtime threads.
        worker_processes: WorkerProcesses = "worker_processes",
        /// Whether to go to the background.
        daemon: bool = "daemon",
        /// Who serves requests when root starts; `None`: `nobody`.
        user: Option<User> = "user",
        /// File that gets the process id.
        pid: String = "pid",
        /// Logs of the main context; empty: the one that was compiled in.
        error_log: Vec<ErrorLog> = "error_log",
        /// Connections a worker may have open, clients and upstreams together.
        worker_connections: u32 = "worker_connections",
        /// Files a worker may have open; 0: as many as it may now.
        worker_rlimit_nofile: u32 = "worker_rlimit_nofile",
        /// How long a worker that was told to stop waits for its connections.
        worker_shutdown_timeout: Option<std::time::Duration> = "worker_shutdown_timeout",
    }
}
