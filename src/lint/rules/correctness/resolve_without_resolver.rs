//! `resolve` needs a name server.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::rules::correctness::resolve_without_zone::resolving;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `server … resolve` where neither the upstream nor `http` or `stream` has a `resolver`, in whole
    /// configurations.
    ///
    /// ## Why is this bad
    ///
    /// nginx does not start.
    ///
    /// ## Example
    ///
    /// ```nginx bad main since-1.29.7
    /// events { }
    /// http {
    ///     upstream backend { zone backend 64k; server app.internal:80 resolve; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://backend; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main since-1.29.7
    /// events { }
    /// http {
    ///     resolver 127.0.0.53;
    ///     upstream backend { zone backend 64k; server app.internal:80 resolve; keepalive 16; }
    ///     server {
    ///         location / { proxy_pass http://backend; }
    ///     }
    /// }
    /// ```
    RESOLVE_WITHOUT_RESOLVER {
        name: "resolve-without-resolver",
        category: Correctness,
        level: Error,
        summary: "`resolve` in an upstream, and nothing says which name server to ask",
        doc: "/en/docs/http/ngx_http_upstream_module.html#resolve",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, server) in resolving(target) {
        if level.is_rooted() && level.effective("resolver").is_none() && target.reads_everything() {
            found.push(
                RESOLVE_WITHOUT_RESOLVER
                    .finding(
                        server.head(),
                        "nothing says which name server `resolve` asks: nginx does not start",
                    )
                    .help("add `resolver` to the upstream, or around it"),
            );
        }
    }
}
