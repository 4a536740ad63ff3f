//! `limit_conn`: requests at a time for each key (`ngx_http_limit_conn_module.c`).

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::{NODE, key, severities};
use crate::runtime::connection::Connection;
use crate::runtime::request::Request;
use crate::runtime::route::Flow;

/// How many requests each key of a zone has.
#[derive(Debug)]
pub(crate) struct ConnZone {
    counts: Mutex<HashMap<Box<[u8]>, u32>>,
    most: usize,
}

impl ConnZone {
    pub(crate) fn new(size: u64) -> Self {
        let most = usize::try_from(size / NODE).unwrap_or(usize::MAX).max(8);
        Self { counts: Mutex::default(), most }
    }

    /// One more; false if there are as many as may be, or no room for another key.
    fn take(&self, key: &[u8], number: u32) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.len() >= self.most;
        match counts.get_mut(key) {
            Some(count) if *count >= number => false,
            Some(count) => {
                *count += 1;
                true
            }
            None if is_full => false,
            None => {
                counts.insert(key.into(), 1);
                true
            }
        }
    }
}

/// A request that is counted, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    zone: Arc<ConnZone>,
    key: Vec<u8>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.zone.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key[..]) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key[..]);
            }
        }
    }
}

/// `ngx_http_limit_conn_handler`
pub(super) fn check(c: &Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    if r.limit_conn_status.is_some() {
        return None;
    }
    let settings = &plan.limit;
    let dry = settings.conn_dry_run.value;
    for limit in &plan.limits.conn {
        let key = key(c, r, &limit.key);
        if key.is_empty() {
            continue;
        }
        r.limit_conn_status = Some("PASSED");
        if limit.zone.take(&key, limit.limit.number) {
            r.held.push(Held { zone: Arc::clone(&limit.zone), key });
            continue;
        }
        let note = if dry { ", dry run," } else { "" };
        let message = format!("limiting connections{note} by zone \"{}\"", limit.limit.zone);
        c.scope(r).log(severities(settings.conn_log_level.value.0).0, &message, "");
        r.held.clear();
        r.limit_conn_status = Some(if dry { "REJECTED_DRY_RUN" } else { "REJECTED" });
        return (!dry).then_some(Flow::Status(settings.conn_status.value as u16));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_back() {
        let zone = Arc::new(ConnZone::new(32 << 10));
        assert!(zone.take(b"a", 1) && !zone.take(b"a", 1) && zone.take(b"b", 1));
        drop(Held { zone: Arc::clone(&zone), key: b"a".to_vec() });
        assert!(zone.take(b"a", 1));
        assert_eq!(zone.counts.lock().unwrap().len(), 2);
    }
}
