//! Access by the answer of another location (`ngx_http_auth_request_module.c`).

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use crate::model::access::AccessSettings;
use crate::model::log::Severity;
use crate::runtime::modules::access::Verdict;
use crate::runtime::modules::rewrite;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::flow::Flow;
use crate::runtime::request::sink::Sink;
use crate::runtime::request::state::Request;
use crate::runtime::request::{reply, subrequest};
use crate::version::Version;

/// True if a location is asked.
pub(crate) fn is_on(access: &AccessSettings) -> bool {
    access.auth_request.value != "off"
}

/// Asks the location of `auth_request`: 2xx lets the client in, 401 and 403 do not.
///
/// # Errors
/// The subrequest has no response: the client closed the connection, or the subrequests form a cycle.
pub(crate) fn check<'a>(
    c: &'a mut Connection,
    r: &'a mut Request,
) -> Pin<Box<dyn Future<Output = Result<Verdict, Flow>> + 'a>> {
    Box::pin(async move {
        let plan = Rc::clone(&r.plan);
        let uri = plan.access.auth_request.value.clone().into_bytes();
        let Ok(mut sub) = subrequest::begin(c, r, uri, Vec::new()) else { return Err(Flow::Status(500)) };
        sub.only_head = true;
        subrequest::share_head(r, &mut sub);
        let sink = c.sink.replace(Sink::Nothing);
        let (flow, _) = subrequest::answer(c, &mut sub).await;
        c.sink = sink;
        let status = sub.status;
        // In the request that was asked, as long as it has the head.
        let mut values = Vec::new();
        for assignment in plan.access.auth_request_set.value.iter().filter(|_| flow != Flow::Abort) {
            let mut value = Vec::new();
            c.scope(&mut sub).evaluate(&assignment.value, &mut value);
            values.push((assignment.variable, value));
        }
        subrequest::share_head(r, &mut sub);
        for (variable, value) in values {
            rewrite::set(c, r, variable, value);
        }
        if status == 401 {
            // Earlier versions pass on one (`changes.xml`).
            let most = if c.worker.config.version < Version::new(1, 23, 0) { 1 } else { usize::MAX };
            challenge(r, &sub, most);
        }
        c.worker.give_request(sub);
        match status {
            _ if flow == Flow::Abort => Err(Flow::Abort),
            401 | 403 => Ok(Verdict::Refused(status)),
            200..=299 => Ok(Verdict::Allowed),
            _ => {
                let message = format!("auth request unexpected status: {status}");
                c.scope(r).log(Severity::Error, &message, "");
                Ok(Verdict::Refused(500))
            }
        }
    })
}

/// The client gets the questions of a 401, also those that `proxy_hide_header` hides.
fn challenge(r: &mut Request, sub: &Request, most: usize) {
    let shown = reply::values(&sub.reply.lines, "www_authenticate");
    let mut questions: Vec<&[u8]> = shown.collect();
    if questions.is_empty() {
        let head = &sub.upstream_head;
        let after = memchr::memchr(b'\n', head).map_or(head.len(), |lf| lf + 1);
        questions = reply::values(&head[after..], "www_authenticate").collect();
    }
    for question in questions.into_iter().take(most) {
        r.reply.push(b"WWW-Authenticate", question);
    }
}
