//! A host without an `upstream` block.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::affected::affected;
use crate::lint::remedy;
use crate::lint::remedy::host::{bare, is_control_endpoint};
use crate::lint::rule::declare_rule;
use crate::lint::target::Target;
use crate::reuse::JudgedLeaf;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass`, `grpc_pass`, `memcached_pass` and, with `fastcgi_keep_conn on`, `fastcgi_pass` to a host
    /// and port that no `upstream` block stands for.
    ///
    /// ## Why is this bad
    ///
    /// nginx keeps connections only to explicit upstreams, in every version: not even the default of 1.29.7 changes
    /// that. Every request needs a source port of its own, and a closed connection keeps its port for a minute.
    ///
    /// Before 1.29.7 such a location also speaks HTTP/1.0 and sends `Connection: close` unless it says otherwise: the help
    /// and the fix say what it lacks, and the rules for these are silent.
    ///
    /// The fix adds an upstream and keeps what the peer sees: the `Host` header and the name in TLS. It is not made
    /// where `$proxy_host` or `$proxy_port` is used.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { proxy_pass http://10.0.0.1:8080; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         proxy_set_header Host $host;
    ///         proxy_pass https://10.0.0.1:8443$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend { server 10.0.0.1:8080; keepalive 16; }
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
    /// server {
    ///     location / { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    PROXY_TO_BARE_HOST {
        name: "proxy-to-bare-host",
        category: Reuse,
        level: Warning,
        summary: "requests go to a host without an `upstream` block: every one opens a connection",
        doc: "/en/docs/http/ngx_http_upstream_module.html#upstream",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut hosts: BTreeMap<String, Vec<&JudgedLeaf<'_>>> = BTreeMap::new();
    for judged in &target.reuse.leaves {
        if let Some(host) = bare(target, judged) {
            hosts.entry(host.to_lowercase()).or_default().push(judged);
        }
    }
    found.extend(hosts.iter().map(|(host, users)| finding(target, host, users)));
}

fn finding<'a>(target: Target<'a>, host: &str, users: &[&'a JudgedLeaf<'a>]) -> Diagnostic {
    let first = &users[0].leaf;
    let message =
        format!("`{host}` is no upstream, so nginx keeps no connection to it: every request opens a new one");
    let mut finding = PROXY_TO_BARE_HOST
        .finding(first.span, message)
        .label("no connection is reused")
        .help(remedy::of_host(target, host, users));
    if users.iter().all(|user| is_control_endpoint(target, &user.leaf, host)) {
        finding.level = Level::Info;
    }
    let finding = affected(finding, users.iter().skip(1).map(|user| user.leaf.span), "and here");
    match target.remedies().of_host(target, host) {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}
