//! Limits of rate and of concurrency: `limit_req`, then `limit_conn` (the preaccess phase).

pub(crate) mod conn;
pub(crate) mod req;

use std::sync::Arc;

use crate::model::limit::{LimitSettings, Zone};
use crate::model::log::Severity;
use crate::model::{ComplexValue, Config};
use crate::runtime::net::shared::Shared;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::limit::conn::ConnZone;
use crate::runtime::request::limit::req::ReqZone;
use crate::runtime::request::limit::{Conn, Limits, Req};
use crate::runtime::request::state::Request;

impl Limits {
    pub(crate) fn new(config: &Config, settings: &LimitSettings, shared: &Shared) -> Self {
        let http = &config.http;
        let req = settings.req.value.iter().filter_map(|limit| {
            let zone = http.limit_req_zones.iter().find(|zone| zone.name == limit.zone)?;
            let (limit, key) = (limit.clone(), zone.key.clone());
            Some(Req {
                limit,
                key,
                rate: zone.rate.max(1),
                zone: shared.kept(name(zone), || Arc::new(ReqZone::new(zone.size))),
            })
        });
        let conn = settings.conn.value.iter().filter_map(|limit| {
            let zone = http.limit_conn_zones.iter().find(|zone| zone.name == limit.zone)?;
            Some(Conn {
                limit: limit.clone(),
                key: zone.key.clone(),
                zone: shared.kept(name(zone), || Arc::new(ConnZone::new(zone.size))),
            })
        });
        Self { req: req.collect(), conn: conn.collect() }
    }

    fn is_empty(&self) -> bool {
        self.req.is_empty() && self.conn.is_empty()
    }
}

/// A zone is found again by name and size.
fn name(zone: &Zone) -> Vec<u8> {
    [zone.name.as_bytes(), b"\0", &zone.size.to_le_bytes()].concat()
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
