//! A visitor who changes groups.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::{SplitClients, VariableSource};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `split_clients` whose key has a variable that differs between the requests or connections of one
    /// visitor (`$request_id`, `$remote_port`, `$connection`, `$msec` ...), when the result is something that visitors
    /// see: what is served, a redirection, a header or cookie.
    ///
    /// ## Why is this bad
    ///
    /// Half a page comes from one variant and half from the other. Where the result only chooses a source address, such
    /// a key is right.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// split_clients $request_id $variant { 50% a; * b; }
    /// server {
    ///     location / { root /srv/$variant; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// split_clients $remote_addr$http_user_agent $variant { 50% a; * b; }
    /// server {
    ///     location / { root /srv/$variant; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// split_clients $request_id $source { 50% 10.0.0.8; * 10.0.0.9; }
    /// upstream backend { server 10.0.0.1:80; keepalive 16; }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_bind $source;
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    SPLIT_CLIENTS_UNSTABLE_KEY {
        name: "split-clients-unstable-key",
        category: Correctness,
        level: Warning,
        summary: "visitors change their bucket of a `split_clients` with every request",
        doc: "/en/docs/http/ngx_http_split_clients_module.html#split_clients",
    }
}

/// Variables that differ between requests or connections of one client.
const UNSTABLE: &[&str] = &[
    "connection",
    "connection_requests",
    "connection_time",
    "msec",
    "pid",
    "remote_port",
    "request_id",
    "request_length",
    "request_time",
    "time_iso8601",
    "time_local",
];

/// Directives whose result a visitor sees.
const VISIBLE: &[&str] =
    &["root", "alias", "try_files", "index", "rewrite", "return", "add_header", "userid_name"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for split in &target.config.http.split_clients {
        found.extend(finding(target, split));
    }
}

fn finding(target: Target<'_>, split: &SplitClients) -> Option<Diagnostic> {
    let variables = &target.config.http.variables;
    let key = split.key.variables().map(|id| variables.get(id));
    let unstable: Vec<&str> = key
        .filter(|v| v.source == VariableSource::Builtin && UNSTABLE.contains(&v.name.as_str()))
        .map(|v| v.name.as_str())
        .collect();
    let first = unstable.first()?;
    let name = &variables.get(split.variable).name;
    let (_, seen) = target.uses().reached(name).into_iter().find(|(_, directive)| is_visible(*directive))?;
    Some(
        SPLIT_CLIENTS_UNSTABLE_KEY
            .finding(
                split.span,
                format!("`${first}` in the key: a visitor gets another `${name}` with each request"),
            )
            .label("differs between requests of one visitor")
            .related(seen.head(), "visitors see it here")
            .help("split by `$remote_addr`, or by a cookie"),
    )
}

fn is_visible(directive: Directive<'_>) -> bool {
    // An assignment of variants sets a cookie at once: that is how a visitor stays in one.
    let cookie = directive.arg(0).is_some_and(|arg| arg.content().eq_ignore_ascii_case(b"Set-Cookie"));
    VISIBLE.iter().any(|name| directive.name().is(name)) && !cookie
}
