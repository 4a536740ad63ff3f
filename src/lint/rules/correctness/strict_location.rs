//! A forgotten `~`.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports prefix and exact locations whose path looks like a pattern: `\.`, `.*`, `(…|…)`, a `^` at its begin
    /// or a `$` at its end, a `*` before a dot; and a modifier that is quoted together with the path.
    ///
    /// ## Why is this bad
    ///
    /// Without `~` the characters mean themselves, and no request has them.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location \.php$ { return 403; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location "~ \.php$" { return 403; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ \.php$ { return 403; }
    ///     location /a+b(c) { return 204; }
    /// }
    /// ```
    STRICT_LOCATION {
        name: "strict-location",
        category: Correctness,
        level: Info,
        summary: "a plain location that looks like a regular expression",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, head) in target.levels().http("location") {
        let path = match head.args().len() {
            1 => head.arg(0).filter(|w| !w.value().starts_with(b"~") || has_modifier(&w.value())),
            2 if head.arg(0).is_some_and(|w| w.is("=") || w.is("^~")) => head.arg(1),
            _ => None,
        };
        if let Some(word) = path.filter(|w| has_modifier(&w.value())) {
            found.push(
                STRICT_LOCATION
                    .finding(word.span(), message(&word.value()))
                    .label("means itself")
                    .help(format!("write `location {word}` without quotes")),
            );
        } else if let Some(word) = path.filter(|w| looks_like_pattern(&w.to_string())) {
            // Every path of a request begins with a slash.
            let value = word.value();
            let path = value.strip_prefix(b"=").or_else(|| value.strip_prefix(b"^~")).unwrap_or(&value);
            let never = !path.starts_with(b"/");
            let message = if never {
                "this location never matches: without `~` it is the beginning of a path, and a path begins with `/`"
            } else {
                "this path looks like a regular expression, and is none"
            };
            let mut finding = STRICT_LOCATION
                .finding(word.span(), message)
                .label("means itself")
                .help(format!("write `location ~ {word}` if a pattern is meant"));
            if never {
                finding.level = Level::Warning;
            }
            found.push(finding);
        }
    }
}

fn message(path: &[u8]) -> &'static str {
    if path.starts_with(b"~") {
        "the pattern begins with a space: no request has such a path"
    } else {
        "the modifier is part of the path: no request has such a one"
    }
}

/// `= /path` and the like as one word.
fn has_modifier(path: &[u8]) -> bool {
    [&b"= "[..], b"~ ", b"~* ", b"^~ "].iter().any(|modifier| path.starts_with(modifier))
}

fn looks_like_pattern(path: &str) -> bool {
    // A browser sends `|` as `%7C`, and nobody names a path with it.
    let group = path.contains('|');
    let path_without_mark = path.trim_start_matches(['=', '^', '~']);
    let begins = path.starts_with('^') && !path.starts_with("^~");
    begins
        || path.ends_with('$')
        || group
        || path.contains("\\.")
        || path_without_mark.contains(".*")
        || path.contains("*.")
}
