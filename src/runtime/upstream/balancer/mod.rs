//! The choice of a peer: one algorithm a file.

pub(crate) mod consistent;
pub(crate) mod hash;
pub(crate) mod ip_hash;
pub(crate) mod least_conn;
pub(crate) mod peers;
pub(crate) mod random;
pub(crate) mod round_robin;

use std::sync::{Arc, Mutex};

use md5::{Digest, Md5};

use crate::model::upstream::Balancer as Method;
use crate::model::{ComplexValue, Peer, Upstream};
use crate::runtime::upstream::balancer::peers::Peers;
use crate::runtime::upstream::balancer::round_robin::RoundRobin;
use crate::runtime::upstream::peer::Resolved;

/// A balancer that all workers ask (`zone`), or one of a worker alone.
pub(crate) type SharedBalancer = Arc<Mutex<Box<dyn Balancer + Send>>>;

/// The peers that a request has tried so far (`ngx_http_upstream_rr_peer_data_t`).
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// Peers that were tried, by position.
    pub(crate) tried: Vec<usize>,
    /// Number of peers that may still be tried.
    pub(crate) tries: usize,
    /// The backup peers have their turn.
    pub(crate) backup: bool,
    /// The hashed key.
    key: Vec<u8>,
    /// The hash so far, and how often it was made anew.
    hash: u32,
    rehash: u32,
    /// Peers that a method found and could not use; after twenty it is round robin's turn.
    misses: u32,
    /// Name of the peer that the request asks for (`sticky`).
    pub(crate) hint: Option<Box<[u8]>>,
}

impl Attempt {
    /// Counts another miss; true if there were too many.
    fn miss(&mut self) -> bool {
        self.misses += 1;
        self.misses > 20
    }
}

/// Outcome of an attempt, reported with [`Balancer::free`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    /// The peer gave no valid response.
    Failed,
    /// The peer was never asked because no local port was free (`--improve`): neither its failure nor its recovery.
    Unasked,
}

/// Chooses peers for requests.
pub(crate) trait Balancer {
    /// The peers.
    fn peers(&mut self) -> &mut Peers;

    /// A request begins; `key` is what its method hashes.
    fn start(&mut self, key: &[u8]) -> Attempt {
        let mut attempt = self.peers().start();
        attempt.key.extend_from_slice(key);
        attempt
    }

    /// The next peer by its position in the upstream; `None`: no live upstreams. `now` in seconds.
    fn get(&mut self, attempt: &mut Attempt, now: u64) -> Option<usize>;

    /// A peer has accepted a connection (`ngx_stream_upstream_notify_round_robin_peer`).
    fn connected(&mut self, peer: usize) {
        self.peers().connected(peer);
    }

    /// Gives a peer back; true if it is disabled from now on.
    fn free(&mut self, attempt: &mut Attempt, peer: usize, outcome: Outcome, now: u64) -> bool {
        self.peers().free(attempt, peer, outcome, now)
    }
}

/// The key that a method hashes.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    None,
    /// The client's address.
    Address,
    Value(ComplexValue),
}

impl Key {
    pub(crate) fn of(method: &Method) -> Self {
        match method {
            Method::IpHash => Key::Address,
            Method::Hash { key, .. } => Key::Value(key.clone()),
            _ => Key::None,
        }
    }
}

/// The balancer of an upstream, whose peers have names for `sticky`: that of `route=`, or the MD5 of the address
/// (`ngx_http_upstream_create_sid`).
pub(crate) fn of(upstream: &Upstream, placed: &[(usize, Resolved)]) -> Box<dyn Balancer + Send> {
    let peers = placed.iter().map(|(at, _)| &upstream.peers[*at]);
    let mut balancer = new(&upstream.balancer.value, peers);
    if upstream.sticky.is_some() {
        let name = |(at, (_, name)): &(usize, Resolved)| match upstream.peers[*at].route.as_bytes() {
            b"" => hex(&Md5::digest(name)).into_bytes().into(),
            route => route.into(),
        };
        balancer.peers().name(placed.iter().map(name));
    }
    balancer
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

/// The balancer of a method; `peers` with the address each was resolved to from the name that is written.
fn new<'a>(method: &Method, peers: impl Iterator<Item = &'a Peer> + Clone) -> Box<dyn Balancer + Send> {
    match method {
        Method::RoundRobin | Method::Other(_) => Box::new(RoundRobin::new(peers)),
        Method::LeastConn => Box::new(least_conn::LeastConn::new(Peers::new(peers))),
        Method::IpHash => Box::new(ip_hash::IpHash::new(Peers::new(peers))),
        Method::Hash { consistent: false, .. } => Box::new(hash::Hash::new(Peers::new(peers))),
        Method::Hash { .. } => {
            let names = peers.clone().map(|peer| peer.name.as_str());
            Box::new(consistent::Consistent::new(Peers::new(peers.clone()), names))
        }
        Method::Random { two } => Box::new(random::Random::new(Peers::new(peers), *two)),
    }
}
