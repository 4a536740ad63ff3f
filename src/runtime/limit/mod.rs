//! How often and how many at a time: `limit_req`, then `limit_conn` (the preaccess phase).

mod conn;
mod req;

use std::sync::Arc;

pub(crate) use conn::{ConnZone, Held};
pub(crate) use req::ReqZone;

use super::connection::Connection;
use super::request::Request;
use super::route::Flow;
use super::shared::Shared;
use crate::model::limit::{LimitConn, LimitReq, LimitSettings};
use crate::model::log::Severity;
use crate::model::{ComplexValue, Config};

/// Bytes of a zone that one key takes, about as nginx's slabs give them out.
const NODE: u64 = 128;

/// The limits of a level, with their zones.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    req: Vec<Req>,
    conn: Vec<Conn>,
}

#[derive(Debug)]
struct Req {
    limit: LimitReq,
    key: ComplexValue,
    /// Thousandths of a request a second.
    rate: u64,
    zone: Arc<ReqZone>,
}

#[derive(Debug)]
struct Conn {
    limit: LimitConn,
    key: ComplexValue,
    zone: Arc<ConnZone>,
}

impl Limits {
    pub(crate) fn new(config: &Config, settings: &LimitSettings, shared: &Shared) -> Self {
        let http = &config.http;
        let req = settings.req.value.iter().filter_map(|limit| {
            let zone = http.limit_req_zones.iter().find(|zone| zone.name == limit.zone)?;
            let (limit, key) = (limit.clone(), zone.key.clone());
            Some(Req { limit, key, rate: zone.rate.max(1), zone: shared.req(zone) })
        });
        let conn = settings.conn.value.iter().filter_map(|limit| {
            let zone = http.limit_conn_zones.iter().find(|zone| zone.name == limit.zone)?;
            Some(Conn { limit: limit.clone(), key: zone.key.clone(), zone: shared.conn(zone) })
        });
        Self { req: req.collect(), conn: conn.collect() }
    }

    fn is_empty(&self) -> bool {
        self.req.is_empty() && self.conn.is_empty()
    }
}

/// `None` if the request goes on, perhaps later.
pub(crate) async fn check(c: &mut Connection, r: &mut Request) -> Option<Flow> {
    if r.plan.limits.is_empty() {
        return None;
    }
    if let Some(flow) = req::check(c, r).await {
        return Some(flow);
    }
    conn::check(c, r)
}

/// The severity that a setting names, and the next lower one.
fn severities(word: &str) -> (Severity, Severity) {
    match word {
        "info" => (Severity::Info, Severity::Info),
        "notice" => (Severity::Notice, Severity::Info),
        "warn" => (Severity::Warn, Severity::Notice),
        _ => (Severity::Error, Severity::Warn),
    }
}

/// The value of a zone's key; empty: the request is not counted.
fn key(c: &Connection, r: &mut Request, value: &ComplexValue) -> Vec<u8> {
    let mut key = Vec::new();
    c.scope(r).evaluate(value, &mut key);
    if key.len() > 65_535 {
        let shown = String::from_utf8_lossy(&key[..64]).into_owned();
        let message = format!("the value of the key is more than 65535 bytes: \"{shown}...\"");
        c.scope(r).log(Severity::Error, &message, "");
        key.clear();
    }
    key
}
