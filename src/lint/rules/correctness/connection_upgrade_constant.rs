//! `Connection: upgrade` with requests that ask for no upgrade.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::map::MapKey;
use crate::reuse::{Leaf, upgrade_map};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_set_header Connection upgrade` as a constant in a location that is not for websockets alone.
    ///
    /// ## Why is this bad
    ///
    /// Connections are still reused. But ordinary requests then name a header `Upgrade` that is not there, which some
    /// peers answer with 400, and some by closing the connection.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection "upgrade";
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
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location /ws {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Upgrade $http_upgrade;
    ///         proxy_set_header Connection "upgrade";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    CONNECTION_UPGRADE_CONSTANT {
        name: "connection-upgrade-constant",
        category: Correctness,
        level: Info,
        summary: "`Connection: upgrade` is sent with every request",
        doc: "/en/docs/http/websocket.html",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<&Leaf<'_>>> = BTreeMap::new();
    for judged in target.reuse.leaves.iter().filter(|j| j.leaf.is_http() && j.can_reuse()) {
        let Some(header) = judged.leaf.proxy().header(b"connection") else { continue };
        if header.value.constant().is_some_and(|value| value.eq_ignore_ascii_case(b"upgrade")) {
            places.entry(header.span).or_default().push(&judged.leaf);
        }
    }
    // Each fix would add the same map at the same place: the first does, the others come when it is there.
    let server = places.values().flatten().map(|leaf| leaf.server.span).min();
    for (span, leaves) in places {
        let finding = CONNECTION_UPGRADE_CONSTANT
            .finding(span, "`Connection: upgrade` is sent also with requests that ask for no upgrade")
            .label("with every request")
            .help("use a map: `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }`");
        let finding = affected(finding, leaves.iter().map(|leaf| leaf.span), "used here");
        found.push(match server.and_then(|server| fix(target, span, server)) {
            Some(fix) => finding.fix(fix),
            None => finding,
        });
    }
}

/// `server`: the first that needs the map.
fn fix(target: Target<'_>, span: Span, server: Span) -> Option<Fix> {
    let variables = &target.config.http.variables;
    let known = target.config.http.maps.iter().find(|map| {
        let empty = map.entries.iter().find(|e| matches!(&e.key, MapKey::Exact(key) if key.is_empty()));
        let upgrades = map.default.as_ref().and_then(|d| d.value.constant()) == Some(b"upgrade");
        upgrades
            && upgrade_map(target.config, map.variable).is_some()
            && empty.is_some_and(|e| e.value.segments.is_empty())
    });
    let mut edits = Vec::new();
    let name = match known {
        Some(map) => variables.get(map.variable).name.clone(),
        None if variables.find("connection_upgrade").is_some() => return None,
        None => {
            let server = place::find(target.configuration, server).filter(|d| d.name().is("server"))?;
            let map = "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }";
            edits.push(place::before(target.configuration, server.head(), map)?);
            "connection_upgrade".to_owned()
        }
    };
    edits.push(place::argument(target.configuration, span, 1, &format!("${name}"))?);
    Some(Fix::unsafe_("let a map of `$http_upgrade` choose", edits))
}
