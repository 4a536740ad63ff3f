//! FastCGI connections that are kept open and not used.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::reuse::ReachedTarget;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `fastcgi_keep_conn on` where `fastcgi_pass` goes to something that keeps no connections: a bare address,
    /// or an upstream without a pool.
    ///
    /// ## Why is this bad
    ///
    /// The FastCGI server leaves the connection open, and nginx closes it: nothing is gained, and the closed port waits
    /// on this side.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { fastcgi_pass unix:/run/php.sock; fastcgi_keep_conn on; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream php { server unix:/run/php.sock; keepalive 8; }
    /// server {
    ///     location / { fastcgi_pass php; fastcgi_keep_conn on; }
    /// }
    /// ```
    FASTCGI_KEEP_CONN_USELESS {
        name: "fastcgi-keep-conn-useless",
        category: Reuse,
        level: Info,
        summary: "`fastcgi_keep_conn on`, and no pool to keep connections in",
        doc: "/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_keep_conn",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, Vec<Span>> = BTreeMap::new();
    for judged in target.reuse.leaves.iter().filter(|judged| judged.leaf.directive == "fastcgi_pass") {
        let keep = &judged.leaf.location.settings.reuse.fastcgi_keep_conn;
        let pooled = judged.reached.iter().any(|(reached, _)| match reached {
            ReachedTarget::Upstream(upstream) => upstream.pool().is_some(),
            ReachedTarget::Unknown => true,
            ReachedTarget::Bare(..) | ReachedTarget::Unix(_) => false,
        });
        if let Some(span) = keep.origin.span().filter(|_| keep.value && !pooled) {
            places.entry(span).or_default().push(judged.leaf.span);
        }
    }
    for (span, users) in places {
        let finding = FASTCGI_KEEP_CONN_USELESS
            .finding(span, "FastCGI connections are left open, but nothing keeps them")
            .label("has no effect without a pool")
            .help("pass to an `upstream` with `keepalive`");
        found.push(affected(finding, users, "no pool here"));
    }
}
