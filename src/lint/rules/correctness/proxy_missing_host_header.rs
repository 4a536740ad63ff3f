//! Several names and no `Host`.

use std::collections::HashSet;

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, names, text};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` without an effective `proxy_set_header Host` in a server with two or more names, a
    /// wildcard or a regular expression.
    ///
    /// ## Why is this bad
    ///
    /// Without it nginx sends the name in `proxy_pass`. The backend cannot tell the names apart, and makes links
    /// with that one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     server_name a.example b.example;
    ///     location / { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     server_name a.example b.example;
    ///     location / {
    ///         proxy_set_header Host $host;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// server {
    ///     server_name c.example;
    ///     location / { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    PROXY_MISSING_HOST_HEADER {
        name: "proxy-missing-host-header",
        category: Correctness,
        level: Info,
        summary: "the backend does not see which of several names was asked for",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(server) = level.around(Context::Server) else { continue };
        let names: Vec<String> = server
            .own("server_name")
            .flat_map(|d| d.args().map(|w| w.to_string()).collect::<Vec<_>>())
            .collect();
        // `www.` before the same name is the same site.
        let bare: HashSet<&str> = names.iter().map(|n| n.strip_prefix("www.").unwrap_or(n)).collect();
        let several = bare.len() > 1 || names.iter().any(|n| n.starts_with(['*', '.']) || n.ends_with('*'));
        let sends = level
            .list("proxy_set_header")
            .iter()
            .any(|d| d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"host")));
        // A name in the URL can be a service elsewhere, which needs its own name.
        let foreign =
            pass.arg(0).is_some_and(|w| names::is_public(&text::without_port(&text::url(&w.value()).host)));
        if several
            && !sends
            && !foreign
            && level.is_complete()
            && !level.is("proxy_pass_request_headers", "off")
        {
            found.push(
                PROXY_MISSING_HOST_HEADER
                    .finding(pass.head(), "the backend does not see which name was asked for")
                    .help("add `proxy_set_header Host $host;`"),
            );
        }
    }
}
