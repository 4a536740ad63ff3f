//! A key that does not split.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::{SplitClients, VariableSource};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `split_clients` whose key has no variable (an error), or only variables that take few values, such as
    /// `$scheme` or `$server_name`. If the result is a source address (`proxy_bind`), it also reports `$remote_addr`
    /// alone where requests come through another proxy: `listen ... proxy_protocol` without `real_ip_header`.
    ///
    /// ## Why is this bad
    ///
    /// The key decides the bucket. With a constant all requests fall into one, and the other source addresses are never
    /// used. For spreading connections use `$request_id`, or `$remote_addr$remote_port$connection_requests`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// split_clients "x" $source { 50% 10.0.0.8; * 10.0.0.9; }
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
    ///
    /// ```nginx bad
    /// split_clients $scheme $source { 50% 10.0.0.8; * 10.0.0.9; }
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
    SPLIT_CLIENTS_KEY {
        name: "split-clients-key",
        category: Correctness,
        level: Warning,
        summary: "the key of a `split_clients` hardly differs between requests",
        doc: "/en/docs/http/ngx_http_split_clients_module.html#split_clients",
    }
}

/// Variables that take few values.
const FEW_VALUES: &[&str] = &[
    "host_name",
    "hostname",
    "https",
    "nginx_version",
    "pid",
    "realpath_root",
    "request_method",
    "scheme",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "ssl_protocol",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for split in &target.config.http.split_clients {
        found.extend(finding(target, split));
    }
}

fn finding(target: Target<'_>, split: &SplitClients) -> Option<Diagnostic> {
    let key = split.key.display(&target.config.http.variables);
    if split.key.constant().is_some() {
        let mut finding = SPLIT_CLIENTS_KEY
            .finding(
                split.span,
                format!("the key `{key}` has no variable: all requests fall into one bucket"),
            )
            .label("always the same bucket")
            .help("split by `$request_id`, or by `$remote_addr` to keep a visitor in one bucket");
        finding.level = Level::Error;
        return Some(finding);
    }
    let builtin = |names: &[&str]| {
        split.key.variables().all(|id| {
            let variable = target.config.http.variables.get(id);
            variable.source == VariableSource::Builtin && names.contains(&variable.name.as_str())
        }) && split.key.variables().next().is_some()
    };
    if builtin(FEW_VALUES) {
        return Some(
            SPLIT_CLIENTS_KEY
                .finding(split.span, format!("the key `{key}` takes few values: most buckets stay empty"))
                .label("few values")
                .help("split by `$request_id`, or by `$remote_addr` to keep a visitor in one bucket"),
        );
    }
    let listen = behind_proxy(target)?;
    (builtin(&["remote_addr", "binary_remote_addr"]) && spreads_sources(target, split)).then(|| {
        SPLIT_CLIENTS_KEY
            .finding(
                split.span,
                "the client address is that of the proxy in front: few source addresses are used",
            )
            .label("few values")
            .related(listen, "requests come through another proxy")
            .help("split by `$request_id`, or set `real_ip_header proxy_protocol;` and `set_real_ip_from`")
    })
}

/// True if the result is the source address of upstream connections.
pub(in crate::lint) fn spreads_sources(target: Target<'_>, split: &SplitClients) -> bool {
    let name = &target.config.http.variables.get(split.variable).name;
    let uses = target.uses().reached(name);
    uses.iter().any(|(_, directive)| directive.name().content().ends_with(b"_bind"))
}

/// A `listen` behind another proxy whose server does not take the client's address from it.
fn behind_proxy(target: Target<'_>) -> Option<crate::source::Span> {
    let servers = target.config.http.servers.iter();
    let blind = servers.filter(|s| s.settings.access.real_ip_header.origin == crate::model::Origin::Default);
    blind
        .flat_map(|server| &server.listen)
        .find(|listen| listen.proxy_protocol)
        .and_then(|listen| listen.span)
}
