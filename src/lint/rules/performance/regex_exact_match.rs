//! A regular expression for one path.

use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, sources};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `location ~ ^/path$` without any pattern in it.
    ///
    /// ## Why is this bad
    ///
    /// `location = /path` says the same, is found at once, and no other location can come before it. Silent where another
    /// location comes before the pattern today: an earlier pattern that matches the path, a `^~` prefix, the path itself.
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

/// The most locations beside one that are looked at: further ones are taken to come before it.
const MOST: usize = 200;

/// True if another location takes the path today: `location = …` would take it from that one.
fn comes_later(level: Block<'_>, head: Directive<'_>, path: &[u8]) -> bool {
    let mut is_earlier = true;
    for (n, other) in level.own("location").enumerate() {
        if n >= MOST {
            return true;
        }
        if other.id() == head.id() {
            is_earlier = false;
            continue;
        }
        let takes = if let Some((text, caseless)) = sources::regex_of_location(other) {
            is_earlier && level.pattern(&text, caseless).is_none_or(|p| p.is_match(path) != Some(false))
        } else {
            let (first, last) = (other.arg(0), other.args().next_back());
            let own = last.map(|word| word.value().into_owned()).unwrap_or_default();
            match first.map(|word| word.value().into_owned()).as_deref() {
                Some(b"=") => own == path,
                Some(b"^~") => path.starts_with(&own),
                Some(first) => first.strip_prefix(b"=") == Some(path),
                None => false,
            }
        };
        if takes {
            return true;
        }
    }
    false
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("location") {
        let Some((text, false)) = sources::regex_of_location(head) else { continue };
        let Some(path) = level.pattern(&text, false).and_then(|p| p.literal()) else { continue };
        if comes_later(level, head, &path) {
            continue;
        }
        let path = String::from_utf8_lossy(&path).into_owned();
        found.push(
            REGEX_EXACT_MATCH
                .finding(head.head(), format!("the pattern matches `{path}` only"))
                .help(format!("write `location = {path}`")),
        );
    }
}
