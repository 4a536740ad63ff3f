//! `ngxc run`: executes a compiled configuration.
//!
//! The folders, none of which knows one that stands above it (`tests/it/layers/`):
//!
//! | folder | what |
//! |---|---|
//! | `process` | the master process and the worker process |
//! | `server` | drives: start, listener, connections, HTTP/2, phases, table of variables |
//! | `stream` | sessions of `stream`: TCP and UDP |
//! | `modules`, `proxy` | who answers, refuses or changes a request; who passes it on |
//! | `filters`, `fastcgi` | what changes a response; the protocol towards FastCGI servers |
//! | `request` | a request and what is known of it, its connection, its plan, its worker |
//! | `upstream` | balancers, pools, peers, names, cache |
//! | `net` | sockets, timers, buffers, clock, logs, TLS, HTTP's syntax, counters |
//!
//! The life of a request:
//!
//! 1. `server::listener` accepts: every worker is a thread with its own event loop, all share the bound sockets.
//! 2. `server::connection` waits until the client sends; only then it takes a buffer and a `Request`.
//! 3. `net::http1::head` parses the head where it lies, with nginx's rules, and refuses what nginx refuses.
//! 4. `server::route` chooses the server, executes `set` and `return`, chooses the location (`eval::select`).
//! 5. `server::error_page` answers with pages of errors; `filters::response` runs the filters of any answer and writes its
//!    head.
//! 6. `modules::limit` counts it (`limit_req`, `limit_conn`), `modules::access` lets it in (`auth_request` asks elsewhere);
//!    `request::body` reads a request body into memory or a file, bounded by `client_max_body_size`.
//! 7. `proxy::head` writes the request for the upstream from the headers that `server::plan` merged at start; for a
//!    FastCGI, SCGI or uwsgi server `fastcgi` does, and takes a response of FastCGI out of its records.
//! 8. `upstream::balancer` chooses a peer; `upstream::pool` has an idle connection to it, or `upstream::peer` opens one,
//!    bound by `proxy_bind`.
//! 9. `proxy::exchange` sends the request and reads the head of the response; if that fails `proxy` tries the next
//!    peer (`proxy_next_upstream`).
//! 10. `proxy::relay` rewrites the head and passes the body. When the response has arrived as a whole the upstream
//!     connection is in the pool again before the first byte goes to the client; head and body leave in one write. A longer
//!     response is read on while the client is waited for (`proxy::pipe`), into memory and a temporary file (`proxy::spool`).
//!     `upstream::cache` may have kept it, or keeps it now. `net::ledger` counts connections if somebody looks;
//!     `upstream::outgoing` has what `--improve` does beyond nginx.
//! 11. `modules::mirror` sends copies; `modules::access_log` writes the line; the next request of the connection begins at
//!     3, or it waits at 2.
//!
//! Differences from nginx, on purpose: workers are threads of one worker process, and a reload does not
//! replace it; copies of `mirror` follow the answer instead of going beside it; a response that is no HTTP is 502 and not
//! passed on as HTTP/0.9.

pub(crate) mod net;

pub(crate) mod upstream;

pub(crate) mod request;

pub(crate) mod fastcgi;
pub(crate) mod filters;

pub(crate) mod modules;
pub(crate) mod proxy;

pub(crate) mod stream;

pub(crate) mod server;

pub(crate) mod process;

pub use crate::runtime::net::ledger::{BOUNDS, Counts, Ledger, RESULTS, UpstreamCounts};
pub use crate::runtime::process::child::TITLE as WORKER_TITLE;
pub use crate::runtime::process::daemon::{VARIABLE as DAEMON_VARIABLE, start_daemon};
pub use crate::runtime::process::inherit::numbers as inherited_numbers;
pub use crate::runtime::process::run;
pub use crate::runtime::process::surroundings::Surroundings;
pub use crate::runtime::process::worker::{Metrics, work};
pub use crate::runtime::server::start::signal::Reload;
pub use crate::runtime::server::start::{RunOptions, Running, StartError, Stop, start};
pub use crate::runtime::server::unsupported::unsupported;
pub use crate::runtime::upstream::outgoing::has_port_range;
