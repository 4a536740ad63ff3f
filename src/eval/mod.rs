//! Evaluation of a configuration for a request: variables, maps, splits, the choice of server and location.
//!
//! Simulator and runtime share the module: the preview is what the runtime serves.

pub mod address;
pub mod forwarded;
pub mod geo;
pub mod hash;
pub mod inet;
pub mod log_format;
pub mod map;
pub mod names;
pub mod regex;
pub mod request;
pub mod select;
pub mod split_clients;
pub mod uri;
pub mod value;

pub use regex::{Captures, CompileError};
pub use request::{Failure, Request};
pub use select::Router;
pub use value::Program;

#[cfg(test)]
#[allow(unreachable_pub, missing_docs, clippy::unused_self, reason = "shared with tests/")]
pub(crate) mod testing {
    extern crate self as ngxc;
    include!("../../tests/common/config.rs");
}
