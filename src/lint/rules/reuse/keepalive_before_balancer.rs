//! `keepalive` before the balancing method.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::place;
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::model::Upstream;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `keepalive` that stands before `least_conn`, `ip_hash`, `hash`, `random` or `least_time` in an
    /// `upstream`.
    ///
    /// ## Why is this bad
    ///
    /// Before 1.29.7 the method replaces the cache: nothing is kept, and nginx only warns `load balancing method
    /// redefined`. `zone` may stand anywhere.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend {
    ///     server 10.0.0.1:8080;
    ///     keepalive 16;
    ///     least_conn;
    /// }
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
    /// upstream backend {
    ///     zone backend 64k;
    ///     server 10.0.0.1:8080;
    ///     least_conn;
    ///     keepalive 16;
    /// }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    KEEPALIVE_BEFORE_BALANCER {
        name: "keepalive-before-balancer",
        category: Reuse,
        level: Error,
        summary: "a balancing method after `keepalive` switches the connection cache off",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        if let (Some(keepalive), Some(method)) =
            (upstream.keepalive_overridden, upstream.balancer.origin.span())
        {
            found.push(finding(target, upstream, keepalive, method));
        }
    }
}

fn finding<'a>(target: Target<'a>, upstream: &'a Upstream, keepalive: Span, method: Span) -> Diagnostic {
    let name = place::find(target.configuration, method).map_or_else(String::new, |d| d.name().to_string());
    let message = format!(
        "`{name}` stands after `keepalive` and switches it off: `{}` keeps no connections",
        upstream.name
    );
    let finding = KEEPALIVE_BEFORE_BALANCER
        .finding(method, message)
        .label("the balancing method is set here")
        .related(keepalive, "this has no effect")
        .help(format!("put `keepalive` after `{name}`"))
        // The same as nginx's own warning: it is said once.
        .nginx("load balancing method redefined");
    let whole = target.remedies().of_upstream(target, upstream);
    let alone = || {
        Some(Fix::safe(
            "move `keepalive` behind it",
            place::move_behind(target.configuration, keepalive, method)?,
        ))
    };
    let fix = if target.remedies().lacks_pool(upstream) { whole } else { alone() };
    match fix {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
