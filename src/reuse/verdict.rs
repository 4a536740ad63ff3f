//! The verdict: whether a leaf's connections to a target are used again, and if not, the first reason why.

use std::collections::HashSet;

use super::connection::{Connection, connections};
use super::leaf::Leaf;
use super::target::Reached;
use crate::model::proxy::HttpVersion;
use crate::model::{Config, Endpoint, Upstream};

/// Why connections are not used again, in the order in which causes are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A host without an `upstream` block: nginx keeps no connection to it in any version.
    NoUpstream,
    /// uwsgi and SCGI cannot keep connections.
    Protocol,
    /// The upstream has no `keepalive`, or `keepalive 0`, or the balancer switched it off.
    NoPool,
    /// `keepalive_requests 1`, `keepalive_timeout 0`.
    Lifetime,
    /// HTTP/1.0.
    Version,
    /// `Connection: close`.
    Connection(Connection),
    /// `fastcgi_keep_conn off`.
    FastcgiKeepConn,
    /// The pool is smaller than the number of peers, so round robin evicts each connection before it comes round.
    PoolTooSmall,
    /// The pool is kept per location, and the locations that share its slots are too many for it.
    Fragmented,
}

/// Whether connections are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each connection serves many requests.
    Reused,
    /// None does.
    NotReused(Cause),
    /// Some do.
    Partly(Cause),
    /// It depends on what the request says.
    Unknown,
}

/// The verdict for a leaf and something that it reaches.
pub fn verdict(config: &Config, leaf: &Leaf<'_>, reached: &Reached<'_>) -> Verdict {
    judge(leaf, reached, &connections(config, leaf))
}

/// The same, when it is known what the leaf sends as `Connection`.
pub(super) fn judge(leaf: &Leaf<'_>, reached: &Reached<'_>, sent: &[Connection]) -> Verdict {
    let upstream = match reached {
        Reached::Unknown => return Verdict::Unknown,
        Reached::Bare(..) | Reached::Unix(_) => return Verdict::NotReused(Cause::NoUpstream),
        Reached::Upstream(upstream) => upstream,
    };
    if matches!(leaf.directive, "uwsgi_pass" | "scgi_pass") {
        return Verdict::NotReused(Cause::Protocol);
    }
    let Some(pool) = upstream.pool() else { return Verdict::NotReused(Cause::NoPool) };
    if upstream.keepalive.requests.value <= 1 || upstream.keepalive.timeout.value.is_zero() {
        return Verdict::NotReused(Cause::Lifetime);
    }
    match willing(leaf, sent) {
        // Peers are counted only where there may be too many.
        Verdict::Reused
            if (pool.size as usize) < upstream.peers.len()
                && (pool.size as usize) < distinct_peers(upstream) =>
        {
            Verdict::Partly(Cause::PoolTooSmall)
        }
        other => other,
    }
}

/// Whether the requests of a leaf let a connection live.
fn willing(leaf: &Leaf<'_>, sent: &[Connection]) -> Verdict {
    match leaf.directive {
        "fastcgi_pass" if !leaf.location.settings.reuse.fastcgi_keep_conn.value => {
            return Verdict::NotReused(Cause::FastcgiKeepConn);
        }
        "proxy_pass" => {}
        _ => return Verdict::Reused,
    }
    let version = leaf.proxy().http_version.value;
    if version == HttpVersion::Http2 {
        return Verdict::Reused;
    }
    if version == HttpVersion::Http10 && !sent.contains(&Connection::KeepAlive) {
        return Verdict::NotReused(Cause::Version);
    }
    let closing = sent.iter().copied().find(|c| c.closes());
    match closing {
        Some(client @ Connection::Client(_)) => Verdict::Partly(Cause::Connection(client)),
        Some(cause) if sent.iter().all(|c| c.closes()) => Verdict::NotReused(Cause::Connection(cause)),
        Some(cause) => Verdict::Partly(Cause::Connection(cause)),
        None if sent.iter().all(|c| *c == Connection::Other) => Verdict::Unknown,
        None => Verdict::Reused,
    }
}

/// Peers that take requests and are not the same address twice.
pub fn distinct_peers(upstream: &Upstream) -> usize {
    let in_turn = upstream.peers.iter().filter(|p| !p.down && !p.backup);
    in_turn.map(|peer| &peer.endpoint).collect::<HashSet<&Endpoint>>().len()
}

impl Cause {
    /// In a few words, for tables.
    pub fn text(self) -> &'static str {
        match self {
            Cause::NoUpstream => "no upstream block",
            Cause::Protocol => "the protocol closes",
            Cause::NoPool => "no keepalive",
            Cause::Lifetime => "connections are closed after each request",
            Cause::Version => "HTTP/1.0",
            Cause::Connection(Connection::CloseByDefault) => "nginx sends Connection: close",
            Cause::Connection(Connection::Client(_)) => "Connection comes from the client",
            Cause::Connection(_) => "Connection: close is set",
            Cause::FastcgiKeepConn => "fastcgi_keep_conn off",
            Cause::PoolTooSmall => "pool smaller than the peers",
            Cause::Fragmented => "pool divided among too many locations",
        }
    }
}
