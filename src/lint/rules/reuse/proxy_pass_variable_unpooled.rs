//! A variable host that is no upstream.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::affected::affected;
use crate::lint::remedy::{self, listed};
use crate::lint::rule::declare_rule;
use crate::lint::rules::correctness::upstream_undefined::is_missing_upstream;
use crate::reuse::{JudgedLeaf, Leaf, ReachedTarget, fixed_parts, has_variable_host};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` and the like whose host comes from a variable that can name something else than an
    /// `upstream` block: by its `set`, `map` or `split_clients`, which are followed. Where the value comes with the
    /// request, that is an info.
    ///
    /// ## Why is this bad
    ///
    /// nginx keeps connections only to explicit upstreams. An address or host name in a variable is resolved and
    /// connected to for every request. A variable in the path alone changes nothing.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream a { server 10.0.0.1:8080; keepalive 16; }
    /// map $arg_p $backend { default a; x 10.0.0.2:8080; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://$backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     set $backend 127.0.0.1:19001;
    ///     location / { proxy_pass http://$backend; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream a { server 10.0.0.1:8080; keepalive 16; }
    /// upstream b { server 10.0.0.2:8080; keepalive 16; }
    /// map $arg_p $backend { default a; x b; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://$backend$request_uri;
    ///     }
    /// }
    /// ```
    PROXY_PASS_VARIABLE_UNPOOLED {
        name: "proxy-pass-variable-unpooled",
        category: Reuse,
        level: Warning,
        summary: "a variable sends requests to a host that is no upstream",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

/// A host that is no upstream, and what names it.
type Entry = (Span, String);

/// The hosts of one entry, the places that use it, and the lines that these lack.
type Known = (Vec<Entry>, Vec<Span>, Vec<String>);

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut known: BTreeMap<Span, Known> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        let leaf = &judged.leaf;
        let could_keep =
            leaf.directive != "fastcgi_pass" || leaf.location.settings.reuse.fastcgi_keep_conn.value;
        if !judged.can_reuse() || !could_keep || !has_variable_host(target.config, leaf.target) {
            continue;
        }
        let bare = hosts(target, judged);
        if let Some((first, _)) = bare.first() {
            let entry = known.entry(*first).or_insert_with(|| (bare, Vec::new(), Vec::new()));
            entry.1.push(leaf.span);
            let lines = remedy::lines(&[remedy::missing(target, judged, true)]);
            entry.2.extend(lines);
            entry.2.sort();
            entry.2.dedup();
        } else if judged.reached.iter().all(|(reached, _)| matches!(reached, ReachedTarget::Unknown))
            && !is_family(target, leaf)
        {
            found.push(unknown(leaf.span));
        }
    }
    found
        .extend(known.into_iter().map(|(span, (hosts, users, lines))| finding(span, &hosts, &users, &lines)));
}

/// The hosts that are no upstream, each with the entry that names it. What looks like the name of an upstream that
/// was forgotten is another rule's.
fn hosts(target: Target<'_>, judged: &JudgedLeaf<'_>) -> Vec<Entry> {
    let mut hosts: Vec<Entry> = Vec::new();
    for (reached, _) in &judged.reached {
        if let ReachedTarget::Bare(host, span) = reached
            && !is_missing_upstream(target, &judged.leaf, host)
            && !target.may_be_upstream(&judged.leaf, host)
        {
            hosts.push((span.unwrap_or(judged.leaf.span), host.clone()));
        }
    }
    hosts.sort();
    hosts
}

fn finding(span: Span, hosts: &[Entry], users: &[Span], lines: &[String]) -> Diagnostic {
    let host = &hosts[0].1;
    let more = match hosts.len() {
        1 => String::new(),
        n => format!(" (and {} more values)", n - 1),
    };
    let message =
        format!("requests go to `{host}`{more}, which is no upstream: every one opens a new connection");
    let mut help = "define an `upstream` with `keepalive` for it, and let the variable name that".to_owned();
    if !lines.is_empty() {
        help = format!("{help}, with {} where it is used", listed(lines));
    }
    let finding =
        PROXY_PASS_VARIABLE_UNPOOLED.finding(span, message).label("no connection to it is reused").help(help);
    affected(finding, users.iter().copied().filter(|user| *user != span), "used here")
}

/// True if the fixed part of the host is that of upstreams: `http://up_$name` and `upstream up_a`.
fn is_family(target: Target<'_>, leaf: &Leaf<'_>) -> bool {
    let parts = fixed_parts(target.config, leaf.target);
    let has = |name: &str| parts.iter().all(|part| memchr::memmem::find(name.as_bytes(), part).is_some());
    !parts.is_empty() && target.all_upstreams().any(|upstream| has(&upstream.name))
}

fn unknown(span: Span) -> Diagnostic {
    let mut finding = PROXY_PASS_VARIABLE_UNPOOLED
        .finding(
            span,
            "the host is known only from the request: no connection is reused unless it is the name of an upstream",
        )
        .label("any host")
        .help("if the hosts are known, give each an `upstream` with `keepalive` and let a `map` choose one; a proxy for any host has to open a connection for each request");
    finding.level = Level::Info;
    finding
}
