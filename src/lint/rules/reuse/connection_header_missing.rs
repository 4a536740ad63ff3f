//! `Connection: close` that nginx sends by itself.

use super::proxy_http_version_prevents_reuse::line_in_location;
use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::Origin;
use crate::model::proxy::{Header, HttpVersion};
use crate::reuse::{Connection, Judged, Leaf};

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

/// The line that lets connections live.
const ADD: &str = "proxy_set_header Connection \"\";";

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (judged, upstream) in target.pooled_http() {
        let first_cause = !speaks_http10(judged);
        if first_cause && sends_close(judged) && lost(target, &judged.leaf, b"connection").is_none() {
            found.push(finding(target, &judged.leaf, &upstream.name));
        }
    }
}

/// Whether HTTP/1.0 already prevents reuse: the first cause is the one that is reported, with the whole remedy.
pub(in crate::lint) fn speaks_http10(judged: &Judged<'_>) -> bool {
    judged.leaf.proxy().http_version.value == HttpVersion::Http10
        && !judged.connections.contains(&Connection::KeepAlive)
}

/// Whether nginx adds `Connection: close` to the requests of a leaf.
pub(in crate::lint) fn sends_close(judged: &Judged<'_>) -> bool {
    judged.connections == [Connection::CloseByDefault]
}

/// The header of an outer level that the headers of an inner one replace: the innermost of those levels that set
/// headers. One that closes connections is no loss.
pub(in crate::lint) fn lost<'a>(target: Target<'a>, leaf: &Leaf<'a>, name: &[u8]) -> Option<&'a Header> {
    if matches!(leaf.proxy().set_header.origin, Origin::Default) || leaf.proxy().header(name).is_some() {
        return None;
    }
    let header = leaf.around(target.config).into_iter().find_map(|outer| outer.proxy.header(name))?;
    let closes = header.value.constant().is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    (!closes).then_some(header)
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
pub(in crate::lint) fn fix(target: Target<'_>, leaf: &Leaf<'_>) -> Option<Fix> {
    let edit = match leaf.proxy().set_header.value.last() {
        Some(last) => place::after(target.configuration, last.span, ADD),
        None => place::after(target.configuration, line_in_location(leaf)?, ADD),
    }?;
    Some(Fix::safe(format!("add `{ADD}`"), vec![edit]))
}
