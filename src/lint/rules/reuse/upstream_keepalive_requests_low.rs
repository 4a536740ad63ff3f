//! Few requests per upstream connection.

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::{Origin, Upstream};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `keepalive_requests` of at most 10 in an `upstream` that keeps connections. 1 and 0 are errors: no
    /// connection is reused. Less than 100 is an info, and so is the default before 1.19.10, which was 100.
    ///
    /// ## Why is this bad
    ///
    /// After so many requests the connection is closed, by nginx: its port then waits here for a minute. There is
    /// seldom a reason to go below the default of 1000.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; keepalive_requests 10; }
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
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    UPSTREAM_KEEPALIVE_REQUESTS_LOW {
        name: "upstream-keepalive-requests-low",
        category: Reuse,
        level: Warning,
        summary: "upstream connections are closed after a few requests",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive_requests",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams().filter(|upstream| upstream.pool().is_some()) {
        let requests = &upstream.keepalive.requests;
        let (limit, place) = match requests.origin {
            Origin::Set(span) | Origin::Inherited(span) => (99, span),
            // 100 until 1.19.10.
            Origin::Default => (100, upstream.keepalive.size.origin.span().unwrap_or(upstream.span)),
        };
        if requests.value > limit {
            continue;
        }
        let mut finding = UPSTREAM_KEEPALIVE_REQUESTS_LOW
            .finding(place, message(upstream))
            .label(format!("{} requests per connection", requests.value));
        finding.level = match requests.value {
            0..=1 => Level::Error,
            2..=10 => Level::Warning,
            _ => Level::Info,
        };
        if requests.origin == Origin::Default {
            found.push(finding.help("add `keepalive_requests 1000;`"));
            continue;
        }
        let finding = finding.help("leave the line out: the default is 1000 since 1.19.10");
        found.push(match place::remove(target.configuration, place) {
            Some(edit) => finding.fix(Fix::safe("remove the line", vec![edit])),
            None => finding,
        });
    }
}

fn message(upstream: &Upstream) -> String {
    let name = &upstream.name;
    match upstream.keepalive.requests.value {
        0..=1 => format!("connections to `{name}` are closed after one request: none is reused"),
        n => format!("connections to `{name}` are closed after {n} requests"),
    }
}
