//! `Connection` as the client sent it.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::reuse::Connection;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_set_header Connection` with `$http_connection` in front of an upstream that keeps connections.
    ///
    /// ## Why is this bad
    ///
    /// The header speaks of the connection between client and nginx. Every client that sends `close` destroys a pooled
    /// connection, and other options that were meant for nginx reach the peer.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection $http_connection;
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
    CONNECTION_FROM_CLIENT {
        name: "connection-from-client",
        category: Reuse,
        level: Warning,
        summary: "the client decides whether upstream connections are reused",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<(Span, &str)>> = BTreeMap::new();
    for (judged, upstream) in target.pooled_http() {
        for sent in &judged.connections {
            if let Connection::Client(header) = sent {
                places.entry(*header).or_default().push((judged.leaf.span, &upstream.name));
            }
        }
    }
    for (span, users) in places {
        let message =
            format!("clients that send `Connection: close` close pooled connections to `{}`", users[0].1);
        let finding = CONNECTION_FROM_CLIENT
            .finding(span, message)
            .label("what the client says about its own connection")
            .help("write `proxy_set_header Connection \"\";`");
        let mut finding = affected(finding, users.iter().map(|(pass, _)| *pass), "used here");
        if let Some(edit) = place::argument(target.configuration, span, 1, "\"\"") {
            finding = finding.fix(Fix::unsafe_("send no `Connection` header", vec![edit]));
        }
        found.push(finding);
    }
}
