//! Reuse of upstream connections: for each leaf of a configuration and each target that it can reach, a verdict and its
//! cause.
//!
//! A leaf is a location, `if` or `limit_except` that passes requests on. The facts behind the verdicts were measured
//! against nginx before and since 1.29.7, by counting connections.

mod capture;
mod connection;
mod fold;
mod leaf;
mod overview;
mod target;
mod verdict;

pub use connection::{Connection, connections, upgrade_map};
pub use fold::{Values, fold};
pub use leaf::{Leaf, leaves};
pub use overview::{JudgedLeaf, Overview};
pub use target::{ReachedTarget, fixed_parts, has_variable_host, targets};
pub use verdict::{Cause, Verdict, distinct_peers, verdict};

use crate::version::Version;

/// First version that keeps connections to explicit upstreams by default, speaks HTTP/1.1 and sends no
/// `Connection: close`.
pub const DEFAULT_KEEPALIVE: Version = Version::new(1, 29, 7);

/// Newest stable version before [`DEFAULT_KEEPALIVE`].
pub const BEFORE_DEFAULT_KEEPALIVE: Version = Version::new(1, 28, 3);
