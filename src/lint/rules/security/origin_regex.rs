//! Regular expressions that check `Origin` and `Referer`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::pattern::Pattern;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::witness::{self, Way};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports patterns for `$http_origin` in `if` and in a `map` whose result is sent as `Access-Control-Allow-
    /// Origin`, and patterns for `$http_referer` in `if` with `!~`, that match foreign hosts too: without `^`,
    /// without `$` or a `/` after the host, or with a dot that is any character. The finding names a host that the
    /// pattern admits, found with an automaton of it. Patterns that block what matches are no finding.
    ///
    /// ## Why is this bad
    ///
    /// `~ example\.com` also matches `https://example.com.evil.net` and `https://evilexample.com`: any site may
    /// read the answers that were meant for one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// map $http_origin $cors {
    ///     default "";
    ///     "~^https://(www\.)?example\.com" $http_origin;
    /// }
    /// server {
    ///     add_header Access-Control-Allow-Origin $cors;
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /api {
    ///         if ($http_origin ~ "example\.com$") {
    ///             add_header Access-Control-Allow-Origin $http_origin;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// map $http_origin $cors {
    ///     default "";
    ///     "~^https://(www\.)?example\.com$" $http_origin;
    /// }
    /// server {
    ///     add_header Access-Control-Allow-Origin $cors;
    ///     if ($http_referer ~* (casino|pills)) { return 403; }
    /// }
    /// ```
    ORIGIN_REGEX {
        name: "origin-regex",
        category: Security,
        level: Warning,
        summary: "a regular expression that should admit known hosts admits others",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, head) in target.levels().http("if") {
        let Some((operator, pattern)) = sources::condition(head) else { continue };
        let Some(variable) = head.arg(0).map(|w| w.to_string().trim_start_matches('(').to_ascii_lowercase())
        else {
            continue;
        };
        let admits = match variable.as_str() {
            "$http_origin" => true,
            "$http_referer" => operator.starts_with(b"!"),
            _ => false,
        };
        if admits {
            report(head.head(), &pattern, operator.ends_with(b"*"), found);
        }
    }
    for (_, map) in target.levels().http("map") {
        let of_origin = map.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"$http_origin"));
        let Some(result) = map.arg(1).filter(|_| of_origin) else { continue };
        if !reaches_cors(target, &result.to_string()) {
            continue;
        }
        for entry in target.levels().entries(map) {
            let key = entry.name().value();
            let empty = entry.arg(0).is_none_or(|w| w.value().is_empty());
            match (key.strip_prefix(b"~*"), key.strip_prefix(b"~")) {
                _ if empty => {}
                (Some(pattern), _) => report(entry.head(), pattern, true, found),
                (None, Some(pattern)) => report(entry.head(), pattern, false, found),
                (None, None) => {}
            }
        }
    }
}

/// Whether a variable is sent as `Access-Control-Allow-Origin`.
fn reaches_cors(target: Target<'_>, variable: &str) -> bool {
    target.levels().http("add_header").any(|(_, d)| {
        d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"access-control-allow-origin"))
            && d.arg(1).is_some_and(|w| w.value().eq_ignore_ascii_case(variable.as_bytes()))
    })
}

fn report(place: Span, text: &[u8], caseless: bool, found: &mut Vec<Diagnostic>) {
    // What has no host in it, such as `^null$` or `^.+$`, is another matter.
    let names_host = text.windows(2).any(|pair| pair == b"\\.") || text.windows(3).any(|w| w == b"://");
    let pattern = Pattern::new(text, caseless).filter(|_| names_host);
    let Some((way, witness)) = pattern.and_then(|pattern| witness::foreign(&pattern)) else { return };
    let why = match way {
        Way::Behind => "without `$` the host can go on",
        Way::Before => "anything can stand before the host",
        Way::Dot => "an unescaped dot is any character",
    };
    found.push(
        ORIGIN_REGEX
            .finding(place, format!("the pattern admits foreign hosts: `{witness}` matches"))
            .label(why)
            .help("write `^https://host\\.example$`"),
    );
}
