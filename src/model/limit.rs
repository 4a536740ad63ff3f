//! `limit_req`, `limit_conn` and their zones.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::argument::Word;
use super::setting::settings;
use super::value::ComplexValue;
use crate::source::Span;

/// `limit_req_zone`, `limit_conn_zone`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// What is told apart.
    pub key: ComplexValue,
    /// Bytes of memory.
    pub size: u64,
    /// Thousandths of a request a second; 0 for connections.
    pub rate: u64,
    /// The directive.
    pub span: Span,
}

/// One `limit_req`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReq {
    /// Name of the zone.
    pub zone: String,
    /// Thousandths of a request above the rate.
    pub burst: u64,
    /// Thousandths of a request that are not delayed; `u64::MAX`: `nodelay`.
    pub delay: u64,
}

/// One `limit_conn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitConn {
    /// Name of the zone.
    pub zone: String,
    /// Requests at a time.
    pub number: u32,
}

/// A `resolver`: name servers, and how long and as what their answers count.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resolver {
    /// `address`, `address:port` or a name, as written; empty: none.
    pub servers: Vec<super::listen::Endpoint>,
    /// `valid=`
    pub valid: Option<Duration>,
    /// `ipv4=off`
    pub no_ipv4: bool,
    /// `ipv6=off`
    pub no_ipv6: bool,
}

settings! {
    /// Limits, and the resolver.
    pub struct LimitSettings {
        /// Rates of requests.
        req: Vec<LimitReq> = "limit_req",
        /// Status of a request that was refused.
        req_status: u32 = "limit_req_status",
        /// Severity of the log line of one that was refused; of one that was delayed it is a step lower.
        req_log_level: Word = "limit_req_log_level",
        /// Whether requests are only counted.
        req_dry_run: bool = "limit_req_dry_run",
        /// Numbers of requests at a time.
        conn: Vec<LimitConn> = "limit_conn",
        /// Status of a request that was refused.
        conn_status: u32 = "limit_conn_status",
        /// Severity of the log line.
        conn_log_level: Word = "limit_conn_log_level",
        /// Whether requests are only counted.
        conn_dry_run: bool = "limit_conn_dry_run",
        /// Who is asked for names that are known per request.
        resolver: Resolver = "resolver",
        /// How long.
        resolver_timeout: Duration = "resolver_timeout",
    }
}
