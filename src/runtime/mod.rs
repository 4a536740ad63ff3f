//! `ngxc run`: executes a compiled configuration.
//!
//! The life of a request:
//!
//! 1. `listener` accepts: every worker is a thread with its own event loop, all share the bound sockets.
//! 2. `connection` waits until the client sends; only then it takes a buffer and a `Request`.
//! 3. `http1::head` parses the head where it lies, with nginx's rules, and refuses what nginx refuses.
//! 4. `route` chooses the server, executes `set` and `return`, chooses the location (`eval::select`).
//! 5. `response` answers what the configuration itself answers: `return`, redirections, pages of errors (`page`).
//! 6. `limit` counts it (`limit_req`, `limit_conn`), `access` lets it in (`auth_request` asks elsewhere); `body` reads a
//!    request body into memory or a file, bounded by `client_max_body_size`.
//! 7. `proxy::head` writes the request for the upstream from the headers that `plan` merged at start; for a FastCGI
//!    server `fastcgi` does, and takes the response out of its records.
//! 8. `balancer` chooses a peer; `pool` has an idle connection to it, or `peer` opens one, bound by `proxy_bind`.
//! 9. `proxy::exchange` sends the request and reads the head of the response; if that fails `proxy` tries the next
//!    peer (`proxy_next_upstream`).
//! 10. `proxy::relay` rewrites the head and passes the body. When the response has arrived as a whole the upstream
//!     connection is in the pool again before the first byte goes to the client; head and body leave in one write.
//!     A `cache` may have kept it, or keeps it now. `ledger` counts connections if somebody looks; `outgoing` has what
//!     `--improve` does beyond nginx.
//! 11. `mirror` sends copies; `access_log` writes the line; the next request of the connection begins at 3, or it waits
//!     at 2.
//!
//! What is not as in nginx, on purpose: workers are threads of one process and the process stays in the foreground
//! whatever `daemon` says; copies of `mirror` follow the answer instead of going beside it; responses are passed as they
//! come and never spooled to disk, a slow client slows its upstream; a response that is no HTTP is 502 and not passed on as
//! HTTP/0.9.

mod buffer;
mod clock;
mod log;
mod panic;
mod stream;
mod syslog;
mod timer;
mod tls;

mod http1;
mod http2;

mod listener;
mod plan;
mod proxy_protocol;
mod worker;

mod connection;
mod cookies;
mod counters;
mod request;
mod variable;

mod body;
mod body_file;
mod browser;
mod page;
mod reply;
mod response;

mod charset;
mod gunzip;
mod gzip;
mod gzip_static;
mod headers;
mod not_modified;
mod range;
mod sink;
mod ssi;
mod sub;
mod subrequest;
mod userid;

mod mirror;
mod post_action;
mod route;

mod real_ip;
mod referer;
mod rewrite;

mod access;
mod auth_basic;
mod auth_request;
mod limit;
mod shared;

mod autoindex;
mod empty_gif;
mod file;
mod index;
mod open_file;
mod random_index;
mod secure_link;
mod sendfile;
mod stub_status;
mod symlink;
mod try_files;

mod error_page;
mod fastcgi;
mod refresh;

mod balancer;
mod cache;
mod dns;
mod ledger;
mod live;
mod outgoing;
mod peer;
mod pool;
mod proxy;

mod access_log;
mod unsupported;

mod start;

pub(crate) use http1::uri;
pub use ledger::{BOUNDS, Counts, Ledger, RESULTS, UpstreamCounts};
pub use outgoing::has_port_range;
pub use start::{Reload, RunOptions, Running, StartError, Stop, run, start};
pub use unsupported::unsupported;
