//! A `rewrite` whose result comes back to it.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::{Exit, Flag, Point, exit, flag};
use crate::lint::values::{self, Row, ValuePart};
use crate::lint::{Target, choice, sources};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `rewrite` of a location, outside of `if`, that matches what it makes, where the new URI comes to the same
    /// location.
    ///
    /// ## Why is this bad
    ///
    /// The rewrite is executed ten times; then nginx answers 500.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / { rewrite ^/(.*)$ /app/$1 last; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /raw {
    ///         rewrite ^ $request_uri;
    ///         proxy_pass http://unix:/run/app.sock:$uri;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / {
    ///         rewrite ^/(.*)$ /app/$1 break;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    ///     location /old/ { rewrite ^/old/(.*)$ /new/$1 last; }
    /// }
    /// ```
    REWRITE_TO_ITSELF {
        name: "rewrite-to-itself",
        category: Correctness,
        level: Warning,
        summary: "a `rewrite` matches what it makes: 500 after ten rounds",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#rewrite",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, rewrite) in target.levels().http("rewrite") {
        let Some(server) = level.outer().filter(|outer| outer.context() == Context::Server) else { continue };
        let again = match flag(rewrite) {
            Flag::Last => true,
            // Without a flag the instructions behind it are executed first.
            Flag::None => exit(level) == Exit::Falls,
            Flag::Break | Flag::Redirect => false,
        };
        if level.context() != Context::Location || !again {
            continue;
        }
        let Some(pattern) = sources::rewrite_pattern(level, rewrite) else { continue };
        // An `if` before it, or a later rewrite, may lead elsewhere.
        if level.get("if").is_some() || level.own("rewrite").count() > 1 {
            continue;
        }
        let rows = values::replacement(target.view(), Point::of(level, rewrite), rewrite);
        let returns = |row: &Row| {
            let known =
                row.known().map(|known| known.split(|b| *b == b'?').next().unwrap_or_default().to_vec());
            if let Some(path) = known {
                return pattern.is_match(&path) == Some(true) && choice::is_chosen(server, level, &path);
            }
            if let [ValuePart::Open(open)] = row.parts.as_slice()
                && matches!(open.of.as_str(), "request_uri" | "uri")
            {
                // The URI that came here, unless a `rewrite` of the server or another location has led here.
                return pattern.matches_always() && is_asked_for(level) && server.get("rewrite").is_none();
            }
            let begin = row.prefix();
            let whole = !begin.contains(&b'?');
            if !whole {
                let path = begin.split(|b| *b == b'?').next().unwrap_or_default();
                return pattern.is_match(path) == Some(true) && choice::is_chosen(server, level, path);
            }
            let matches = pattern.matches_always()
                || pattern.is_match(&begin) == Some(true)
                    && pattern.is_match(&[&begin[..], b"x"].concat()) == Some(true);
            begin.starts_with(b"/") && matches && choice::takes_all(server, level, &begin)
        };
        if !rows.is_empty() && rows.iter().all(returns) {
            found.push(
                REWRITE_TO_ITSELF
                    .finding(rewrite.head(), "the new URI comes to this location, and is rewritten again: 500 after ten rounds")
                    .label("matches what it makes")
                    .help("write `break` if the request is answered here, or a location of its own for the new URI"),
            );
        }
    }
}

/// True if clients ask for a location: it has no name, and is not `internal`.
fn is_asked_for(level: Level<'_>) -> bool {
    let named =
        level.head().and_then(|head| head.arg(0)).is_some_and(|word| word.content().starts_with(b"@"));
    !named && level.get("internal").is_none()
}
