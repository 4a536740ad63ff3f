//! Peers whose names are resolved once.

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, names, text};
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `server` in `upstream` with a public name and no `resolve`, from nginx 1.27.3 on, which brought the
    /// parameter. For names of cloud services it is a warning.
    ///
    /// ## Why is this bad
    ///
    /// nginx asks when it starts and never again. If the address changes, requests go to whoever has the old one.
    ///
    /// ## Example
    ///
    /// ```nginx bad since-1.29.7
    /// upstream backend { server app.eu-west-1.elb.amazonaws.com:80; keepalive 16; }
    /// server {
    ///     location / { proxy_pass http://backend; }
    /// }
    /// ```
    ///
    /// ```nginx good since-1.29.7
    /// resolver 127.0.0.53;
    /// upstream backend { zone backend 64k; server app.eu-west-1.elb.amazonaws.com:80 resolve; keepalive 16; }
    /// server {
    ///     location / { proxy_pass http://backend; }
    /// }
    /// ```
    UPSTREAM_SERVER_NO_RESOLVE {
        name: "upstream-server-no-resolve",
        category: Correctness,
        level: Info,
        summary: "a name of a peer is resolved once, at start",
        doc: "/en/docs/http/ngx_http_upstream_module.html#resolve",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const FIRST: Version = Version::new(1, 27, 3);
    if target.config.version < FIRST {
        return;
    }
    for (level, server) in target.levels().named("server") {
        if !matches!(level.context(), Context::Upstream | Context::StreamUpstream) {
            continue;
        }
        let Some(name) = server.arg(0) else { continue };
        let host = text::without_port(&name.value());
        // A script that chooses the peer does not ask the servers.
        let scripted = level.directives().iter().any(|d| d.name().content().starts_with(b"balancer_by_lua"));
        let settled = scripted || server.args().skip(1).any(|w| w.is("resolve") || w.is("down"));
        if settled || !names::is_public(&host) {
            continue;
        }
        let mut finding = UPSTREAM_SERVER_NO_RESOLVE
            .finding(name.span(), format!("`{host}` is resolved once, when nginx starts"))
            .label("a change of its address is not seen")
            .help("add `resolve`, a `zone` to the upstream and a `resolver`");
        if names::is_cloud(&host) {
            finding.level = Level::Warning;
        }
        found.push(finding);
    }
}
