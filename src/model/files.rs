//! Settings of opening and sending files (`ngx_open_file_cache.c`, sendfile(2)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setting::settings;

settings! {
    /// Opening and sending files.
    pub struct FileSettings {
        /// `sendfile`: the kernel copies files to sockets.
        sendfile: bool = "sendfile",
        /// `sendfile_max_chunk`: bytes in one call, before other connections have their turn; 0: unlimited.
        sendfile_max_chunk: u64 = "sendfile_max_chunk",
        /// `open_file_cache`: cache of open files; `None`: each file is opened anew.
        cache: Option<FileCache> = "open_file_cache",
        /// `open_file_cache_valid`: time before an entry is checked again.
        cache_valid: Duration = "open_file_cache_valid",
        /// `open_file_cache_min_uses`: uses after which a file stays open.
        cache_min_uses: u32 = "open_file_cache_min_uses",
        /// `open_file_cache_errors`: cache errors such as a missing file.
        cache_errors: bool = "open_file_cache_errors",
        /// `open_log_file_cache`: open logs whose path has variables.
        log_cache: Option<LogFileCache> = "open_log_file_cache",
    }
}

/// `open_file_cache max=N [inactive=time]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCache {
    /// Number of entries, from 1.
    pub max: u32,
    /// Entries unused for this time are removed.
    pub inactive: Duration,
}

/// `open_log_file_cache max=N [inactive=time] [min_uses=N] [valid=time]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFileCache {
    /// Number of entries, and their lifetime.
    pub cache: FileCache,
    /// Uses after which a log stays open.
    pub min_uses: u32,
    /// Time before an entry is checked again.
    pub valid: Duration,
}
