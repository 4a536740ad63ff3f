//! The choice of another peer (`proxy_next_upstream`), or of the configuration's own page
//! (`proxy_intercept_errors`).

use std::time::Instant;

use super::request::ProxyRequest;
use crate::runtime::net::clock;
use crate::runtime::upstream::balancer::Outcome;

/// Statuses of a response after which another peer may be tried (`ngx_http_upstream_next_errors`).
const STATUSES: &[(u16, &str)] = &[
    (500, "http_500"),
    (502, "http_502"),
    (503, "http_503"),
    (504, "http_504"),
    (403, "http_403"),
    (404, "http_404"),
    (429, "http_429"),
];

/// The word of a status.
pub(super) fn word(status: u16) -> Option<&'static str> {
    STATUSES.iter().find(|(other, _)| *other == status).map(|(_, word)| *word)
}

/// True if the request may go to another peer after what the word says.
pub(super) fn may(p: &ProxyRequest<'_>, word: &str, begun: Instant) -> bool {
    let settings = &p.plan.on_way;
    let timeout = settings.next_upstream_timeout.value;
    let words = &settings.next_upstream.value;
    let is_risky = p.is_sent && matches!(p.r.method(), b"POST" | b"LOCK" | b"PATCH");
    words.has(word)
        && !words.has("off")
        && (!is_risky || words.has("non_idempotent"))
        && !(p.is_sent && p.is_streaming)
        && (timeout.is_zero() || clock::since(begun) < timeout)
}

/// The outcome of a peer whose response is to be forgotten; `None`: no other peer is asked.
pub(super) fn after_status(p: &ProxyRequest<'_>, tries: usize, begun: Instant) -> Option<Outcome> {
    let status = p.r.response.status.code;
    let word = word(status).filter(|word| tries > 1 && may(p, word, begun))?;
    Some(if matches!(word, "http_403" | "http_404") { Outcome::Good } else { Outcome::Failed })
}

/// `ngx_http_upstream_intercept_errors`
pub(super) fn is_intercepted(p: &ProxyRequest<'_>) -> bool {
    let status = p.r.response.status.code;
    let pages = &p.r.plan.core.error_page.value;
    status >= 300 && p.plan.intercept_errors && pages.iter().any(|page| page.statuses.contains(&status))
}
