//! `Connection: close` that the configuration sends.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, affected::affected, place};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_set_header Connection close` in front of an upstream with a connection cache.
    ///
    /// ## Why is this bad
    ///
    /// The peer closes the connection after each response, in every version of nginx; the cache stays empty.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection close;
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
    CONNECTION_CLOSE_SENT {
        name: "connection-close-sent",
        category: Reuse,
        level: Warning,
        summary: "`Connection: close` is set in front of an upstream that keeps connections",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<(Span, &str)>> = BTreeMap::new();
    for (judged, upstream) in target.pooled_http() {
        let Some(header) = judged.leaf.proxy().header(b"connection") else { continue };
        let closes = header.value.constant().is_some_and(|v| v.eq_ignore_ascii_case(b"close"));
        if closes {
            places.entry(header.span).or_default().push((judged.leaf.span, &upstream.name));
        }
    }
    for (span, users) in places {
        let name = users[0].1;
        let mut finding = CONNECTION_CLOSE_SENT
            .finding(
                span,
                format!("`Connection: close` is sent to `{name}`, so none of its connections is reused"),
            )
            .label("the peer closes after each response")
            .help("write `proxy_set_header Connection \"\";`");
        finding = affected(finding, users.iter().map(|(pass, _)| *pass), "used here");
        // Somebody may have meant it: a person has to look.
        let value = place::find(target.configuration, span).and_then(|d| d.arg(1));
        if let Some(value) = value {
            finding = finding
                .fix(Fix::unsafe_("send no `Connection` header", vec![Edit::replace(value.span(), "\"\"")]));
        }
        found.push(finding);
    }
}
