//! Idle connections and `worker_connections`.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::affected::affected;
use crate::lint::remedy::limits::{budget, listening};
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::reuse::JudgedLeaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Adds up what a worker may keep: the pools of all upstreams in use, and the listening sockets. Reports when that
    /// reaches `worker_connections` or `worker_rlimit_nofile`; as a warning, from half of it on.
    ///
    /// ## Why is this bad
    ///
    /// Idle upstream connections count as connections of the worker, and nginx does not close them to make room:
    /// requests fail with `worker_connections are not enough`. Since 1.29.7 every upstream keeps 32 by default; 16
    /// upstreams fill the default of 512.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { worker_connections 64; }
    /// http {
    ///     upstream a { server 10.0.0.1:80; keepalive 32; }
    ///     upstream b { server 10.0.0.2:80; keepalive 32; }
    ///     server {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         location /a { proxy_pass http://a; }
    ///         location /b { proxy_pass http://b; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { worker_connections 1024; }
    /// http {
    ///     upstream a { server 10.0.0.1:80; keepalive 32; }
    ///     upstream b { server 10.0.0.2:80; keepalive 32; }
    ///     server {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         location /a { proxy_pass http://a; }
    ///         location /b { proxy_pass http://b; }
    ///     }
    /// }
    /// ```
    IDLE_CONNECTIONS_EXCEED_BUDGET {
        name: "idle-connections-exceed-budget",
        category: Performance,
        level: Error,
        summary: "idle upstream connections can take all of `worker_connections`",
        doc: "/en/docs/ngx_core_module.html#worker_connections",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let Some(http) = target.config.http.span else { return };
    let used = target.upstreams().filter(|u| target.reuse.users(u).any(JudgedLeaf::can_reuse));
    let pools: Vec<(u64, Span)> = used
        .filter_map(|u| Some((u64::from(u.pool()?.size), u.keepalive.size.origin.span().unwrap_or(u.span))))
        .collect();
    let idle: u64 = pools.iter().map(|(size, _)| size).sum();
    let needed = idle + listening(target);
    let (name, limit, place) = budget(target, http);
    if idle == 0 || needed * 2 < limit {
        return;
    }
    let message = format!(
        "the {} upstreams keep up to {idle} idle connections per worker, of {limit} that `{name}` allows",
        pools.len()
    );
    let mut finding = IDLE_CONNECTIONS_EXCEED_BUDGET
        .finding(place, message)
        .label(format!("{limit} connections, of which {needed} may be idle or listening"))
        .help(format!(
            "raise `{name}` to {} or more, or keep fewer connections",
            (needed * 4).next_power_of_two()
        ));
    if needed < limit {
        finding.level = Level::Warning;
    }
    found.push(affected(finding, pools.iter().map(|(_, span)| *span), "a pool"));
}
