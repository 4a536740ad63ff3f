//! The name of an upstream that nobody defined.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::lint::affected::affected;
use crate::lint::names::looks_like_upstream;
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::reuse::{Leaf, ReachedTarget, has_variable_host};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a value of a variable in `proxy_pass` and the like that looks like the name of an upstream (no dot, no
    /// port), where no such `upstream` exists and no `resolver` could look it up.
    ///
    /// ## Why is this bad
    ///
    /// Every request that gets this value fails with 502: `no resolver defined to resolve ...`. nginx finds out only
    /// when it happens.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     upstream blue { server 10.0.0.1:8080; keepalive 16; }
    ///     map $cookie_group $backend { default blue; green green; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     upstream blue { server 10.0.0.1:8080; keepalive 16; }
    ///     upstream green { server 10.0.0.2:8080; keepalive 16; }
    ///     map $cookie_group $backend { default blue; green green; }
    ///     server {
    ///         location / {
    ///             proxy_http_version 1.1;
    ///             proxy_set_header Connection "";
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    UPSTREAM_UNDEFINED {
        name: "upstream-undefined",
        category: Correctness,
        level: Error,
        summary: "a variable names an upstream that does not exist",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() {
        return;
    }
    let mut places: BTreeMap<(Span, String), Vec<Span>> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        for (reached, _) in &judged.reached {
            if let ReachedTarget::Bare(host, span) = reached
                && is_missing_upstream(target, &judged.leaf, host)
            {
                let root = span.unwrap_or(judged.leaf.span);
                places.entry((root, host.clone())).or_default().push(judged.leaf.span);
            }
        }
    }
    for ((span, host), users) in places {
        let message = format!(
            "`{host}` is no upstream, and no `resolver` can look it up: these requests fail with 502"
        );
        let finding = UPSTREAM_UNDEFINED
            .finding(span, message)
            .label("no such upstream")
            .help(format!("define `upstream {host} {{ ... }}`, or correct the name"));
        found.push(affected(finding, users.into_iter().filter(|user| *user != span), "used here"));
    }
}

/// True if a value in a leaf is a name that only an `upstream` could explain.
pub(crate) fn is_missing_upstream(target: Target<'_>, leaf: &Leaf<'_>, host: &str) -> bool {
    has_variable_host(target.config, leaf.target)
        && looks_like_upstream(host)
        && leaf.location.settings.limit.resolver.value.servers.is_empty()
}
