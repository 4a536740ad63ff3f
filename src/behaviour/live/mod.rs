//! Cases through a server on loopback: the configuration is rewritten so that it listens on ports of its own, passes
//! everything to stubs, and has its files below a directory of its own; then it is asked what the cases ask.
//!
//! Nothing here starts a server: the caller starts `ngxc run` or nginx with the text of a [`Session`].

mod back;
mod client;
mod fastcgi;
mod hindrance;
mod observed;
mod ports;
mod rewrite;
mod session;
mod stub;
mod tables;
mod tls;
mod word;

pub use observed::ObservedTreatment;
pub use session::{Session, is_unseen};
