//! A pool per location, and too many locations.

use super::shared_pool_mixed_transport::transport;
use super::upstream_not_pooled::pool_size;
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::proxy::Bind;
use crate::model::upstream::Pool;
use crate::model::{Origin, Upstream};
use crate::reuse::{JudgedLeaf, distinct_peers};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` whose pool is kept per location (`local`, which is the default since 1.29.7) when its
    /// locations times its servers exceed the size of the pool; as an info, one with more than 8 locations. A location
    /// with an `if` inside counts twice: nginx makes a second location of it.
    ///
    /// ## Why is this bad
    ///
    /// All locations share the 32 places of the pool, but a connection is used again only by the location that opened
    /// it. Measured with requests to each location in turn: 8 locations needed 8 connections, 40 locations opened a new
    /// one for every request. A pool without `local` needed one.
    ///
    /// ## Example
    ///
    /// ```nginx bad since-1.29.7
    /// upstream backend {
    ///     server 10.0.0.1:8080;
    ///     server 10.0.0.2:8080;
    ///     server 10.0.0.3:8080;
    /// }
    /// server {
    ///     location /a { proxy_pass http://backend; }
    ///     location /b { proxy_pass http://backend; }
    ///     location /c { proxy_pass http://backend; }
    ///     location /d { proxy_pass http://backend; }
    ///     location /e { proxy_pass http://backend; }
    ///     location /f { proxy_pass http://backend; }
    ///     location /g { proxy_pass http://backend; }
    ///     location /h { proxy_pass http://backend; }
    ///     location /i { proxy_pass http://backend; }
    ///     location /j { proxy_pass http://backend; }
    ///     location /k { proxy_pass http://backend; }
    ///     location /l { proxy_pass http://backend; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend {
    ///     server 10.0.0.1:8080;
    ///     server 10.0.0.2:8080;
    ///     server 10.0.0.3:8080;
    ///     keepalive 32;
    /// }
    /// server {
    ///     proxy_http_version 1.1;
    ///     proxy_set_header Connection "";
    ///     location /a { proxy_pass http://backend; }
    ///     location /b { proxy_pass http://backend; }
    ///     location /c { proxy_pass http://backend; }
    ///     location /d { proxy_pass http://backend; }
    ///     location /e { proxy_pass http://backend; }
    ///     location /f { proxy_pass http://backend; }
    ///     location /g { proxy_pass http://backend; }
    ///     location /h { proxy_pass http://backend; }
    ///     location /i { proxy_pass http://backend; }
    ///     location /j { proxy_pass http://backend; }
    ///     location /k { proxy_pass http://backend; }
    ///     location /l { proxy_pass http://backend; }
    /// }
    /// ```
    POOL_FRAGMENTED_BY_LOCATIONS {
        name: "pool-fragmented-by-locations",
        category: Reuse,
        level: Warning,
        summary: "too many locations divide one connection cache among them",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
    }
}

/// More locations than this are worth knowing of.
const MANY: usize = 8;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        // A pool that is smaller than the peers is another rule's.
        let peers = distinct_peers(upstream);
        if let Some(pool) = upstream.pool()
            && pool.local
            && pool.size as usize >= peers
            && target.reuse.parts(upstream) > (pool.size as usize).min(MANY * peers)
        {
            found.push(finding(target, upstream, pool, peers));
        }
    }
}

fn finding(target: Target<'_>, upstream: &Upstream, pool: Pool, peers: usize) -> Diagnostic {
    let users: Vec<_> = target.reuse.users(upstream).filter(|user| user.can_reuse()).collect();
    let parts = target.reuse.parts(upstream);
    let (name, size) = (&upstream.name, pool.size);
    let locations = parts / peers.max(1);
    let by_default = if upstream.keepalive.size.origin == Origin::Default { " by default" } else { "" };
    let message = format!(
        "the {size} places for connections to `{name}` are divided among {locations} locations{by_default}"
    );
    let wanted = pool_size(upstream).max(size as usize);
    let mut finding = POOL_FRAGMENTED_BY_LOCATIONS
        .finding(upstream.keepalive.size.origin.span().unwrap_or(upstream.span), message)
        .label(format!("{locations} locations and {peers} servers would need {parts} places"))
        .help(format!("write `keepalive {wanted};`, without `local`: all locations then share connections"));
    if parts <= size as usize {
        finding.level = Level::Info;
    }
    let finding = affected(finding, users.iter().map(|user| user.leaf.span), "used here");
    match fix(target, upstream, &users, wanted) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// Only where any connection serves any location.
fn fix(target: Target<'_>, upstream: &Upstream, users: &[&JudgedLeaf<'_>], wanted: usize) -> Option<Fix> {
    let first = transport(&users.first()?.leaf);
    let alike = users.iter().all(|user| transport(&user.leaf) == first);
    let bound = users.iter().any(|u| matches!(u.leaf.bind().map(|b| &b.value), Some(Bind::Value { .. })));
    if !alike || bound {
        return None;
    }
    let directive = format!("keepalive {wanted};");
    let edit = match upstream.keepalive.size.origin {
        Origin::Set(span) => place::replace(target.configuration, span, &directive),
        _ => place::at_end_of_block(target.configuration, upstream.span, &directive),
    }?;
    Some(Fix::safe(format!("write `{directive}`"), vec![edit]))
}
