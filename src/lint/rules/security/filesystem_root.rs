//! `/` as root.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `root` and `alias` that name `/`: at server level where the server has no `location /` of another
    /// kind, and in `location /`; `alias /` in any prefix location. `root /` in a location with a longer path
    /// serves only what is below that path, and is no finding.
    ///
    /// ## Why is this bad
    ///
    /// Keys, passwords and logs can be fetched by their path.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     root /;
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /files/ { alias /; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     root /srv/www;
    ///     location /usr/share/doc/ { root /; }
    /// }
    /// ```
    FILESYSTEM_ROOT {
        name: "filesystem-root",
        category: Security,
        level: Error,
        summary: "the whole file system is served",
        doc: "/en/docs/http/ngx_http_core_module.html#root",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["root", "alias"] {
        for (level, directive) in target.levels().http(name) {
            let Some(path) = directive.arg(0) else { continue };
            let internal = level.outward().any(|l| l.get("internal").is_some());
            if !is_root(&path.value()) || internal || !serves_everything(level, name) {
                continue;
            }
            found.push(
                FILESYSTEM_ROOT
                    .finding(directive.head(), format!("`{name} {path}` serves the whole file system"))
                    .label("every readable file can be fetched")
                    .help("name the directory that is meant"),
            );
        }
    }
}

/// `/`, `//`, `/.` and the like.
fn is_root(path: &[u8]) -> bool {
    path.first() == Some(&b'/') && path.split(|b| *b == b'/').all(|part| part.is_empty() || part == b".")
}

const ANSWERS: [&str; 8] =
    ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "return", "root", "alias"];

fn serves_everything(level: Block<'_>, name: &str) -> bool {
    let of_location =
        |head: Directive<'_>| head.args().next_back().map(|w| w.to_string()).unwrap_or_default();
    let Some(head) = level.head() else { return false };
    match level.context() {
        Context::Location if name == "alias" => {
            head.args().len() == 1 || head.arg(0).is_some_and(|w| w.is("^~"))
        }
        Context::Location => {
            of_location(head) == "/" && !ANSWERS[..6].iter().any(|name| level.get(name).is_some())
        }
        Context::Server => {
            let answers = |l: Block<'_>| ANSWERS.iter().any(|name| l.get(name).is_some());
            !level.inner().any(|l| l.head().is_some_and(|h| of_location(h) == "/") && answers(l))
                && level.get("return").is_none()
        }
        _ => false,
    }
}
