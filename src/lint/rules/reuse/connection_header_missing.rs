//! `Connection: close` that nginx sends by itself.

use crate::diagnostic::Diagnostic;
use crate::lint::remedy::connection::lost;
use crate::lint::remedy::{self, host};
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::reuse::JudgedLeaf;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that proxies to an upstream or host and does not empty the `Connection` header: before 1.29.7
    /// nginx then sends `Connection: close`. A missing `keepalive` and HTTP/1.0 are findings of their own, and the fix of
    /// each repairs all.
    ///
    /// ## Why is this bad
    ///
    /// The peer closes the connection after each response, whatever `keepalive` says.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    CONNECTION_HEADER_MISSING {
        name: "connection-header-missing",
        category: Reuse,
        level: Warning,
        summary: "nginx sends `Connection: close` to an upstream that keeps connections",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (judged, missing, name) in target.lacking_http() {
        // `proxy-to-bare-host` says it of a host without an upstream.
        let bare = host::bare(target, judged).is_some();
        if missing.header && !bare && lost(target, &judged.leaf, b"connection").is_none() {
            found.push(finding(target, judged, name));
        }
    }
}

fn finding<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>, name: &str) -> Diagnostic {
    let mut finding = CONNECTION_HEADER_MISSING
        .finding(
            judged.leaf.span,
            format!("nginx sends `Connection: close` to `{name}`, so none of its connections is reused"),
        )
        .label("sends `Connection: close`")
        .help(remedy::help(target, judged));
    finding.level = remedy::level(target, judged);
    match target.remedies().of_leaf(target, judged) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
