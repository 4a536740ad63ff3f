//! What only this host can tell: files, users and host names that a configuration needs (`--host`).
//!
//! `nginx -t` fails where one is missing. A check in CI runs elsewhere, so this is asked for, and its findings are
//! a class of their own.
