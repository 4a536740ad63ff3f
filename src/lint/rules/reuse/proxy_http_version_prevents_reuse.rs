//! HTTP/1.0 to an upstream that keeps connections.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::lint::affected::affected;
use crate::lint::remedy::{self, host};
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::model::Origin;
use crate::reuse::JudgedLeaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that speaks HTTP/1.0 to an upstream or host: because `proxy_http_version 1.0` says so, or
    /// because that is the default before nginx 1.29.7. Where the upstream keeps no connections either, that is a finding
    /// of its own, and the fix of each repairs both.
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
    let mut explicit: BTreeMap<Span, Vec<(&JudgedLeaf<'_>, &str)>> = BTreeMap::new();
    for (judged, missing, name) in target.lacking_http() {
        if !missing.version {
            continue;
        }
        match judged.leaf.proxy().http_version.origin {
            Origin::Set(span) | Origin::Inherited(span) => {
                explicit.entry(span).or_default().push((judged, name));
            }
            // `proxy-to-bare-host` says it of a host without an upstream.
            Origin::Default if host::bare(target, judged).is_some() => {}
            Origin::Default => found.push(by_default(target, judged, name)),
        }
    }
    found.extend(explicit.into_iter().map(|(span, leaves)| by_directive(target, span, &leaves)));
}

fn by_default<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>, name: &str) -> Diagnostic {
    let mut finding = PROXY_HTTP_VERSION_PREVENTS_REUSE
        .finding(
            judged.leaf.span,
            format!("HTTP/1.0 is spoken to `{name}` by default, so none of its connections is reused"),
        )
        .label("speaks HTTP/1.0")
        .help(remedy::help(target, judged));
    finding.level = remedy::level(target, judged);
    match target.remedies().of_leaf(target, judged) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn by_directive<'a>(target: Target<'a>, span: Span, leaves: &[(&'a JudgedLeaf<'a>, &str)]) -> Diagnostic {
    let mut names: Vec<&str> = leaves.iter().map(|(_, name)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let shown = match names.as_slice() {
        [one] => format!("`{one}`"),
        [first, rest @ ..] => format!("`{first}` and {} more upstreams", rest.len()),
        [] => String::new(),
    };
    // The one that lacks most says most.
    let helps = leaves.iter().map(|(judged, _)| remedy::help(target, judged));
    let mut finding = PROXY_HTTP_VERSION_PREVENTS_REUSE
        .finding(span, format!("HTTP/1.0 is spoken to {shown}, so no connection is reused"))
        .label("the peer closes after each response")
        .help(helps.max_by_key(String::len).unwrap_or_default());
    let level = leaves.iter().map(|(judged, _)| remedy::level(target, judged)).max();
    finding.level = level.unwrap_or(finding.level);
    finding = affected(finding, leaves.iter().map(|(judged, _)| judged.leaf.span), "used here");
    match leaves.first().and_then(|(judged, _)| target.remedies().of_leaf(target, judged)) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
