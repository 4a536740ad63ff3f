//! A pool with fewer places than peers.

use super::upstream_not_pooled::pool_size;
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::upstream::Pool;
use crate::model::{Origin, Upstream};
use crate::reuse::{JudgedLeaf, distinct_peers};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` whose `keepalive` is less than the number of its servers; as an info, one that is less
    /// than twice that number. Servers that are `down` or `backup`, and addresses named twice, do not count.
    ///
    /// ## Why is this bad
    ///
    /// The cache belongs to the upstream, not to a server. Round robin goes to the next server each time, so each
    /// connection is thrown out before its server's turn comes again: with one place for three servers no connection at
    /// all is reused.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend {
    ///     server 10.0.0.1:8080;
    ///     server 10.0.0.2:8080;
    ///     server 10.0.0.3:8080;
    ///     keepalive 2;
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
    ///     server 10.0.0.1:8080;
    ///     server 10.0.0.2:8080;
    ///     server 10.0.0.3:8080;
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
    POOL_SMALLER_THAN_PEERS {
        name: "pool-smaller-than-peers",
        category: Reuse,
        level: Warning,
        summary: "the connection cache is smaller than the number of servers",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for upstream in target.upstreams() {
        let Some(pool) = upstream.pool() else { continue };
        let peers = distinct_peers(upstream);
        let used = target.reuse.users(upstream).any(JudgedLeaf::can_reuse);
        if used && (pool.size as usize) < 2 * peers {
            found.push(finding(target, upstream, pool, peers));
        }
    }
}

fn finding(target: Target<'_>, upstream: &Upstream, pool: Pool, peers: usize) -> Diagnostic {
    let Pool { size, local } = pool;
    let name = &upstream.name;
    let enough = size as usize >= peers;
    let (connections, servers) = (count(size as usize, "connection"), count(peers, "server"));
    let message = if enough {
        format!("`{name}` keeps {connections} for {servers}: under load few of them are reused")
    } else {
        format!(
            "`{name}` keeps {connections} for {servers}: each is thrown out before its server's next turn"
        )
    };
    let directive = format!("keepalive {}{};", pool_size(upstream), if local { " local" } else { "" });
    let mut finding = POOL_SMALLER_THAN_PEERS
        .finding(upstream.keepalive.size.origin.span().unwrap_or(upstream.span), message)
        .label(format!("{size} for {servers}"))
        .help(format!("write `{directive}`"));
    if enough {
        finding.level = Level::Info;
    }
    let finding = affected(finding, target.reuse.users(upstream).map(|user| user.leaf.span), "used here");
    let edit = match upstream.keepalive.size.origin {
        Origin::Set(span) => place::replace(target.configuration, span, &directive),
        _ => place::at_end_of_block(target.configuration, upstream.span, &directive),
    };
    match edit {
        Some(edit) => finding.fix(Fix::safe(format!("write `{directive}`"), vec![edit])),
        None => finding,
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
