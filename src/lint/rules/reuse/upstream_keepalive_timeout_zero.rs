//! No time to be used again.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `keepalive_timeout` of less than a second in an `upstream` that keeps connections.
    ///
    /// ## Why is this bad
    ///
    /// With 0 no connection is reused; below a second only under constant load, and the port of each closed connection
    /// waits for a minute.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; keepalive_timeout 0; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; keepalive_timeout 30s; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    UPSTREAM_KEEPALIVE_TIMEOUT_ZERO {
        name: "upstream-keepalive-timeout-zero",
        category: Reuse,
        level: Warning,
        summary: "upstream connections are closed as soon as they are idle",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams().filter(|upstream| upstream.pool().is_some()) {
        let timeout = &upstream.keepalive.timeout;
        let Some(span) = timeout.origin.span().filter(|_| timeout.value < Duration::from_secs(1)) else {
            continue;
        };
        let finding = UPSTREAM_KEEPALIVE_TIMEOUT_ZERO
            .finding(span, format!("idle connections to `{}` are closed at once", upstream.name))
            .label("connections do not live to be reused")
            .help("leave the line out: the default is 60s");
        found.push(match place::remove(target.configuration, span) {
            Some(edit) => finding.fix(Fix::safe("remove the line", vec![edit])),
            None => finding,
        });
    }
}
