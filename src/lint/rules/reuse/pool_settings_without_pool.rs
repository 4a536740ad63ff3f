//! Settings of a pool that is not there.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `keepalive_timeout`, `keepalive_requests` and `keepalive_time` in an upstream without a connection
    /// cache: before 1.29.7 one without `keepalive`, since then one with `keepalive 0`.
    ///
    /// ## Why is this bad
    ///
    /// They say how the connections of the cache are used. Without `keepalive` there is none.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend { server 10.0.0.1:8080; keepalive_timeout 30s; }
    /// server {
    ///     location / { proxy_pass http://backend; }
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
    POOL_SETTINGS_WITHOUT_POOL {
        name: "pool-settings-without-pool",
        category: Reuse,
        level: Info,
        summary: "settings of a connection cache that does not exist",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        // A cache that the balancing method switched off is meant to be there.
        if upstream.pool().is_some() || upstream.keepalive_overridden.is_some() {
            continue;
        }
        let settings = &upstream.keepalive;
        let origins = [settings.timeout.origin, settings.requests.origin, settings.time.origin];
        for span in origins.into_iter().filter_map(crate::model::Origin::span) {
            let what =
                place::find(target.configuration, span).map_or_else(String::new, |d| d.name().to_string());
            let message = format!("`{what}` has no effect: `{}` keeps no connections", upstream.name);
            let finding = POOL_SETTINGS_WITHOUT_POOL
                .finding(span, message)
                .label("there is no pool")
                .help("add `keepalive 16;`, or remove this line");
            found.push(match place::remove(target.configuration, span) {
                Some(edit) => finding.fix(Fix::safe("remove the line", vec![edit])),
                None => finding,
            });
        }
    }
}
