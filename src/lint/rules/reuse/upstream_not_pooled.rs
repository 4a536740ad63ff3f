//! An upstream without a connection cache.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::remedy::{self, is_local};
use crate::lint::rule::declare_rule;
use crate::model::proxy::HttpVersion;
use crate::model::{Origin, Upstream};
use crate::reuse::JudgedLeaf;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` that locations proxy to and that has no connection cache: before nginx 1.29.7 one without
    /// `keepalive`, since then one with `keepalive 0`.
    ///
    /// ## Why is this bad
    ///
    /// Every request opens a connection of its own and needs a source port of its own. A closed connection keeps its
    /// port for a minute (`TIME_WAIT`), so a busy proxy runs out: `connect() failed (99: Cannot assign requested
    /// address)`, and clients see 502.
    ///
    /// ## Example
    ///
    /// ```nginx bad before-1.29.7
    /// upstream backend {
    ///     server 10.0.0.100:1234;
    /// }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend {
    ///     server 10.0.0.100:1234;
    ///     keepalive 16;
    /// }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    UPSTREAM_NOT_POOLED {
        name: "upstream-not-pooled",
        category: Reuse,
        level: Warning,
        summary: "an upstream keeps no connections: every request needs a source port of its own",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        // A cache that the balancer switched off is a rule of its own.
        if upstream.keepalive_overridden.is_none()
            && target.remedies().lacks_pool(upstream)
            && !closes_fastcgi(target, upstream)
        {
            found.push(finding(target, upstream));
        }
    }
}

fn finding<'a>(target: Target<'a>, upstream: &'a Upstream) -> Diagnostic {
    let users: Vec<_> = target.reuse.users(upstream).filter(|user| user.can_reuse()).collect();
    let name = &upstream.name;
    let asked = users.iter().any(|user| asks_for_reuse(user));
    let worse = if asked {
        ", and locations ask it to keep connections open: each leaves a port in TIME_WAIT on this host"
    } else {
        ""
    };
    let message = if is_local(upstream) {
        format!("upstream `{name}` keeps no connections: every request connects to its socket anew")
    } else {
        format!("upstream `{name}` keeps no connections: every request opens a new one{worse}")
    };
    let mut finding = UPSTREAM_NOT_POOLED
        .finding(upstream.span, message)
        .label(if is_local(upstream) { "costs time, no ports" } else { "no connection is reused" })
        .help(remedy::of_upstream(target, upstream, &users));
    if is_local(upstream) {
        // No ports are used; only the cost of connecting remains.
        finding.level = Level::Info;
    } else if matches!(upstream.keepalive.size.origin, Origin::Set(_)) && users.iter().any(|u| empties(u)) {
        // The locations say the opposite of `keepalive 0`.
        finding.level = Level::Error;
    }
    finding = affected(finding, users.iter().map(|user| user.leaf.span), "used here");
    match target.remedies().of_upstream(target, upstream) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// True if all its users are FastCGI that closes by default: `fastcgi-keep-conn-missing` says what both lack.
fn closes_fastcgi(target: Target<'_>, upstream: &Upstream) -> bool {
    target.reuse.users(upstream).filter(|user| user.can_reuse()).all(is_closing_fastcgi)
}

fn is_closing_fastcgi(user: &JudgedLeaf<'_>) -> bool {
    user.leaf.directive == "fastcgi_pass" && !user.leaf.location.settings.reuse.fastcgi_keep_conn.value
}

/// True if the `Connection` header is emptied on purpose.
fn empties(user: &JudgedLeaf<'_>) -> bool {
    asks_for_reuse(user) && user.leaf.proxy().header(b"connection").is_some()
}

fn asks_for_reuse(user: &JudgedLeaf<'_>) -> bool {
    user.leaf.is_http()
        && user.leaf.proxy().http_version.value >= HttpVersion::Http11
        && user.connections.iter().all(|c| !c.closes())
}

/// Twice the number of peers, so that round robin finds a connection to each, and at least 16.
pub(in crate::lint) fn pool_size(upstream: &Upstream) -> usize {
    (2 * upstream.peers.len()).max(16)
}
