//! Access by address: `allow` and `deny` (`ngx_http_access_module.c`), and how `satisfy` joins them with passwords and the
//! answers of others (`ngx_http_core_access_phase`).

use std::rc::Rc;

use crate::model::log::Severity;
use crate::runtime::modules::{auth_basic, auth_request};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::state::Request;

/// The verdict of one access module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Declined,
    Allowed,
    Refused(u16),
}

/// `None` if the request goes on.
pub(crate) async fn check(c: &mut Connection, r: &mut Request) -> Option<Flow> {
    let plan = Rc::clone(&r.plan);
    if !plan.is_restricted {
        return None;
    }
    let any = plan.access.satisfy.value.0 == "any";
    let mut refused = None;
    let modules = [addresses as fn(&Connection, &mut Request) -> Verdict, auth_basic::check];
    for at in 0..=modules.len() {
        let verdict = match modules.get(at) {
            Some(module) => module(c, r),
            None if !auth_request::is_on(&plan.access) => break,
            None => match auth_request::check(c, r).await {
                Ok(verdict) => verdict,
                Err(flow) => return Some(flow),
            },
        };
        match verdict {
            Verdict::Declined => {}
            Verdict::Allowed if any => {
                r.reply.remove(b"WWW-Authenticate");
                return None;
            }
            Verdict::Allowed => {}
            Verdict::Refused(status @ (401 | 403)) if any => {
                if refused != Some(401) {
                    refused = Some(status);
                }
            }
            Verdict::Refused(status) => {
                refused = Some(status);
                break;
            }
        }
    }
    let status = refused?;
    if any && status == 403 {
        c.scope(r).log(Severity::Error, "access forbidden by rule", "");
    }
    let delay = plan.access.auth_delay.value;
    if status == 401 && !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    Some(Flow::Status(status))
}

/// `ngx_http_access_handler`
fn addresses(c: &Connection, r: &mut Request) -> Verdict {
    let address = c.client.remote.map(|a| a.ip());
    let rules = &r.plan.access.rules.value;
    match rules.iter().find(|rule| rule.who.contains(address)) {
        None => Verdict::Declined,
        Some(rule) if rule.allow => Verdict::Allowed,
        Some(_) => {
            if r.plan.access.satisfy.value.0 == "all" {
                c.scope(r).log(Severity::Error, "access forbidden by rule", "");
            }
            Verdict::Refused(403)
        }
    }
}
