//! A regular expression for one path.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, sources};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `location ~ ^/path$` without any pattern in it.
    ///
    /// ## Why is this bad
    ///
    /// `location = /path` says the same, is found at once, and no other location can come before it.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/ping$ { return 204; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location = /ping { return 204; }
    /// }
    /// ```
    REGEX_EXACT_MATCH {
        name: "regex-exact-match",
        category: Performance,
        level: Info,
        summary: "a pattern that matches one path",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("location") {
        let Some((text, false)) = sources::regex_of_location(head) else { continue };
        let Some(path) = level.pattern(&text, false).and_then(|p| p.literal()) else { continue };
        let path = String::from_utf8_lossy(&path).into_owned();
        found.push(
            REGEX_EXACT_MATCH
                .finding(head.head(), format!("the pattern matches `{path}` only"))
                .help(format!("write `location = {path}`")),
        );
    }
}
