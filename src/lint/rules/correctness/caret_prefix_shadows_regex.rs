//! Regex locations that `^~` switches off.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, sources};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a regex location all of whose paths lie below a `^~` location of the same block. Off unless it is
    /// switched on.
    ///
    /// ## Why is this bad
    ///
    /// Below a `^~` prefix no regular expression is tried.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ^~ /static/ { expires 1d; }
    ///     location ~ ^/static/.*\.php$ { return 403; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ^~ /static/ { expires 1d; }
    ///     location ~ \.php$ { return 403; }
    /// }
    /// ```
    CARET_PREFIX_SHADOWS_REGEX {
        name: "caret-prefix-shadows-regex",
        category: Correctness,
        level: Info,
        summary: "a regex location below a `^~` prefix",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (outer, caret) in target.levels().http("location") {
        let Some(path) = caret.arg(1).filter(|_| caret.arg(0).is_some_and(|w| w.is("^~"))) else { continue };
        for head in outer.own("location") {
            let below = sources::regex_of_location(head).is_some_and(|(text, caseless)| {
                let prefix = outer.pattern(&text, caseless).and_then(|p| p.prefix());
                !caseless && prefix.is_some_and(|p| p.starts_with(&path.value()))
            });
            if below {
                found.push(
                    CARET_PREFIX_SHADOWS_REGEX
                        .finding(head.head(), "this location is never chosen: `^~` comes before it")
                        .related(caret.head(), "no regular expression is tried below it")
                        .help("put it into the prefix location"),
                );
            }
        }
    }
}
