//! A port in a server name.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, text};
use crate::syntax::Quote;

declare_rule! {
    /// ## What it does
    ///
    /// Reports names in `server_name` that end in a port.
    ///
    /// ## Why is this bad
    ///
    /// nginx compares names with the host of a request without its port: no request ever has this name. The port belongs
    /// into `listen`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 8080;
    ///     server_name a.example:8080;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 8080;
    ///     server_name a.example;
    /// }
    /// ```
    SERVER_NAME_PORT {
        name: "server-name-port",
        category: Correctness,
        level: Warning,
        summary: "a server name has a port, which no request's name has",
        doc: "/en/docs/http/ngx_http_core_module.html#server_name",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, names) in target.levels().http("server_name") {
        for word in names.args() {
            let name = word.value();
            let host = text::without_port(&name);
            if name.starts_with(b"~") || host.len() == name.len() || name.contains(&b'/') || host.is_empty() {
                continue;
            }
            let finding = SERVER_NAME_PORT
                .finding(
                    word.span(),
                    format!("no request has the name `{word}`: names are compared without the port"),
                )
                .label("has a port")
                .help(format!("write `{host}`, and the port in `listen`"));
            let end = word.span();
            let plain = word.quote() == Quote::None && !word.has_escapes();
            found.push(if plain {
                finding.fix(Fix::unsafe_("remove the port", vec![Edit::replace(end, host)]))
            } else {
                finding
            });
        }
    }
}
