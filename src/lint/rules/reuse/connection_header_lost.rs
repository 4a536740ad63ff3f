//! An emptied `Connection` header that an inner level loses.

use crate::diagnostic::Diagnostic;
use crate::lint::remedy::connection::lost;
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::lint::{place, remedy};
use crate::model::proxy::Header;
use crate::reuse::JudgedLeaf;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a location that proxies to an upstream with a connection cache, where `Connection` is set further out
    /// and lost: the inner level sets another header with `proxy_set_header`.
    ///
    /// ## Why is this bad
    ///
    /// `proxy_set_header` is inherited as a whole: one line at an inner level replaces all lines of the outer levels.
    /// Before 1.29.7 nginx then sends `Connection: close`, and the peer closes after each response.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.100:1234; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location / {
    ///         proxy_set_header X-Real-IP $remote_addr;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    CONNECTION_HEADER_LOST {
        name: "connection-header-lost",
        category: Reuse,
        level: Warning,
        summary: "an inner `proxy_set_header` drops the outer `Connection` line, and nginx sends `close`",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (judged, missing, name) in target.lacking_http() {
        // If `Upgrade` is lost too, websockets are the greater loss: `upgrade-headers-lost` speaks of both.
        if !missing.header || lost(target, &judged.leaf, b"upgrade").is_some() {
            continue;
        }
        if let Some(outer) = lost(target, &judged.leaf, b"connection") {
            found.push(finding(target, judged, name, outer));
        }
    }
}

fn finding<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>, name: &str, outer: &Header) -> Diagnostic {
    let leaf = &judged.leaf;
    let first = leaf.proxy().set_header.value.first().map_or(leaf.span, |h| h.span);
    let line = place::find(target.configuration, outer.span).map(|line| line.span().range());
    let text = line.map_or_else(String::new, |line| {
        String::from_utf8_lossy(&target.configuration.tree(outer.span.file).text()[line]).into_owned()
    });
    let mut finding = CONNECTION_HEADER_LOST
        .finding(
            first,
            format!(
                "this header replaces all of the outer level, `Connection` among them: nginx sends \
                 `Connection: close` to `{name}`"
            ),
        )
        .label("replaces the outer headers")
        .related(outer.span, "this line has no effect in the location")
        .related(leaf.span, "sends `Connection: close`")
        .help(help(target, judged, &text));
    finding.level = remedy::level(target, judged);
    match target.remedies().of_leaf(target, judged) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn help<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>, line: &str) -> String {
    let repeat = format!("repeat the line `{line}` here");
    let missing = target.remedies().missing(judged);
    if !missing.version && !missing.pool {
        return repeat;
    }
    if remedy::host::bare(target, judged).is_some() {
        let empty = format!("`{}`", remedy::EMPTY_HEADER);
        return format!("{repeat}; {}", remedy::help(target, judged).replace(&empty, "this line"));
    }
    let mut parts = vec![repeat];
    if missing.version {
        parts.push(format!("write `{}`", remedy::HTTP11));
    }
    parts.extend(remedy::pools(target, judged));
    format!("{}: {}", remedy::listed(&parts), remedy::TOGETHER)
}
