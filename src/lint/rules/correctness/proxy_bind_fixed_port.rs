//! A source port for all.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::proxy::Bind;
use crate::reuse::Leaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_bind` (and the like) with a constant port.
    ///
    /// ## Why is this bad
    ///
    /// A second connection to the same peer cannot have the same source port: it fails with 500 while the first is
    /// open, and for a minute after it. Measured: three of four requests fail. A port from `$remote_port` is another
    /// matter.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind 10.0.0.9:5000;
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
    ///         proxy_bind 10.0.0.9;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    PROXY_BIND_FIXED_PORT {
        name: "proxy-bind-fixed-port",
        category: Correctness,
        level: Error,
        summary: "every connection wants the same source port",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_bind",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<(Span, SocketAddr), (Option<Span>, Vec<Span>)> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        let Some(directive) = judged.leaf.bind().and_then(|bind| bind.origin.span()) else { continue };
        for (address, root) in addresses(target, &judged.leaf) {
            if address.port() != 0 {
                let place = places.entry((root.unwrap_or(directive), address)).or_default();
                place.0 = root.map(|_| directive);
                place.1.push(judged.leaf.span);
            }
        }
    }
    for ((span, address), (directive, users)) in places {
        let message = format!(
            "every connection wants port {} of {}: all but one fail with 500",
            address.port(),
            address.ip()
        );
        let mut finding = PROXY_BIND_FIXED_PORT
            .finding(span, message)
            .label("one port for all connections")
            .help(format!("write the address alone: `{}`", address.ip()));
        if let Some(directive) = directive {
            finding = finding.related(directive, "connections are bound here");
        } else if let Some(edit) = place::argument(target.configuration, span, 0, &address.ip().to_string()) {
            finding = finding.fix(Fix::unsafe_("bind to the address alone", vec![edit]));
        }
        found.push(affected(finding, users, "used here"));
    }
}

/// The source addresses that a leaf can have, each with the entry that gives it.
pub(in crate::lint) fn addresses<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> Vec<(SocketAddr, Option<Span>)> {
    match leaf.bind().map(|bind| &bind.value) {
        Some(Bind::Address { address, .. }) => vec![(*address, None)],
        Some(Bind::Value { value, .. }) => {
            let known = target.reuse.fold(leaf, value).known;
            known.into_iter().filter_map(|(text, span)| Some((address(&text)?, span))).collect()
        }
        _ => Vec::new(),
    }
}

/// As `ngx_parse_addr_port` reads it.
pub(in crate::lint) fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    match bare.parse() {
        Ok(ip) => Some(SocketAddr::new(ip, 0)),
        Err(_) => text.parse().ok(),
    }
}
