//! Helpers that the integration tests share.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "no program of the tests needs all of it; a failed unwrap is a failed test; skips are said aloud"
)]

pub mod browser;
pub mod config;
pub mod corpus;
pub mod examples;
pub mod fastcgi;
pub mod http;
pub mod nginx;
pub mod port;
pub mod proxy;
pub mod server;

pub use config::Builder;
