//! `Connection: close` that the configuration sends.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, remedy};
use crate::reuse::JudgedLeaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_set_header Connection close` in front of an upstream or host.
    ///
    /// ## Why is this bad
    ///
    /// The peer closes the connection after each response, in every version of nginx; the cache stays empty.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection close;
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
    CONNECTION_CLOSE_SENT {
        name: "connection-close-sent",
        category: Reuse,
        level: Warning,
        summary: "`Connection: close` is set in front of an upstream that keeps connections",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<(&JudgedLeaf<'_>, &str)>> = BTreeMap::new();
    for (judged, missing, name) in target.lacking_http() {
        if let Some(line) = missing.closed {
            places.entry(line).or_default().push((judged, name));
        }
    }
    for (span, users) in places {
        let (first, name) = users[0];
        let mut finding = CONNECTION_CLOSE_SENT
            .finding(
                span,
                format!("`Connection: close` is sent to `{name}`, so none of its connections is reused"),
            )
            .label("the peer closes after each response")
            .help(remedy::help(target, first));
        let level = users.iter().map(|(judged, _)| remedy::level(target, judged)).max();
        finding.level = level.unwrap_or(finding.level);
        finding = affected(finding, users.iter().map(|(judged, _)| judged.leaf.span), "used here");
        // Somebody may have meant it: a person has to look.
        if let Some(fix) = target.remedies().of_leaf(target, first) {
            finding = finding.fix(fix);
        }
        found.push(finding);
    }
}
