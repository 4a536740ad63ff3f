//! Upstreams and their peers (`ngx_http_upstream_module`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limit::Resolver;
use super::listen::Endpoint;
use super::setting::{Setting, settings};
use super::sticky::Sticky;
use super::value::ComplexValue;
use crate::source::Span;

/// An upstream of a configuration: its position in [`Http::upstreams`](crate::model::Http::upstreams).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UpstreamId(pub u32);

/// `upstream name { … }`, or the implicit upstream of `proxy_pass http://host`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upstream {
    /// Name; for an implicit upstream, host and port as written.
    pub name: String,
    /// The block's head; for an implicit upstream, the first `proxy_pass`.
    pub span: Span,
    /// Insertion point for a directive: just before the closing brace; `None` for an implicit upstream.
    pub body: Option<Span>,
    /// Peers in source order.
    pub peers: Vec<Peer>,
    /// Balancing method.
    pub balancer: Setting<Balancer>,
    /// `sticky`
    pub sticky: Option<Sticky>,
    /// The connection cache.
    pub keepalive: KeepaliveSettings,
    /// `keepalive` before the balancing method: before 1.29.7 the method replaces the cache.
    pub keepalive_overridden: Option<Span>,
    /// `balancer_by_lua_…`: a script chooses the peer, and the servers only hold the place.
    pub is_scripted: bool,
    /// `zone`: state shared by all workers.
    pub zone: Option<Span>,
    /// `resolver` for peers with `resolve`; `None`: the resolver of `http`.
    pub resolver: Option<Resolver>,
    /// `resolver_timeout`; `None`: that of `http`.
    pub resolver_timeout: Option<Duration>,
}

impl Upstream {
    /// True for a bare host in `proxy_pass`, whose connections nginx never keeps.
    pub fn is_implicit(&self) -> bool {
        self.body.is_none()
    }

    /// Connection cache of a worker for the upstream, if there is one.
    pub fn pool(&self) -> Option<Pool> {
        let pool = self.keepalive.size.value;
        (!self.is_implicit() && self.keepalive_overridden.is_none()).then_some(pool).flatten()
    }
}

/// One `server` of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Address of the peer.
    pub endpoint: Endpoint,
    /// Name as written.
    pub name: String,
    /// `weight=`, from 1.
    pub weight: u32,
    /// `max_fails=`; 0: never unavailable.
    pub max_fails: u32,
    /// `fail_timeout=`
    pub fail_timeout: Duration,
    /// `max_conns=`; 0: any number.
    pub max_conns: u32,
    /// `backup`
    pub backup: bool,
    /// `down`
    pub down: bool,
    /// `resolve`: the name is resolved again while nginx runs.
    pub resolve: bool,
    /// `route=`: name of the peer for `sticky`; empty: the MD5 of its address.
    pub route: String,
    /// `drain`: only requests of known sessions.
    pub drain: bool,
    /// The directive.
    pub span: Span,
}

/// Balancing method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Balancer {
    /// Weighted round robin.
    RoundRobin,
    /// `ip_hash`
    IpHash,
    /// `least_conn`
    LeastConn,
    /// `hash key [consistent]`
    Hash {
        /// Text to hash.
        key: ComplexValue,
        /// `consistent`
        consistent: bool,
    },
    /// `random [two [least_conn]]`
    Random {
        /// `two`
        two: bool,
    },
    /// `least_time` and third-party methods.
    Other(#[serde(with = "super::serial::word")] super::serial::word::AcceptedWord),
}

/// `keepalive connections [local]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Idle connections a worker keeps, from 1.
    pub size: u32,
    /// `local`: only the location that opened a connection uses it again. Since 1.29.7.
    pub local: bool,
}

settings! {
    /// The connection cache of an upstream (`ngx_http_upstream_keepalive_module`).
    pub struct KeepaliveSettings {
        /// `keepalive`: the cache; `None`: connections are closed after each request.
        size: Option<Pool> = "keepalive",
        /// `keepalive_requests`: requests on one connection.
        requests: u32 = "keepalive_requests",
        /// `keepalive_time`: age at which a connection is closed after its request.
        time: Duration = "keepalive_time",
        /// `keepalive_timeout`: time that an idle connection is kept.
        timeout: Duration = "keepalive_timeout",
    }
}
