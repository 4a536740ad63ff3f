//! A `Host` header that the client chooses.

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, sources, text};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_set_header Host` with a value from an argument, a cookie or another header than `Host`. With
    /// `$http_host` it is a note, in servers that any name reaches: a default server, one without names, one with
    /// `_` or a regular expression; and in a fragment that any server can include.
    ///
    /// ## Why is this bad
    ///
    /// The backend makes links, redirects and cache keys of it. `$host` is what nginx chose the server by, in lower
    /// case and without the port; `$http_host` is what the header says, even if the request line says otherwise.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         proxy_set_header Host $arg_host;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         listen 80 default_server;
    ///         location / {
    ///             proxy_set_header Host $http_host;
    ///             proxy_pass http://unix:/run/app.sock;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     server_name example.com;
    ///     location / {
    ///         proxy_set_header Host $host;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    HOST_SPOOFING {
        name: "host-spoofing",
        category: Security,
        level: Warning,
        summary: "the backend gets a host name that the client chooses freely",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["proxy_set_header", "grpc_set_header"] {
        for (level, directive) in target.levels().http(name) {
            let (Some(header), Some(value)) = (directive.arg(0), directive.arg(1)) else { continue };
            if !header.value().eq_ignore_ascii_case(b"host") {
                continue;
            }
            let Some(variable) = text::variables(&value.value()).find(|name| is_chosen(name)) else {
                continue;
            };
            let finding = HOST_SPOOFING
                .finding(
                    directive.head(),
                    format!("the backend gets the host that the client says in `${variable}`"),
                )
                .label("is chosen by the client");
            if variable != "http_host" {
                found.push(finding.help("use `$host`"));
            } else if level.is_complete()
                && (unseen(level) || sources::accepts_any_host(target.view(), level))
            {
                // A file that was not read may have the names of the server.
                let mut finding = finding.help(ANY_NAME);
                finding.level = Level::Info;
                found.push(finding);
            }
        }
    }
}

/// `$host` is what the client says too, where the server takes any name.
const ANY_NAME: &str = "list the hosts in `server_name`, let a server with `default_server` refuse all others, and use `$host`, \
    with `:$server_port` if the port matters; or write the name that the backend needs";

/// True if any server can include this: a fragment of a server or of what is in one.
fn unseen(level: Block<'_>) -> bool {
    !level.is_rooted() && level.around(Context::Server).is_none_or(|server| server.head().is_none())
}

fn is_chosen(name: &str) -> bool {
    matches!(name, "http_host" | "http_x_forwarded_host" | "http_x_host" | "http_forwarded")
        || name.starts_with("arg_")
        || name.starts_with("cookie_")
}
