//! Upstreams and their peers (`ngx_http_upstream_module`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limit::Resolver;
use super::listen::Endpoint;
use super::setting::{Setting, settings};
use super::value::ComplexValue;
use crate::source::Span;

/// An upstream of a configuration: its position in [`Http::upstreams`](crate::model::Http::upstreams).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UpstreamId(pub u32);

/// `upstream name { … }`, or what `proxy_pass http://host` implies.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upstream {
    /// Its name; of an implicit one host and port as written.
    pub name: String,
    /// The block's head; of an implicit one the first `proxy_pass`.
    pub span: Span,
    /// Where a directive can be added: just before the closing brace; `None` for an implicit one.
    pub body: Option<Span>,
    /// Peers in source order.
    pub peers: Vec<Peer>,
    /// How a peer is chosen.
    pub balancer: Setting<Balancer>,
    /// The connection cache.
    pub keepalive: KeepaliveSettings,
    /// `keepalive` stands before the balancing method: before 1.29.7 the method replaces the cache.
    pub keepalive_overridden: Option<Span>,
    /// `zone`: state shared by all workers.
    pub zone: Option<Span>,
    /// Who is asked for names with `resolve`; `None`: the resolver of `http`.
    pub resolver: Option<Resolver>,
    /// How long; `None`: as long as in `http`.
    pub resolver_timeout: Option<Duration>,
}

impl Upstream {
    /// Whether it is a bare host in `proxy_pass`, which nginx never pools.
    pub fn is_implicit(&self) -> bool {
        self.body.is_none()
    }

    /// The cache that a worker keeps for it, if it keeps one.
    pub fn pool(&self) -> Option<Pool> {
        let pool = self.keepalive.size.value;
        (!self.is_implicit() && self.keepalive_overridden.is_none()).then_some(pool).flatten()
    }
}

/// One `server` of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Where it is.
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
    /// `resolve`: the name is resolved again and again while nginx runs.
    pub resolve: bool,
    /// The directive.
    pub span: Span,
}

/// How a peer is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    /// Weighted round robin.
    RoundRobin,
    /// `ip_hash`
    IpHash,
    /// `least_conn`
    LeastConn,
    /// `hash key [consistent]`
    Hash {
        /// What is hashed.
        key: ComplexValue,
        /// `consistent`
        consistent: bool,
    },
    /// `random [two [least_conn]]`
    Random {
        /// `two`
        two: bool,
    },
    /// `least_time`, `sticky` and third-party methods.
    Other(#[serde(with = "super::serial::word")] super::serial::word::Known),
}

/// `keepalive connections [local]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Idle connections a worker keeps, from 1.
    pub size: u32,
    /// `local`: a connection is used only by the location that opened it. Since 1.29.7.
    pub local: bool,
}

settings! {
    /// The connection cache of an upstream (`ngx_http_upstream_keepalive_module`).
    pub struct KeepaliveSettings {
        /// The cache; `None`: connections are closed after each request.
        size: Option<Pool> = "keepalive",
        /// Requests on one connection.
        requests: u32 = "keepalive_requests",
        /// Age at which a connection is closed after its request.
        time: Duration = "keepalive_time",
        /// Time an idle connection is kept.
        timeout: Duration = "keepalive_timeout",
    }
}
