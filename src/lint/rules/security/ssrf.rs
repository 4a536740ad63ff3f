//! Requests to a host that the client names.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, access, values};
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` and its relatives whose host comes from the request: an argument, a cookie, a header, a
    /// group of a regular expression; or `$host`, in a server that any name reaches. `map` and `set` are followed,
    /// so a variable with known values is no finding, and neither is what begins with `/` or `?` behind a fixed host. A
    /// scheme from the request counts: it can be a whole URL. Silent in `internal` locations, and where `try_files $uri =404`
    /// passes on only what a file is named like.
    ///
    /// ## Why is this bad
    ///
    /// Anybody can make the proxy connect to anything that it can reach, inner networks included.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { proxy_pass http://$arg_backend; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/proxy/([^/]+)/(.*)$ { proxy_pass http://$1/$2; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/shop/(.+)/(.*)$ {
    ///         set $shop $1;
    ///         proxy_pass http://$shop.shops.internal/$2;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $arg_backend $backend {
    ///     default unix:/run/app.sock;
    ///     two     unix:/run/two.sock;
    /// }
    /// server {
    ///     location / { proxy_pass http://$backend; }
    ///     location /inner/ {
    ///         internal;
    ///         proxy_pass http://$arg_host;
    ///     }
    /// }
    /// ```
    SSRF {
        name: "ssrf",
        category: Security,
        level: Error,
        summary: "the client chooses which host a request is passed to",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"] {
        for (level, pass) in target.levels().http(name) {
            let Some(value) = pass.arg(0).map(Word::value).filter(|v| v.contains(&b'$')) else { continue };
            if level.outward().any(|l| l.get("internal").is_some()) || must_be_file(level) {
                continue;
            }
            let schemes = matches!(name, "proxy_pass") || name == "grpc_pass" && value.contains(&b':');
            let rows = values::rows(target.view(), level, &value);
            let part = rows.iter().find_map(|row| {
                values::chosen_host(&values::url(&row.parts, schemes)).map(|open| open.name.clone())
            });
            if let Some(part) = part {
                let mut finding = SSRF
                    .finding(pass.head(), format!("the client chooses the host in `{part}`"))
                    .label("can be any host")
                    .help("choose among known hosts with `map`");
                if access::denies_others(level) || access::asks_password(level) {
                    finding.level = Level::Warning;
                    finding = finding.label("can be any host, for the clients that are let in");
                }
                found.push(finding);
            }
        }
    }
}

/// True if `try_files` refuses every path that is no file.
fn must_be_file(level: Block<'_>) -> bool {
    level.get("try_files").is_some_and(|d| {
        let mut words: Vec<_> = d.args().collect();
        let refuses = words.pop().is_some_and(|last| last.is("=404") || last.is("=403"));
        refuses && words.iter().all(|w| w.is("$uri") || w.is("$uri/"))
    })
}
