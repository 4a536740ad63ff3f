//! Response headers of an outer level that an inner one replaces.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, lost};
use crate::syntax::Directive;
use crate::version::Version;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `server`, `location` or `if` that has `add_header` (or `add_trailer`) of its own and does not
    /// repeat all names that the outer level sets. A name that is set again with another value is no loss. Silent
    /// with `add_header_inherit merge` or `off` (since 1.29.3), and where the block answers `204`: an answer to a
    /// preflight request, which has nothing to protect.
    ///
    /// ## Why is this bad
    ///
    /// The directive is inherited as a whole: one line at an inner level replaces all lines of the outer levels,
    /// and a policy such as HSTS is silently not sent. If what is lost protects nothing, or if a backend
    /// answers that may send it, the finding is only a note.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location /static/ {
    ///         add_header Cache-Control "public";
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// add_header X-Content-Type-Options nosniff;
    /// server {
    ///     location / {
    ///         add_header X-Frame-Options DENY;
    ///         if ($request_method = GET) { add_header X-Content-Type-Options nosniff; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location /static/ {
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///         add_header Cache-Control "public";
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good since-1.29.7
    /// server {
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location /static/ {
    ///         add_header_inherit merge;
    ///         add_header Cache-Control "public";
    ///     }
    /// }
    /// ```
    HEADER_REDEFINITION {
        name: "header-redefinition",
        category: Security,
        level: Warning,
        summary: "an inner `add_header` drops the headers of the outer level",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

/// Headers that protect the client, beside those of [`PREFIXES`].
const PROTECTING: &[&str] = &[
    "strict-transport-security",
    "referrer-policy",
    "permissions-policy",
    "x-frame-options",
    "x-content-type-options",
    "x-xss-protection",
    "feature-policy",
    "clear-site-data",
];

/// The version that knows `add_header_inherit`.
const INHERIT: Version = Version::new(1, 29, 3);

const PREFIXES: &[&str] = &["content-security-policy", "cross-origin-"];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (name, inherit) in [("add_header", "add_header_inherit"), ("add_trailer", "add_trailer_inherit")] {
        for level in lost::levels_with(target, name) {
            if level.is(inherit, "merge") || level.is(inherit, "off") || answers_nothing(level) {
                continue;
            }
            let mut gone = lost::lines(level, name, lost::Keys::Caseless);
            gone.retain(|line| line.arg(1).is_some_and(|value| !value.value().is_empty()));
            if let Some(first) = level.get(name).filter(|_| !gone.is_empty()) {
                let names = lost::names(&gone);
                let message = format!("this `{name}` replaces those of the outer level: {names} not sent");
                let mut finding = HEADER_REDEFINITION.finding(first.head(), message);
                // The backend may send them; nginx then passes them on.
                if !gone.iter().any(|line| protects(line)) || passes_on(level) {
                    finding.level = Level::Info;
                }
                let explained = lost::explain(target, finding, level, name, &gone);
                // With `merge` a header that both levels have would be sent twice.
                found.push(if target.config.version < INHERIT || lost::repeats(level, name) {
                    explained
                } else {
                    explained.help(format!(
                        "repeat the lines here, or, since nginx {INHERIT}, add `{inherit} merge;`"
                    ))
                });
            }
        }
    }
}

/// True if the block itself passes requests on, and takes no header from the response.
fn passes_on(level: Block<'_>) -> bool {
    let protocols = ["proxy", "fastcgi", "uwsgi", "scgi", "grpc"];
    protocols.iter().any(|name| {
        level.get(&format!("{name}_pass")).is_some()
            && level.effective(&format!("{name}_hide_header")).is_none()
    })
}

/// True if the block itself answers without content.
fn answers_nothing(level: Block<'_>) -> bool {
    level.own("return").any(|d| d.arg(0).is_some_and(|w| w.is("204")))
}

fn protects(line: &Directive<'_>) -> bool {
    let name = line.arg(0).map(|w| w.to_string().to_ascii_lowercase()).unwrap_or_default();
    let value = line.arg(1).map(|w| w.to_string().to_ascii_lowercase()).unwrap_or_default();
    let private = name == "cache-control" && (value.contains("no-store") || value.contains("private"));
    let attachment = name == "content-disposition" && value.starts_with("attachment");
    private
        || attachment
        || PROTECTING.contains(&name.as_str())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
