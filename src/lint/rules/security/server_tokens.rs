//! The version in every response.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `server_tokens on` and `build`, and a configuration that says nothing about it: on is the default.
    /// Silent if a module removes or replaces the `Server` header.
    ///
    /// ## Why is this bad
    ///
    /// It tells which known holes are worth a try. That is no protection by itself, so this is a note.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server_tokens on;
    /// server { listen 80; }
    /// ```
    ///
    /// ```nginx good
    /// server_tokens off;
    /// server { listen 80; }
    /// ```
    SERVER_TOKENS {
        name: "server-tokens",
        category: Security,
        level: Info,
        summary: "responses say which version of nginx sent them",
        doc: "/en/docs/http/ngx_http_core_module.html#server_tokens",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let replaces = |name: &str| {
        levels
            .http(name)
            .any(|(_, d)| d.args().any(|w| w.to_string().to_ascii_lowercase().starts_with("server")))
    };
    if replaces("more_clear_headers") || replaces("more_set_headers") {
        return;
    }
    for (_, directive) in levels.http("server_tokens") {
        let Some(value) = directive.arg(0).filter(|w| w.is("on") || w.is("build")) else { continue };
        let finding = SERVER_TOKENS
            .finding(directive.head(), "responses say which version of nginx sent them")
            .label("sends the version")
            .help("write `server_tokens off;`");
        found.push(finding.fix(Fix::safe("say `off`", vec![Edit::replace(value.span(), "off")])));
    }
}
