//! Parts that `--metrics` of `ngxc run` and of `ngxc doctor` share: the little server, the text that Prometheus reads, and one look
//! at the sockets of a network namespace.

pub(super) mod exposition;
pub(super) mod kernel;
pub(super) mod server;
