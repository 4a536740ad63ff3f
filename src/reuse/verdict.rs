//! The verdict: reuse of a leaf's connections to a target, and otherwise the first reason against it.

use std::collections::HashSet;

use super::connection::{Connection, connections};
use super::leaf::Leaf;
use super::target::ReachedTarget;
use crate::model::proxy::HttpVersion;
use crate::model::{Config, Endpoint, Upstream};

/// Reason against reuse, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A host without an `upstream` block: no version of nginx keeps connections to it.
    NoUpstream,
    /// uwsgi and SCGI cannot keep connections.
    Protocol,
    /// The upstream has no `keepalive`, or `keepalive 0`, or the balancer disables it.
    NoPool,
    /// `keepalive_requests 1`, `keepalive_timeout 0`.
    Lifetime,
    /// HTTP/1.0.
    Version,
    /// `Connection: close`.
    Connection(Connection),
    /// `fastcgi_keep_conn off`.
    FastcgiKeepConn,
    /// The pool is smaller than the number of peers, so round robin evicts each connection before its peer's next turn.
    PoolTooSmall,
    /// The pool is kept per location, and too many locations share its slots.
    Fragmented,
}

/// Verdict on reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each connection serves many requests.
    Reused,
    /// No connection does.
    NotReused(Cause),
    /// Some connections do.
    Partly(Cause),
    /// The request decides.
    Unknown,
}

/// Verdict for a leaf and one of its targets.
pub fn verdict(config: &Config, leaf: &Leaf<'_>, reached: &ReachedTarget<'_>) -> Verdict {
    judge(leaf, reached, &connections(config, leaf))
}

/// Verdict for a leaf whose `Connection` headers are known.
pub(super) fn judge(leaf: &Leaf<'_>, reached: &ReachedTarget<'_>, sent: &[Connection]) -> Verdict {
    let upstream = match reached {
        ReachedTarget::Unknown => return Verdict::Unknown,
        ReachedTarget::Bare(..) | ReachedTarget::Unix(_) => return Verdict::NotReused(Cause::NoUpstream),
        ReachedTarget::Upstream(upstream) => upstream,
    };
    if matches!(leaf.directive, "uwsgi_pass" | "scgi_pass") {
        return Verdict::NotReused(Cause::Protocol);
    }
    let Some(pool) = upstream.pool() else { return Verdict::NotReused(Cause::NoPool) };
    if upstream.keepalive.requests.value <= 1 || upstream.keepalive.timeout.value.is_zero() {
        return Verdict::NotReused(Cause::Lifetime);
    }
    match willing(leaf, sent) {
        // The peers are counted only if there may be too many.
        Verdict::Reused
            if (pool.size as usize) < upstream.peers.len()
                && (pool.size as usize) < distinct_peers(upstream) =>
        {
            Verdict::Partly(Cause::PoolTooSmall)
        }
        other => other,
    }
}

/// Verdict of the leaf's own settings: do its requests keep a connection open?
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

/// Number of peers with different addresses that take requests.
pub fn distinct_peers(upstream: &Upstream) -> usize {
    let in_turn = upstream.peers.iter().filter(|p| !p.down && !p.backup);
    in_turn.map(|peer| &peer.endpoint).collect::<HashSet<&Endpoint>>().len()
}

impl Cause {
    /// Short text, for tables.
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
