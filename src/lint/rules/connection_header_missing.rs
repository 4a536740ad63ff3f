//! `Connection: close` that nginx sends by itself.

use super::proxy_http_version_prevents_reuse::line_in_location;
use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place, pooled_http_leaves};
use crate::model::{Config, Origin};
use crate::reuse::{Connection, Leaf, connections};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that proxies to an upstream with a connection cache and does not empty the `Connection`
    /// header: before 1.29.7 nginx then sends `Connection: close`.
    ///
    /// ## Why is this bad
    ///
    /// The peer closes the connection after each response, whatever `keepalive` says.
    ///
    /// ## Example
    ///
    /// ```nginx bad before=1.29.7
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

/// The line that lets connections live.
const ADD: &str = "proxy_set_header Connection \"\";";

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (leaf, name) in pooled_http_leaves(target.config) {
        if sends_close(target.config, &leaf) && lost(target.config, &leaf).is_none() {
            found.push(finding(target, &leaf, &name));
        }
    }
}

/// Whether nginx adds `Connection: close` to the requests of a leaf.
pub(super) fn sends_close(config: &Config, leaf: &Leaf<'_>) -> bool {
    connections(config, leaf) == [Connection::CloseByDefault]
}

/// The `Connection` header of an outer level that the leaf's own headers replace, if there is one.
pub(super) fn lost(config: &Config, leaf: &Leaf<'_>) -> Option<Span> {
    if matches!(leaf.proxy().set_header.origin, Origin::Default) {
        return None;
    }
    leaf.around(config)
        .into_iter()
        .find_map(|outer| outer.proxy.header(b"connection"))
        .map(|header| header.span)
}

fn finding(target: Target<'_>, leaf: &Leaf<'_>, name: &str) -> Diagnostic {
    let finding = CONNECTION_HEADER_MISSING
        .finding(
            leaf.span,
            format!("nginx sends `Connection: close` to `{name}`, so none of its connections is reused"),
        )
        .label("sends `Connection: close`")
        .help(format!("add `{ADD}`"));
    match fix(target, leaf) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// Adds the header where the headers in force are set, so that none of them is lost.
pub(super) fn fix(target: Target<'_>, leaf: &Leaf<'_>) -> Option<Fix> {
    let edit = match leaf.proxy().set_header.value.last() {
        Some(last) => place::after(target.configuration, last.span, ADD),
        None => place::after(target.configuration, line_in_location(leaf)?, ADD),
    }?;
    Some(Fix::safe(format!("add `{ADD}`"), vec![edit]))
}
