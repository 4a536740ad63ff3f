//! A map for websockets that closes everything else.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::Segment;
use crate::reuse::{Connection, Leaf, upgrade_map};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a map of `$http_upgrade` whose value for requests without `Upgrade` is `close`, used as `Connection` in
    /// front of an upstream that keeps connections.
    ///
    /// ## Why is this bad
    ///
    /// The map is meant to let websockets through, and it is the one that nginx's own page shows. But ordinary requests
    /// then carry `Connection: close`, and the peer closes after each response. With an empty value they carry no
    /// `Connection` header, and connections are reused.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection $connection_upgrade;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// map $http_upgrade $connection_upgrade { websocket upgrade; default close; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection $connection_upgrade;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection $connection_upgrade;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    WEBSOCKET_MAP_CLOSES {
        name: "websocket-map-closes",
        category: Reuse,
        level: Warning,
        summary: "the usual websocket map sends `Connection: close` with every ordinary request",
        doc: "/en/docs/http/websocket.html",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<(Span, &str)>> = BTreeMap::new();
    for (judged, upstream) in target.pooled_http() {
        if !has_upgrade_map(target, &judged.leaf) {
            continue;
        }
        for sent in &judged.connections {
            if let Connection::Close(entry) = sent {
                places.entry(*entry).or_default().push((judged.leaf.span, &upstream.name));
            }
        }
    }
    for (span, users) in places {
        let message = format!(
            "requests without `Upgrade` carry `Connection: close`, so no connection to `{}` is reused",
            users[0].1
        );
        let finding = WEBSOCKET_MAP_CLOSES
            .finding(span, message)
            .label("the value for ordinary requests")
            .help("write `'' '';`: websockets work as before, and no other request carries the header");
        let mut finding = affected(finding, users.iter().map(|(pass, _)| *pass), "used here");
        if let Some(fix) = fix(target, span) {
            finding = finding.fix(fix);
        }
        found.push(finding);
    }
}

fn has_upgrade_map(target: Target<'_>, leaf: &Leaf<'_>) -> bool {
    leaf.proxy().header(b"connection").is_some_and(|header| match header.value.segments.as_slice() {
        [Segment::Variable(id)] => upgrade_map(target.config, *id).is_some(),
        _ => false,
    })
}

/// Empties the entry; a `default` stays for other values of `Upgrade`.
fn fix(target: Target<'_>, span: Span) -> Option<Fix> {
    let entry = place::find(target.configuration, span)?;
    let edit = if entry.name().is("default") {
        place::after(target.configuration, span, "'' '';")?
    } else {
        place::argument(target.configuration, span, 0, "''")?
    };
    Some(Fix::safe("send no `Connection` header with ordinary requests", vec![edit]))
}
