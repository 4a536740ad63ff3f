//! An emptied `Connection` header that an inner level loses.

use super::connection_header_missing::{fix, lost, sends_close};
use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, pooled_http_leaves};
use crate::reuse::Leaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that proxies to an upstream with a connection cache, where `Connection` is set further out
    /// and lost: the inner level sets another header with `proxy_set_header`.
    ///
    /// ## Why is this bad
    ///
    /// `proxy_set_header` is inherited as a whole: one line at an inner level replaces all lines of the outer levels.
    /// Before 1.29.7 nginx then sends `Connection: close`, and the peer closes after each response.
    ///
    /// ## Example
    ///
    /// ```nginx bad before=1.29.7
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    CONNECTION_HEADER_LOST {
        name: "connection-header-lost",
        category: Reuse,
        level: Warning,
        summary: "an inner `proxy_set_header` drops the outer `Connection` line, and nginx sends `close`",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (leaf, name) in pooled_http_leaves(target.config) {
        if !sends_close(target.config, &leaf) {
            continue;
        }
        if let Some(outer) = lost(target.config, &leaf) {
            found.push(finding(target, &leaf, &name, outer));
        }
    }
}

fn finding(target: Target<'_>, leaf: &Leaf<'_>, name: &str, outer: Span) -> Diagnostic {
    let first = leaf.proxy().set_header.value.first().map_or(leaf.span, |h| h.span);
    let finding = CONNECTION_HEADER_LOST
        .finding(
            first,
            format!(
                "this header replaces all of the outer level, `Connection` among them: nginx sends \
                 `Connection: close` to `{name}`"
            ),
        )
        .label("replaces the outer headers")
        .related(outer, "this line has no effect in the location")
        .related(leaf.span, "sends `Connection: close`")
        .help("repeat the line `proxy_set_header Connection \"\";` here");
    match fix(target, leaf) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
