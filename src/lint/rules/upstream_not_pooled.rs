//! An upstream without a connection cache.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::proxy::HttpVersion;
use crate::model::{Config, Endpoint, Origin, Upstream};
use crate::reuse::{Leaf, Reached, connections, leaves, targets};

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
    /// ```nginx bad before=1.29.7
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
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut users: HashMap<*const Upstream, Vec<Leaf<'_>>> = HashMap::new();
    for leaf in leaves(target.config) {
        // uwsgi and SCGI cannot use a cache, an upgraded connection never returns to one.
        if matches!(leaf.directive, "uwsgi_pass" | "scgi_pass") || leaf.is_websocket_only() {
            continue;
        }
        for reached in targets(target.config, &leaf) {
            if let Reached::Upstream(upstream) = reached {
                users.entry(upstream).or_default().push(leaf.clone());
            }
        }
    }
    for upstream in &target.config.http.upstreams {
        // A cache that the balancer switched off is nginx's own warning.
        let explicit = !upstream.is_implicit() && upstream.keepalive_overridden.is_none();
        if explicit
            && upstream.keepalive.size.value.is_none()
            && let Some(users) = users.get(&std::ptr::from_ref(upstream))
        {
            found.push(finding(target, upstream, users));
        }
    }
}

fn finding(target: Target<'_>, upstream: &Upstream, users: &[Leaf<'_>]) -> Diagnostic {
    let name = &upstream.name;
    let size = pool_size(upstream);
    let asked = users.iter().any(|l| asks_for_reuse(target.config, l));
    let worse = if asked {
        ", and locations ask it to keep connections open: each leaves a port in TIME_WAIT on this host"
    } else {
        ""
    };
    let message = format!("upstream `{name}` keeps no connections: every request opens a new one{worse}");
    let mut finding = UPSTREAM_NOT_POOLED
        .finding(upstream.span, message)
        .label("no connection is reused")
        .help(format!("add `keepalive {size};` at the end of the upstream"));
    if upstream.peers.iter().all(|p| matches!(p.endpoint, Endpoint::Unix(_))) {
        // No ports are used; only the cost of connecting remains.
        finding.level = Level::Info;
    }
    for leaf in users.iter().take(3) {
        finding = finding.related(leaf.span, "used here");
    }
    match fix(target, upstream, size) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn asks_for_reuse(config: &Config, leaf: &Leaf<'_>) -> bool {
    leaf.is_http()
        && leaf.proxy().http_version.value >= HttpVersion::Http11
        && connections(config, leaf).iter().all(|c| !c.closes())
}

/// Twice the number of peers, so that round robin finds a connection to each, and at least 16.
fn pool_size(upstream: &Upstream) -> usize {
    (2 * upstream.peers.len()).max(16)
}

fn fix(target: Target<'_>, upstream: &Upstream, size: usize) -> Option<Fix> {
    let title = format!("add `keepalive {size};`");
    let directive = format!("keepalive {size};");
    if let Origin::Set(span) = upstream.keepalive.size.origin {
        // `keepalive 0;` was written on purpose: a person has to look.
        let old = place::find(target.configuration, span)?.span();
        return Some(Fix::unsafe_(title, vec![Edit::replace(old, directive)]));
    }
    let edit = place::at_end_of_block(target.configuration, upstream.span, &directive)?;
    Some(Fix::safe(title, vec![edit]))
}
