//! Connections bound to a client's address, in a pool.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::place;
use crate::lint::remedy::limits::is_client_source;
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::model::{Origin, Upstream};
use crate::reuse::DEFAULT_KEEPALIVE;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_bind` (and the like) with a variable that comes from the client, or with `transparent` and a
    /// variable, in front of an upstream that keeps connections. Since 1.29.7 that is every `upstream` without
    /// `keepalive 0`.
    ///
    /// ## Why is this bad
    ///
    /// The cache is searched by the address of the peer only. A request takes an idle connection whatever address it
    /// was bound to: the peer sees another client. A variable from `split_clients` that only spreads ports is harmless.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $remote_addr transparent;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good since-1.29.7
    /// upstream backend { server 10.0.0.1:8080; keepalive 0; }
    /// server {
    ///     location / {
    ///         proxy_bind $remote_addr transparent;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    POOL_IGNORES_SOURCE_ADDRESS {
        name: "pool-ignores-source-address",
        category: Reuse,
        level: Error,
        summary: "pooled connections leave with the address of another client",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_bind",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<(Span, Span), (&Upstream, Vec<Span>)> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        let Some(bind) = judged.leaf.bind().and_then(|bind| bind.origin.span()) else { continue };
        if !is_client_source(target, &judged.leaf) {
            continue;
        }
        for upstream in judged.upstreams().filter(|upstream| upstream.pool().is_some()) {
            let users = places.entry((bind, upstream.span)).or_insert_with(|| (upstream, Vec::new()));
            users.1.push(judged.leaf.span);
        }
    }
    found.extend(
        places.into_iter().map(|((bind, _), (upstream, users))| finding(target, bind, upstream, &users)),
    );
}

fn finding(target: Target<'_>, bind: Span, upstream: &Upstream, users: &[Span]) -> Diagnostic {
    let name = &upstream.name;
    let pool = upstream.keepalive.size.origin.span().unwrap_or(upstream.span);
    let by_default = if upstream.keepalive.size.origin == Origin::Default { ", by default" } else { "" };
    let message = format!(
        "connections to `{name}` are pooled{by_default}: requests leave with another client's address"
    );
    let can_say_zero = target.config.version >= DEFAULT_KEEPALIVE;
    let finding = POOL_IGNORES_SOURCE_ADDRESS
        .finding(bind, message)
        .label("comes from the client")
        .related(pool, "the pool takes no notice of it")
        .help(if can_say_zero {
            "write `keepalive 0;` in the upstream"
        } else {
            "remove `keepalive` from the upstream"
        });
    let finding = affected(finding, users.iter().copied(), "used here");
    match fix(target, upstream, can_say_zero) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

fn fix(target: Target<'_>, upstream: &Upstream, can_say_zero: bool) -> Option<Fix> {
    let zero = "keepalive 0;";
    let (title, edit) = match (upstream.keepalive.size.origin, can_say_zero) {
        (Origin::Set(span), true) => {
            ("write `keepalive 0;`", place::replace(target.configuration, span, zero)?)
        }
        (Origin::Set(span), false) => ("remove `keepalive`", place::remove(target.configuration, span)?),
        (_, true) => {
            ("add `keepalive 0;`", place::at_end_of_block(target.configuration, upstream.span, zero)?)
        }
        (_, false) => return None,
    };
    Some(Fix::safe(title, vec![edit]))
}
