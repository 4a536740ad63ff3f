//! A pool, and FastCGI that closes.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::affected::affected;
use crate::lint::remedy::TOGETHER;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::{Endpoint, Origin, Upstream};
use crate::reuse::JudgedLeaf;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `fastcgi_pass` to an upstream with a TCP server, without `fastcgi_keep_conn on`. If the upstream keeps no
    /// connections either, before nginx 1.29.7 without `keepalive`, the help says both.
    ///
    /// ## Why is this bad
    ///
    /// Without it nginx asks the FastCGI server to close after each response, and the pool stays empty. But each kept
    /// connection occupies a worker of PHP-FPM: keep `keepalive` times `worker_processes` well below `pm.max_children`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream php { server 10.0.0.1:9000; keepalive 8; }
    /// server {
    ///     location / { fastcgi_pass php; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream php { server 10.0.0.1:9000; keepalive 8; }
    /// server {
    ///     location / { fastcgi_pass php; fastcgi_keep_conn on; }
    /// }
    /// ```
    FASTCGI_KEEP_CONN_MISSING {
        name: "fastcgi-keep-conn-missing",
        category: Reuse,
        level: Info,
        summary: "FastCGI servers are asked to close each connection",
        doc: "/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_keep_conn",
        absence: true,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<Span, (&Upstream, Vec<&JudgedLeaf<'_>>)> = BTreeMap::new();
    for judged in target.reuse.leaves.iter().filter(|judged| judged.leaf.directive == "fastcgi_pass") {
        if judged.leaf.location.settings.reuse.fastcgi_keep_conn.value {
            continue;
        }
        let Some(upstream) = judged.pooled().or_else(|| unpooled(target, judged)) else { continue };
        if upstream.peers.iter().any(|peer| !matches!(peer.endpoint, Endpoint::Unix(_))) {
            // One finding for each upstream: the pool is what stays empty.
            places.entry(upstream.span).or_insert((upstream, Vec::new())).1.push(judged);
        }
    }
    for (upstream, users) in places.into_values() {
        let name = &upstream.name;
        let message =
            format!("nginx asks `{name}` to close each FastCGI connection, so every request opens a new one");
        let few = "keep `keepalive` times workers well below `pm.max_children`";
        let help = match upstream.pool() {
            Some(_) => format!("add `fastcgi_keep_conn on;`, and {few}"),
            None => format!(
                "add `fastcgi_keep_conn on;`, and `keepalive {FEW};` at the end of upstream `{name}`: {TOGETHER}; {few}"
            ),
        };
        let finding = FASTCGI_KEEP_CONN_MISSING
            .finding(users[0].leaf.span, message)
            .label("asks the server to close")
            .help(help);
        let finding = affected(finding, users.iter().skip(1).map(|user| user.leaf.span), "and here");
        found.push(match fix(target, upstream, &users) {
            Some(fix) => finding.fix(fix),
            None => finding,
        });
    }
}

/// Connections of a worker to PHP-FPM, which has five processes by default.
const FEW: u32 = 2;

/// An upstream that keeps no connections, and does not say so on purpose.
fn unpooled<'a>(target: Target<'a>, judged: &'a JudgedLeaf<'a>) -> Option<&'a Upstream> {
    judged.upstreams().find(|u| {
        u.keepalive.size.origin == Origin::Default
            && u.keepalive_overridden.is_none()
            && target.remedies().lacks_pool(u)
    })
}

fn fix(target: Target<'_>, upstream: &Upstream, users: &[&JudgedLeaf<'_>]) -> Option<Fix> {
    let mut edits = Vec::new();
    if upstream.pool().is_none() {
        let pool = format!("keepalive {FEW};");
        edits.push(place::at_end_of_block(target.configuration, upstream.span, &pool)?);
    }
    for user in users {
        let keep = &user.leaf.location.settings.reuse.fastcgi_keep_conn;
        let edit = match keep.origin {
            Origin::Default => place::after(target.configuration, user.leaf.span, "fastcgi_keep_conn on;")?,
            Origin::Set(span) | Origin::Inherited(span) => {
                place::argument(target.configuration, span, 0, "on")?
            }
        };
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    Some(Fix::unsafe_("add `fastcgi_keep_conn on;`", edits))
}
