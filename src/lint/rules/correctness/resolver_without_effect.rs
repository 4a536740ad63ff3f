//! A `resolver` that nothing asks.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::text::{self, is_name};
use crate::syntax::Directive;
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `resolver` of `http`, a server or a location where nothing asks it: no `…_pass` has a variable, no
    /// `server` of an `upstream` has `resolve`, and there is no stapling. Where names are passed to it is a warning, else
    /// a note.
    ///
    /// ## Why is this bad
    ///
    /// A name that is written out is resolved once, when nginx starts, by the system: nginx does not start while the name
    /// is unknown, and keeps the old address when it changes. `resolver` alters neither.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         location / {
    ///             resolver 127.0.0.11 valid=30s;
    ///             proxy_pass http://app:3000;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main since-1.29.7
    /// events { }
    /// http {
    ///     resolver 127.0.0.11 valid=30s;
    ///     upstream app {
    ///         zone app 64k;
    ///         server app:3000 resolve;
    ///         keepalive 16;
    ///     }
    ///     server {
    ///         location / { proxy_pass http://app; }
    ///     }
    /// }
    /// ```
    RESOLVER_WITHOUT_EFFECT {
        name: "resolver-without-effect",
        category: Correctness,
        level: Warning,
        summary: "nothing asks this resolver: names are resolved once, at start",
        doc: "/en/docs/http/ngx_http_core_module.html#resolver",
    }
}

pub(crate) const PASSES: [&str; 5] = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"];

/// Other directives for which names are resolved at run time.
pub(crate) const OTHERS: [&str; 8] = [
    "ssl_stapling",
    "auth_jwt_key_request",
    "auth_oidc",
    "acme_issuer",
    "memcached_pass",
    "proxy_ssl_crl",
    "js_import",
    "auth_ldap_server",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    if !levels.has("resolver") || !target.is_whole() || !target.reads_everything() || !target.uses().complete
    {
        return;
    }
    if target.has_empty_mask() || OTHERS.iter().any(|name| levels.has(name)) {
        return;
    }
    let resolves =
        |d: &Directive<'_>| d.args().any(|w| w.is("resolve") || w.content().starts_with(b"service="));
    if levels.named("server").filter(|(_, d)| d.block().is_none()).any(|(_, d)| resolves(&d)) {
        return;
    }
    // The resolvers that something asks, and those in whose reach a name stands.
    let mut asked = HashSet::new();
    let mut named = HashSet::new();
    let mut known: HashMap<Vec<u8>, bool> = HashMap::new();
    for pass in PASSES {
        for (level, directive) in levels.http(pass) {
            let Some(holder) = level.holder("resolver") else { continue };
            let Some(value) = directive.arg(0).map(crate::syntax::Word::value) else { continue };
            if value.contains(&b'$') {
                asked.insert(holder.position());
            } else if !named.contains(&holder.position())
                && *known.entry(value.to_vec()).or_insert_with(|| reaches_name(target, &value))
            {
                named.insert(holder.position());
            }
        }
    }
    for (level, resolver) in levels.http("resolver") {
        if asked.contains(&level.position())
            || resolver.arg(0).is_some_and(|w| w.is("off") || w.content().contains(&b'$'))
        {
            continue;
        }
        let mut finding = RESOLVER_WITHOUT_EFFECT
            .finding(
                resolver.head(),
                "nothing asks this resolver: names without a variable are resolved once, at start",
            )
            .label("has no effect")
            .help(remedy(target.config.version));
        if !named.contains(&level.position()) {
            finding.level = Level::Info;
        }
        found.push(finding);
    }
}

/// The way to resolve a name at run time in a version.
fn remedy(version: Version) -> &'static str {
    const RESOLVE: Version = Version::new(1, 27, 3);
    if version >= RESOLVE {
        "write an `upstream` with `zone` and `server … resolve`, or put the name into a variable"
    } else {
        "put the name into a variable: `set $name host; proxy_pass http://$name;`"
    }
}

/// True if a request is passed to a name, directly or through an `upstream`.
fn reaches_name(target: Target<'_>, value: &[u8]) -> bool {
    let host = text::without_port(&text::url(value).host);
    let is_host = |host: &str| is_name(host) && host != "localhost" && !host.starts_with("unix");
    match target.all_upstreams().find(|upstream| upstream.name.eq_ignore_ascii_case(&host)) {
        Some(upstream) => {
            let block = target.levels().named("upstream").find(|(_, d)| d.head() == upstream.span);
            let inner = block.and_then(|(_, d)| d.block());
            inner.into_iter().flat_map(crate::syntax::Block::directives).any(|d| {
                d.name().is("server") && d.arg(0).is_some_and(|w| is_host(&text::without_port(&w.value())))
            })
        }
        None => is_host(&host),
    }
}
