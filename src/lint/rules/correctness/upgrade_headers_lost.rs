//! Websocket headers that an inner level loses.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::remedy::connection::{lost, repeat};
use crate::lint::rule::declare_rule;
use crate::model::proxy::Header;
use crate::reuse::Leaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that proxies, where `Upgrade` and `Connection` are set further out and both lost: the inner
    /// level sets another header with `proxy_set_header`.
    ///
    /// ## Why is this bad
    ///
    /// `proxy_set_header` is inherited as a whole: one line at an inner level replaces all lines of the outer levels.
    /// Websockets fail in this location; and before 1.29.7 nginx sends `Connection: close`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Upgrade $http_upgrade;
    ///     proxy_set_header Connection $connection_upgrade;
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Upgrade $http_upgrade;
    ///     proxy_set_header Connection $connection_upgrade;
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection $connection_upgrade;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    UPGRADE_HEADERS_LOST {
        name: "upgrade-headers-lost",
        category: Correctness,
        level: Warning,
        summary: "an inner `proxy_set_header` drops the outer `Upgrade` and `Connection` lines",
        doc: "/en/docs/http/websocket.html",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<&Leaf<'_>>> = BTreeMap::new();
    for judged in target.reuse.leaves.iter().filter(|judged| judged.leaf.is_http()) {
        let headers = &judged.leaf.proxy().set_header.value;
        if let Some(first) = headers.first()
            && lost(target, &judged.leaf, b"upgrade").is_some_and(is_sent)
            && lost(target, &judged.leaf, b"connection").is_some()
        {
            places.entry(first.span).or_default().push(&judged.leaf);
        }
    }
    found.extend(places.into_iter().filter_map(|(span, leaves)| finding(target, span, &leaves)));
}

/// True if a line sends something: an empty value is what nginx does anyway.
fn is_sent(header: &Header) -> bool {
    header.value.constant().is_none_or(|value| !value.is_empty())
}

fn finding<'a>(target: Target<'a>, span: Span, leaves: &[&Leaf<'a>]) -> Option<Diagnostic> {
    let upgrade = lost(target, leaves[0], b"upgrade")?;
    let connection = lost(target, leaves[0], b"connection")?;
    let finding = UPGRADE_HEADERS_LOST
        .finding(
            span,
            "this header replaces all of the outer level, `Upgrade` and `Connection` among them: websockets fail here",
        )
        .label("replaces the outer headers")
        .related(upgrade.span, "this line has no effect in the location")
        .related(connection.span, "nor has this one")
        .help("repeat both lines here");
    let finding = affected(finding, leaves.iter().map(|leaf| leaf.span), "used here");
    Some(match repeat(target, leaves[0], &[upgrade, connection]) {
        Some(edits) => finding.fix(Fix::unsafe_("repeat `Upgrade` and `Connection`", edits)),
        None => finding,
    })
}
