//! One pool, two ways to speak.

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::location::Handler;
use crate::model::proxy::{Bind, HttpVersion};
use crate::model::upstream::Pool;
use crate::model::{ComplexValue, Upstream};
use crate::reuse::{DEFAULT_KEEPALIVE, Leaf};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` with an explicit `keepalive` and without `local`, when locations that pass to it differ in
    /// what belongs to a connection: `http` and `https`, HTTP/2 and HTTP/1, proxy and gRPC, the name or certificates of
    /// TLS, a constant `proxy_bind`.
    ///
    /// ## Why is this bad
    ///
    /// The cache is searched by the address of the peer only: a request takes a connection that another location opened
    /// in another way. Measured: requests for one TLS name leave over a connection made for another, a second constant
    /// `proxy_bind` has no effect, and with HTTP/2 beside HTTP/1 half of the requests ended with 504.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:443; keepalive 16; }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location /a { proxy_ssl_name a.test; proxy_pass https://backend; }
    ///     location /b { proxy_ssl_name b.test; proxy_pass https://backend; }
    /// }
    /// ```
    ///
    /// ```nginx good since-1.29.7
    /// upstream backend { server 10.0.0.1:443; keepalive 16 local; }
    /// server {
    ///     location /a { proxy_ssl_name a.test; proxy_pass https://backend; }
    ///     location /b { proxy_ssl_name b.test; proxy_pass https://backend; }
    /// }
    /// ```
    SHARED_POOL_MIXED_TRANSPORT {
        name: "shared-pool-mixed-transport",
        category: Reuse,
        level: Warning,
        summary: "locations that speak differently to the peer share one connection cache",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        if let Some(pool) = upstream.pool().filter(|pool| !pool.local) {
            found.extend(finding(target, upstream, pool));
        }
    }
}

/// The settings that belong to a connection.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::lint) struct Transport<'a> {
    directive: &'static str,
    tls: bool,
    http2: bool,
    /// Name, whether it is sent, certificate, whether the peer's is checked, and against what.
    certificates: Option<(&'a ComplexValue, bool, &'a ComplexValue, bool, &'a str)>,
    bind: Option<&'a Bind>,
}

pub(in crate::lint) fn transport<'a>(leaf: &Leaf<'a>) -> Transport<'a> {
    let tls = matches!(&leaf.location.handler, Some(Handler::Proxy(pass)) if pass.tls);
    let settings = &leaf.location.settings.reuse;
    let certificates = tls.then_some((
        &settings.proxy_ssl_name.value,
        settings.proxy_ssl_server_name.value,
        &settings.proxy_ssl_certificate.value,
        settings.proxy_ssl_verify.value,
        settings.proxy_ssl_trusted_certificate.value.as_str(),
    ));
    // One that comes with the request is another rule's.
    let bind = leaf.bind().map(|b| &b.value).filter(|b| matches!(b, Bind::Address { .. }));
    let http2 = leaf.is_http() && leaf.proxy().http_version.value == HttpVersion::Http2;
    Transport { directive: leaf.directive, tls, http2, certificates, bind }
}

/// The difference of two, worst first.
fn difference(a: &Transport<'_>, b: &Transport<'_>) -> Option<(&'static str, Level)> {
    let proxies = a.directive == "proxy_pass" && b.directive == "proxy_pass";
    if proxies && a.tls != b.tls {
        Some(("`http` and `https`", Level::Error))
    } else if proxies && a.http2 != b.http2 {
        Some(("HTTP/2 and HTTP/1", Level::Error))
    } else if a.directive != b.directive {
        Some(("different protocols", Level::Warning))
    } else if a.certificates != b.certificates {
        Some(("different names or certificates in TLS", Level::Warning))
    } else if a.bind != b.bind {
        Some(("different source addresses", Level::Warning))
    } else {
        None
    }
}

fn finding(target: Target<'_>, upstream: &Upstream, pool: Pool) -> Option<Diagnostic> {
    let users: Vec<_> = target.reuse.users(upstream).filter(|user| user.can_reuse()).collect();
    let first = transport(&users.first()?.leaf);
    let others = users.iter().filter_map(|user| Some((user, difference(&first, &transport(&user.leaf))?)));
    let (_, (what, level)) = others.clone().max_by_key(|(_, (_, level))| *level)?;
    let message = format!("locations share the connections to `{}` and use {what}", upstream.name);
    let local = target.config.version >= DEFAULT_KEEPALIVE;
    let mut finding = SHARED_POOL_MIXED_TRANSPORT
        .finding(upstream.keepalive.size.origin.span()?, message)
        .label("a connection serves any of them")
        .related(users[0].leaf.span, "speaks one way");
    finding.level = level;
    let finding = affected(finding, others.map(|(user, _)| user.leaf.span), "speaks another way");
    if !local {
        return Some(finding.help("give each its own upstream"));
    }
    let directive = format!("keepalive {} local;", pool.size);
    let finding = finding
        .help(format!("write `{directive}`: a connection is then used only by the location that opened it"));
    Some(match place::replace(target.configuration, upstream.keepalive.size.origin.span()?, &directive) {
        Some(edit) => finding.fix(Fix::safe(format!("write `{directive}`"), vec![edit])),
        None => finding,
    })
}
