//! The name of an upstream as `Host`.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place, text};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` to an upstream whose name has `_`, where no `proxy_set_header Host` is in force, or one with
    /// `$proxy_host`.
    ///
    /// ## Why is this bad
    ///
    /// nginx sends the name of the upstream as `Host`. `_` is not allowed in host names: Django, Tomcat, Rails and others
    /// answer 400.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream app_server { server 10.0.0.1:8000; keepalive 16; }
    /// server {
    ///     server_name a.example;
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://app_server;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream app_server { server 10.0.0.1:8000; keepalive 16; }
    /// server {
    ///     server_name a.example;
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_set_header Host $host;
    ///         proxy_pass http://app_server;
    ///     }
    /// }
    /// ```
    UPSTREAM_NAME_AS_HOST {
        name: "upstream-name-as-host",
        category: Correctness,
        level: Warning,
        summary: "the name of an upstream with `_` is sent as `Host`",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let named: HashSet<String> = target.all_upstreams().map(|u| u.name.to_ascii_lowercase()).collect();
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(value) = pass.arg(0).filter(|w| !w.content().contains(&b'$')) else { continue };
        let name = String::from_utf8_lossy(&text::url(&value.value()).host).into_owned();
        let is_upstream = || named.contains(&name.to_ascii_lowercase());
        if !name.contains('_')
            || !level.is_complete()
            || level.is("proxy_pass_request_headers", "off")
            || !is_upstream()
        {
            continue;
        }
        let lines = level.list("proxy_set_header");
        let host = lines.iter().find(|d| d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"host")));
        let sent = match host {
            None => true,
            Some(line) => line.arg(1).is_some_and(|w| w.value().eq_ignore_ascii_case(b"$proxy_host")),
        };
        if !sent {
            continue;
        }
        let finding = UPSTREAM_NAME_AS_HOST
            .finding(pass.head(), format!("the backend gets `Host: {name}`, and many refuse `_` in it"))
            .label("names the upstream")
            .help("add `proxy_set_header Host $host;`");
        let own = level.own("proxy_set_header").last();
        let edit = match host {
            // A line of its own would replace those of the outer level.
            None if own.is_some() || lines.is_empty() => {
                place::after(target.configuration, own.unwrap_or(pass).head(), "proxy_set_header Host $host;")
            }
            _ => None,
        };
        found.push(match edit {
            Some(edit) => finding.fix(Fix::unsafe_("send the host that was asked for", vec![edit])),
            None => finding,
        });
    }
}
