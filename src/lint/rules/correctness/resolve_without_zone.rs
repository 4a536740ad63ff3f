//! `resolve` needs shared memory.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::place;
use crate::lint::rule::declare_rule;
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `server … resolve` in an upstream without `zone`.
    ///
    /// ## Why is this bad
    ///
    /// The workers share the addresses through it; nginx does not start without.
    ///
    /// ## Example
    ///
    /// ```nginx bad since-1.29.7
    /// resolver 127.0.0.53;
    /// upstream backend { server app.internal:80 resolve; keepalive 16; }
    /// server {
    ///     location / { proxy_pass http://backend; }
    /// }
    /// ```
    ///
    /// ```nginx good since-1.29.7
    /// resolver 127.0.0.53;
    /// upstream backend { zone backend 64k; server app.internal:80 resolve; keepalive 16; }
    /// server {
    ///     location / { proxy_pass http://backend; }
    /// }
    /// ```
    RESOLVE_WITHOUT_ZONE {
        name: "resolve-without-zone",
        category: Correctness,
        level: Error,
        summary: "`resolve` in an upstream without `zone`",
        doc: "/en/docs/http/ngx_http_upstream_module.html#resolve",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, server) in resolving(target) {
        let name = level.head().and_then(|h| h.arg(0)).map(|w| w.to_string()).unwrap_or_default();
        if level.get("zone").is_some() || !target.is_complete(level) {
            continue;
        }
        let finding = RESOLVE_WITHOUT_ZONE
            .finding(server.head(), "`resolve` needs a `zone` in the upstream: nginx does not start")
            .help(format!("add `zone {name} 64k;`"));
        found.push(match place::before(target.configuration, server.head(), &format!("zone {name} 64k;")) {
            Some(edit) => finding.fix(Fix::safe("add a `zone`", vec![edit])),
            None => finding,
        });
    }
}

/// The first `server … resolve` of each upstream.
pub(in crate::lint) fn resolving(target: Target<'_>) -> Vec<(Block<'_>, Directive<'_>)> {
    let mut all: Vec<(Block<'_>, Directive<'_>)> = Vec::new();
    for (level, server) in target.levels().named("server") {
        let upstream = matches!(level.context(), Context::Upstream | Context::StreamUpstream);
        let resolves = server.args().skip(1).any(|w| w.is("resolve"));
        if upstream && resolves && all.last().is_none_or(|(last, _)| *last != level) {
            all.push((level, server));
        }
    }
    all
}
