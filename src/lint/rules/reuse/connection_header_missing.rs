//! `Connection: close` that nginx sends by itself.

use super::connection_header_lost::repeat;
use super::proxy_http_version_prevents_reuse::line_in_location;
use crate::diagnostic::Diagnostic;
use crate::edit::Edit;
use crate::lint::remedy::EMPTY_HEADER;
use crate::lint::rule::declare_rule;
use crate::lint::{place, remedy, target::Target};
use crate::model::Origin;
use crate::model::proxy::Header;
use crate::reuse::{Judged, Leaf};

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
        if missing.header && lost(target, &judged.leaf, b"connection").is_none() {
            found.push(finding(target, judged, name));
        }
    }
}

/// The header of an outer level that the headers of an inner one replace: the innermost of those levels that set
/// headers. One that closes connections is no loss.
pub(crate) fn lost<'a>(target: Target<'a>, leaf: &Leaf<'a>, name: &[u8]) -> Option<&'a Header> {
    if matches!(leaf.proxy().set_header.origin, Origin::Default) || leaf.proxy().header(name).is_some() {
        return None;
    }
    let header = leaf.around(target.config).into_iter().find_map(|outer| outer.proxy.header(name))?;
    let closes = header.value.constant().is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    (!closes).then_some(header)
}

fn finding<'a>(target: Target<'a>, judged: &'a Judged<'a>, name: &str) -> Diagnostic {
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

/// Empties the header where the headers in force are set, so that none of them is lost; or repeats the lines of an outer
/// level that were lost.
pub(crate) fn edits<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> Option<Vec<Edit>> {
    if let Some(outer) = lost(target, leaf, b"connection") {
        let upgrade = lost(target, leaf, b"upgrade");
        let lines: Vec<&Header> = upgrade.into_iter().chain([outer]).collect();
        return repeat(target, leaf, &lines);
    }
    let beside = match leaf.proxy().set_header.value.last() {
        Some(last) => last.span,
        None => line_in_location(leaf)?,
    };
    Some(vec![place::after(target.configuration, beside, EMPTY_HEADER)?])
}

/// Whether the edits for a leaf stand at an outer level.
pub(crate) fn is_inherited<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> bool {
    matches!(leaf.proxy().set_header.origin, Origin::Inherited(_))
        && lost(target, leaf, b"connection").is_none()
}
