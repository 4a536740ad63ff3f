//! A pool for protocols that close.

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::Origin;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an explicit `keepalive` in an upstream that only `uwsgi_pass` and `scgi_pass` use.
    ///
    /// ## Why is this bad
    ///
    /// Both protocols end a response by closing the connection: the pool stays empty. A unix socket needs no ports.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream python { server 10.0.0.1:9000; keepalive 8; }
    /// server {
    ///     location / { uwsgi_pass python; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream python { server unix:/run/python.sock; }
    /// server {
    ///     location / { uwsgi_pass python; }
    /// }
    /// ```
    KEEPALIVE_INEFFECTIVE_PROTOCOL {
        name: "keepalive-ineffective-protocol",
        category: Reuse,
        level: Info,
        summary: "`keepalive` for uwsgi or SCGI, which close every connection",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams().filter(|upstream| upstream.pool().is_some()) {
        let Origin::Set(span) = upstream.keepalive.size.origin else { continue };
        let mut users = target.reuse.users(upstream).peekable();
        let closing = |directive| matches!(directive, "uwsgi_pass" | "scgi_pass");
        if users.peek().is_none() || !users.clone().all(|user| closing(user.leaf.directive)) {
            continue;
        }
        let message =
            format!("uwsgi and SCGI close each connection to `{}`: `keepalive` has no effect", upstream.name);
        let finding = KEEPALIVE_INEFFECTIVE_PROTOCOL
            .finding(span, message)
            .label("stays empty")
            .help("remove it; a unix socket needs no ports");
        let finding = affected(finding, users.map(|user| user.leaf.span), "closes");
        found.push(match place::remove(target.configuration, span) {
            Some(edit) => finding.fix(Fix::safe("remove `keepalive`", vec![edit])),
            None => finding,
        });
    }
}
