//! One file for each module of nginx that answers, refuses or changes a request. A module knows filters, `request`,
//! `upstream` and `net`; the order in which modules have their turn is that of `server::route`.

pub(crate) mod access;
pub(crate) mod access_log;
pub(crate) mod auth_basic;
pub(crate) mod auth_request;
pub(crate) mod autoindex;
pub(crate) mod browser;
pub(crate) mod empty_gif;
pub(crate) mod gzip_static;
pub(crate) mod handshake;
pub(crate) mod index;
pub(crate) mod limit;
pub(crate) mod mirror;
pub(crate) mod proxy_header;
pub(crate) mod proxy_protocol;
pub(crate) mod random_index;
pub(crate) mod real_ip;
pub(crate) mod referer;
pub(crate) mod refresh;
pub(crate) mod rewrite;
pub(crate) mod secure_link;
pub(crate) mod static_file;
pub(crate) mod stub_status;
pub(crate) mod tls;
pub(crate) mod try_files;
