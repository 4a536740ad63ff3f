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
    /// Reports `root` and `alias` that name `/`, also as `/usr/..`: at server level where the server has no `location /` of another
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
    ///     location / { root /usr/..; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /files/ { alias /; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /files { alias /.; }
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
            if !is_root(&path.value(), name, level) || internal || !serves_everything(level, name) {
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

/// `/`, `//`, `/usr/..` and the like; an `alias` needs the `/` at its end, or `/.` only puts a dot before what follows.
fn is_root(path: &[u8], name: &str, level: Block<'_>) -> bool {
    let mut depth = 0_usize;
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth = depth.saturating_sub(1),
            _ => depth += 1,
        }
    }
    // The rest of the path is put behind an alias as it is: after `/.` it has to begin with `/`.
    let goes_on =
        || path.ends_with(b"/") || level.head().is_some_and(|head| !location_of(head).ends_with('/'));
    path.first() == Some(&b'/') && depth == 0 && (name == "root" || goes_on())
}

/// The path or pattern of a location.
fn location_of(head: Directive<'_>) -> String {
    head.args().next_back().map(|word| word.to_string()).unwrap_or_default()
}

const ANSWERS: [&str; 8] =
    ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "return", "root", "alias"];

fn serves_everything(level: Block<'_>, name: &str) -> bool {
    let answers_itself = || ANSWERS[..6].iter().any(|name| level.get(name).is_some());
    match level.context() {
        Context::Location if name == "alias" => {
            level.head().is_some_and(|head| head.args().len() == 1 || head.arg(0).is_some_and(|w| w.is("^~")))
        }
        Context::Location => level.head().is_some_and(|head| location_of(head) == "/") && !answers_itself(),
        Context::Server => {
            let answers = |l: Block<'_>| ANSWERS.iter().any(|name| l.get(name).is_some());
            !level.inner().any(|l| l.head().is_some_and(|h| location_of(h) == "/") && answers(l))
                && level.get("return").is_none()
        }
        Context::Http => {
            let mut servers = level.inner().filter(|l| l.context() == Context::Server);
            servers.any(|server| server.get(name).is_none() && serves_everything(server, name))
        }
        _ => false,
    }
}
