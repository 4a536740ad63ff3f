//! Names in variables without a `resolver`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::names;
use crate::lint::rule::declare_rule;
use crate::lint::text;
use crate::reuse::Reached;
use crate::reuse::has_variable_host;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `…_pass` with a variable in its host, if one of the values that it is known to take is a host name
    /// and no `upstream`, and no `resolver` is in force. Addresses and sockets need none.
    ///
    /// ## Why is this bad
    ///
    /// A name in a variable is resolved when the request comes. Without a `resolver` the answer is 502, `no
    /// resolver defined to resolve`.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         location / {
    ///             set $backend app.example.com;
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     server {
    ///         location / {
    ///             set $backend unix:/run/app.sock;
    ///             proxy_pass http://$backend;
    ///         }
    ///     }
    /// }
    /// ```
    VARIABLE_PROXY_WITHOUT_RESOLVER {
        name: "variable-proxy-without-resolver",
        category: Correctness,
        level: Error,
        summary: "a variable gives a host name, and nothing says which name server to ask",
        doc: "/en/docs/http/ngx_http_core_module.html#resolver",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() || !target.reads_everything() {
        return;
    }
    for judged in &target.reuse.leaves {
        let leaf = &judged.leaf;
        let resolver = &leaf.location.settings.limit.resolver.value;
        if !resolver.servers.is_empty() || !has_variable_host(target.config, leaf.target) {
            continue;
        }
        let name = judged.reached.iter().find_map(|(reached, _)| match reached {
            Reached::Bare(host, span) => Some((text::without_port(host.as_bytes()), span)),
            _ => None,
        });
        let Some((host, span)) = name.filter(|(host, _)| names::is_name(host) && host.contains('.')) else {
            continue;
        };
        let mut finding = VARIABLE_PROXY_WITHOUT_RESOLVER
            .finding(leaf.span, format!("`{host}` comes from a variable, and no `resolver` is in force: 502"))
            .help("add `resolver`, or define an `upstream` of that name");
        if let Some(span) = span {
            finding = finding.related(*span, "gives the name");
        }
        found.push(finding);
    }
}
