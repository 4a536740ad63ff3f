//! HTTP/1.0 to an upstream that keeps connections.

use std::collections::BTreeMap;

use super::connection_header_lost::repeat;
use super::connection_header_missing::{fix, lost, sends_close, speaks_http10};
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, affected::affected, place};
use crate::model::{LocationKind, Origin};
use crate::reuse::{Judged, Leaf};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that speaks HTTP/1.0 to an upstream that keeps connections: because `proxy_http_version 1.0`
    /// says so, or because that is the default before nginx 1.29.7.
    ///
    /// ## Why is this bad
    ///
    /// With HTTP/1.0 the peer closes the connection after each response, so the cache of the upstream stays empty and
    /// every request needs a source port of its own.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.0;
    ///     location / { proxy_pass http://backend; }
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
    PROXY_HTTP_VERSION_PREVENTS_REUSE {
        name: "proxy-http-version-prevents-reuse",
        category: Reuse,
        level: Warning,
        summary: "HTTP/1.0 to an upstream that keeps connections: the peer closes after each response",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_http_version",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut explicit: BTreeMap<Span, Vec<(&Leaf<'_>, &str)>> = BTreeMap::new();
    for (judged, upstream) in target.pooled_http() {
        let (leaf, name) = (&judged.leaf, upstream.name.as_str());
        let version = &leaf.proxy().http_version;
        // With `Connection: keep-alive` a peer may keep even an HTTP/1.0 connection; nginx then caches it.
        if !speaks_http10(judged) {
            continue;
        }
        match version.origin {
            Origin::Set(span) | Origin::Inherited(span) => {
                explicit.entry(span).or_default().push((leaf, name));
            }
            Origin::Default => found.push(by_default(target, judged, name)),
        }
    }
    found.extend(explicit.into_iter().map(|(span, leaves)| by_directive(target, span, &leaves)));
}

fn by_default<'a>(target: Target<'a>, judged: &Judged<'a>, name: &str) -> Diagnostic {
    let closes = sends_close(judged);
    let help = if closes {
        "add `proxy_http_version 1.1;` and `proxy_set_header Connection \"\";`"
    } else {
        "add `proxy_http_version 1.1;`"
    };
    let finding = PROXY_HTTP_VERSION_PREVENTS_REUSE
        .finding(
            judged.leaf.span,
            format!("HTTP/1.0 is spoken to `{name}` by default, so none of its connections is reused"),
        )
        .label("speaks HTTP/1.0")
        .help(help);
    match remedy(target, judged, closes) {
        Some(edits) => finding.fix(Fix::safe(help, edits)),
        None => finding,
    }
}

/// The version, and the header without which it would not help.
fn remedy<'a>(target: Target<'a>, judged: &Judged<'a>, closes: bool) -> Option<Vec<Edit>> {
    let leaf = &judged.leaf;
    let version = place::before(target.configuration, line_in_location(leaf)?, "proxy_http_version 1.1;")?;
    let mut edits = vec![version];
    if closes {
        edits.extend(match lost(target, leaf, b"connection") {
            Some(outer) => repeat(target, leaf, &[outer])?,
            None => fix(target, leaf)?.edits,
        });
    }
    Some(edits)
}

/// A line of the leaf's location beside which a `proxy_` directive may stand: they are not allowed in `if` and
/// `limit_except`.
pub(in crate::lint) fn line_in_location(leaf: &Leaf<'_>) -> Option<Span> {
    match leaf.location.kind {
        LocationKind::If | LocationKind::LimitExcept(_) => None,
        _ => Some(leaf.span),
    }
}

fn by_directive(target: Target<'_>, span: Span, leaves: &[(&Leaf<'_>, &str)]) -> Diagnostic {
    let mut names: Vec<&str> = leaves.iter().map(|(_, name)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let shown = match names.as_slice() {
        [one] => format!("`{one}`"),
        [first, rest @ ..] => format!("`{first}` and {} more upstreams", rest.len()),
        [] => String::new(),
    };
    let mut finding = PROXY_HTTP_VERSION_PREVENTS_REUSE
        .finding(span, format!("HTTP/1.0 is spoken to {shown}, so no connection is reused"))
        .label("the peer closes after each response")
        .help("write `proxy_http_version 1.1;`");
    finding = affected(finding, leaves.iter().map(|(leaf, _)| leaf.span), "used here");
    let value = place::find(target.configuration, span).and_then(|d| d.arg(0));
    match value {
        Some(value) => finding.fix(Fix::safe("write `1.1`", vec![Edit::replace(value.span(), "1.1")])),
        None => finding,
    }
}
