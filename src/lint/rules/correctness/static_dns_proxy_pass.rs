//! Names that are resolved once.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, names, text};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` and its relatives to a constant public name that is no `upstream`. For names of cloud
    /// services, whose addresses change by the hour, it is a warning. Names of one label, `.local`, `.internal` and
    /// the like are those of one's own network and no finding.
    ///
    /// ## Why is this bad
    ///
    /// nginx asks when it starts and never again. If the address changes, requests go to whoever has the old one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { fastcgi_pass app.eu-west-1.elb.amazonaws.com:9000; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / { fastcgi_pass app:9000; }
    ///     location /b { fastcgi_pass 10.0.0.1:9000; }
    /// }
    /// ```
    STATIC_DNS_PROXY_PASS {
        name: "static-dns-proxy-pass",
        category: Correctness,
        level: Info,
        summary: "a name in the internet is resolved once, at start",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let upstreams = target.levels().named("upstream").filter_map(|(_, upstream)| upstream.arg(0));
    let upstreams: HashSet<Vec<u8>> = upstreams.map(|w| w.value().to_ascii_lowercase()).collect();
    for name in ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"] {
        for (_, pass) in target.levels().named(name) {
            let Some(value) = pass.arg(0).filter(|w| !w.content().contains(&b'$')) else { continue };
            let host = text::without_port(&text::url(&value.value()).host);
            if !names::is_public(&host) || upstreams.contains(host.as_bytes()) {
                continue;
            }
            let mut finding = STATIC_DNS_PROXY_PASS
                .finding(value.span(), format!("`{host}` is resolved once, when nginx starts"))
                .label("a change of its address is not seen")
                .help("use an `upstream` with a `zone`, `server … resolve` and a `resolver`");
            if names::is_cloud(&host) {
                finding.level = Level::Warning;
            }
            found.push(finding);
        }
    }
}
