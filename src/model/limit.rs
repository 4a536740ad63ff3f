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
    /// Name of the zone.
    pub name: String,
    /// Key of the zone.
    pub key: ComplexValue,
    /// Size in bytes.
    pub size: u64,
    /// Thousandths of a request per second; 0 for connections.
    pub rate: u64,
    /// The directive.
    pub span: Span,
}

/// One `limit_req`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReq {
    /// Name of the zone.
    pub zone: String,
    /// Burst: thousandths of a request above the rate.
    pub burst: u64,
    /// Thousandths of a request that are not delayed; `u64::MAX`: `nodelay`.
    pub delay: u64,
}

/// One `limit_conn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitConn {
    /// Name of the zone.
    pub zone: String,
    /// Largest number of concurrent requests.
    pub number: u32,
}

/// A `resolver`: name servers, and the use of their answers.
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
        /// `limit_req`: request rates.
        req: Vec<LimitReq> = "limit_req",
        /// `limit_req_status`: status of a rejected request.
        req_status: u32 = "limit_req_status",
        /// `limit_req_log_level`: severity of the log line of a rejected request; a delayed one is logged one step
        /// lower.
        req_log_level: Word = "limit_req_log_level",
        /// `limit_req_dry_run`: only count requests.
        req_dry_run: bool = "limit_req_dry_run",
        /// `limit_conn`: numbers of concurrent requests.
        conn: Vec<LimitConn> = "limit_conn",
        /// `limit_conn_status`: status of a rejected request.
        conn_status: u32 = "limit_conn_status",
        /// `limit_conn_log_level`: severity of the log line.
        conn_log_level: Word = "limit_conn_log_level",
        /// `limit_conn_dry_run`: only count requests.
        conn_dry_run: bool = "limit_conn_dry_run",
        /// `resolver`: name servers for names that are evaluated per request.
        resolver: Resolver = "resolver",
        /// `resolver_timeout`: time to resolve a name.
        resolver_timeout: Duration = "resolver_timeout",
    }
}
