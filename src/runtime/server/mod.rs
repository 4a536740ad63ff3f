//! The driver: start and signals, the listener, connections, HTTP/2, the phases of a request, the table of variables.
//! Nobody below knows it; modules that need it (a request inside another one) reach it by `request::worker::Server`.

pub(crate) mod connection;
pub(crate) mod error_page;
pub(crate) mod http2;
pub(crate) mod listener;
pub(crate) mod open;
pub(crate) mod panic;
pub(crate) mod plan;
pub(crate) mod post_action;
pub(crate) mod resolving;
pub(crate) mod route;
pub(crate) mod sendfile;
pub(crate) mod sessions;
pub(crate) mod start;
pub(crate) mod tls_unsupported;
pub(crate) mod unsupported;
pub(crate) mod variable;
pub(crate) mod worker;
