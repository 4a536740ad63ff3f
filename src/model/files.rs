//! Settings of how files are opened and sent (`ngx_open_file_cache.c`, sendfile(2)).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::setting::settings;

settings! {
    /// How files are opened and sent.
    pub struct FileSettings {
        /// Whether the kernel copies files to sockets.
        sendfile: bool = "sendfile",
        /// Bytes it copies before others have their turn; 0: any number.
        sendfile_max_chunk: u64 = "sendfile_max_chunk",
        /// Files that stay open; `None`: each is opened anew.
        cache: Option<FileCache> = "open_file_cache",
        /// How long it is not asked whether they are the same still.
        cache_valid: Duration = "open_file_cache_valid",
        /// Uses after which a file stays open.
        cache_min_uses: u32 = "open_file_cache_min_uses",
        /// Whether it is remembered that a file is not there.
        cache_errors: bool = "open_file_cache_errors",
        /// Logs with variables in their path that stay open.
        log_cache: Option<LogFileCache> = "open_log_file_cache",
    }
}

/// `open_file_cache max=N [inactive=time]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCache {
    /// How many, from 1.
    pub max: u32,
    /// One that was not used for longer can go.
    pub inactive: Duration,
}

/// `open_log_file_cache max=N [inactive=time] [min_uses=N] [valid=time]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFileCache {
    /// How many, and how long.
    pub cache: FileCache,
    /// Uses after which a log stays open.
    pub min_uses: u32,
    /// How long it is not asked whether it is the same still.
    pub valid: Duration,
}
