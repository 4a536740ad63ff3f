//! The ground, which knows no request: sockets, timers, buffers, clocks, logs, TLS, the syntax of HTTP, counters.

pub(crate) mod buffer;
pub(crate) mod clock;
pub(crate) mod counters;
pub(crate) mod file_cache;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod ledger;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod path;
pub(crate) mod proxy_protocol;
pub(crate) mod random;
pub(crate) mod recoder;
pub(crate) mod reset;
pub(crate) mod shared;
pub(crate) mod stream;
pub(crate) mod symlink;
pub(crate) mod syslog;
pub(crate) mod text;
pub(crate) mod timer;
pub(crate) mod tls;
