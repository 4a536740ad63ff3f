//! Peers and the connections to them: balancers, pools, name servers, TLS, and the cache of responses.

pub(crate) mod balancer;
pub(crate) mod cache;
pub(crate) mod dns;
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod outgoing;
pub(crate) mod peer;
pub(crate) mod pool;
pub(crate) mod state;
pub(crate) mod sticky;
pub(crate) mod tls;
pub(crate) mod upstreams;
