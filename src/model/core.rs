//! Settings of the main context and of `events` (`ngx_core_module`, `ngx_event_core_module`).

use serde::{Deserialize, Serialize};

use super::log::ErrorLog;
use super::setting::settings;

/// Number of worker processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerProcesses {
    /// One worker per CPU.
    Auto,
    /// A fixed number.
    Count(u32),
}

/// Account of the worker processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Name of the account.
    pub name: String,
    /// Name of the group; `None`: the group with the account's name.
    pub group: Option<String>,
}

settings! {
    /// Main context and `events`.
    pub struct CoreSettings {
        /// `worker_processes`; our runtime's workers are threads.
        worker_processes: WorkerProcesses = "worker_processes",
        /// `daemon`: run in the background.
        daemon: bool = "daemon",
        /// `master_process`: worker processes do the work.
        master_process: bool = "master_process",
        /// `user`: account of the workers if root starts nginx; `None`: `nobody`.
        user: Option<User> = "user",
        /// `pid`: file for the process id.
        pid: String = "pid",
        /// `error_log` of the main context; empty: the log that was compiled in.
        error_log: Vec<ErrorLog> = "error_log",
        /// `worker_connections`: connections that a worker may have open, clients and upstreams together.
        worker_connections: u32 = "worker_connections",
        /// `worker_rlimit_nofile`: files that a worker may have open; 0: the inherited limit.
        worker_rlimit_nofile: u32 = "worker_rlimit_nofile",
        /// `worker_shutdown_timeout`: longest graceful shutdown of a worker.
        worker_shutdown_timeout: Option<std::time::Duration> = "worker_shutdown_timeout",
    }
}
