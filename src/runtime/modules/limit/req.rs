//! `limit_req`: a leaky bucket for each key (`ngx_http_limit_req_module.c`).

use std::rc::Rc;
use std::time::Duration;

use crate::runtime::modules::limit::{key, severities};
use crate::runtime::net::clock::Clock;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::limit::Req;
use crate::runtime::request::limit::req::Verdict;
use crate::runtime::request::state::Request;

/// `ngx_http_limit_req_handler`
pub(crate) async fn check(c: &mut Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    let limits = &plan.limits.req;
    if limits.is_empty() || r.limit_req_status.is_some() {
        return None;
    }
    let settings = &plan.limit;
    let (refused, delayed) = severities(settings.req_log_level.value.0);
    let dry = settings.req_dry_run.value;
    let note = if dry { ", dry run" } else { "" };
    let now = u64::try_from(Clock::now().as_millis()).unwrap_or(u64::MAX);
    let mut waiting: Vec<(&Req, Vec<u8>)> = Vec::new();
    let mut worst: Option<(u64, u64, &Req)> = None;
    let mut is_counted = false;
    for (n, limit) in limits.iter().enumerate() {
        let key = key(c, r, &limit.key);
        if key.is_empty() {
            continue;
        }
        is_counted = true;
        let is_last = n + 1 == limits.len();
        match limit.zone.lookup(&key, limit.rate, limit.limit.burst, is_last, now) {
            Verdict::Busy(excess) => {
                let message = format!(
                    "limiting requests{note}, excess: {}.{:03} by zone \"{}\"",
                    excess / 1000,
                    excess % 1000,
                    limit.limit.zone
                );
                c.scope(r).log(refused, &message, "");
                r.limit_req_status = Some(if dry { "REJECTED_DRY_RUN" } else { "REJECTED" });
                return (!dry).then_some(Flow::Status(settings.req_status.value as u16));
            }
            Verdict::Fits(excess) if is_last => worst = Some((wait(limit, excess), excess, limit)),
            Verdict::Fits(_) => waiting.push((limit, key)),
        }
    }
    if !is_counted {
        return None;
    }
    for (limit, key) in waiting.into_iter().rev() {
        let excess = limit.zone.account(&key, limit.rate, now);
        let time = wait(limit, excess);
        if worst.is_none_or(|(longest, ..)| time > longest) {
            worst = Some((time, excess, limit));
        }
    }
    let Some((time, excess, limit)) = worst.filter(|(time, ..)| *time > 0) else {
        r.limit_req_status = Some("PASSED");
        return None;
    };
    let message = format!(
        "delaying request{note}, excess: {}.{:03}, by zone \"{}\"",
        excess / 1000,
        excess % 1000,
        limit.limit.zone
    );
    c.scope(r).log(delayed, &message, "");
    r.limit_req_status = Some(if dry { "DELAYED_DRY_RUN" } else { "DELAYED" });
    if !dry && c.pause(Duration::from_millis(time)).await.is_err() {
        r.status = 499;
        return Some(Flow::Abort);
    }
    None
}

/// Milliseconds that a request has to wait.
fn wait(limit: &Req, excess: u64) -> u64 {
    excess.saturating_sub(limit.limit.delay) * 1000 / limit.rate
}
