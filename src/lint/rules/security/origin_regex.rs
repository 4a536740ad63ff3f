//! Regular expressions that check `Origin` and `Referer`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::pattern::Pattern;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::values::condition::{self, Test};
use crate::lint::values::{self, Row};
use crate::lint::witness::{self, HostBypass};
use crate::source::Span;
use crate::syntax::{Block as Body, Directive};

declare_rule! {
    /// ## What it does
    ///
    /// Reports patterns for `$http_origin` in `if` and in a `map` whose result is sent as `Access-Control-Allow-
    /// Origin`, and patterns for `$http_referer` in `if` with `!~`, that match foreign hosts too: without `^`,
    /// without `$` or a `/` after the host, or with a dot that is any character. The finding names a host that the
    /// pattern admits, found with an automaton of it. Also reports one that no origin matches: without a scheme before the
    /// host, or with a path behind it. Patterns that block what matches are no finding.
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
    for (level, head) in target.levels().http("if") {
        let Some(condition) = condition::of(level, head) else { continue };
        let Test::Matches(Some(pattern)) = &condition.test else { continue };
        let Some(asked) = asked(target, level, head, &condition.variable) else { continue };
        // A block that refuses those that match names strangers.
        let ends = Point::of(level, head).inside().is_some_and(refuses);
        if condition.negated || !ends && asked == OriginHeader::Origin {
            report(head.head(), pattern, asked, found);
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
                (Some(text), _) => of_entry(target, entry.head(), text, true, found),
                (None, Some(text)) => of_entry(target, entry.head(), text, false, found),
                (None, None) => {}
            }
        }
    }
}

/// The header that a pattern looks at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OriginHeader {
    Origin,
    Referer,
}

/// The header that a variable has, perhaps through `set`.
fn asked<'a>(
    target: Target<'a>,
    level: Block<'a>,
    head: Directive<'a>,
    variable: &str,
) -> Option<OriginHeader> {
    let of_name = |name: &str| match name {
        "http_origin" => Some(OriginHeader::Origin),
        "http_referer" => Some(OriginHeader::Referer),
        _ => None,
    };
    if let Some(asked) = of_name(variable) {
        return Some(asked);
    }
    target.levels().sets(variable).next()?;
    let rows = values::rows_at(target.view(), Point::of(level, head), format!("${variable}").as_bytes());
    rows.iter().flat_map(Row::opens).find_map(|open| of_name(&open.of))
}

/// True if the block of an `if` answers with an error.
fn refuses(inner: Block<'_>) -> bool {
    inner.own("return").any(|d| d.arg(0).is_some_and(|code| code.content().starts_with(b"4")))
}

/// True if a variable is sent as `Access-Control-Allow-Origin`, or decides in an `if` whether one is.
fn reaches_cors(target: Target<'_>, variable: &str) -> bool {
    let name = variable.trim_start_matches('$').to_ascii_lowercase();
    let is_cors = |d: &Directive<'_>| {
        d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"access-control-allow-origin"))
    };
    target.uses().reached(&name).iter().any(|(_, d)| {
        let inside = || d.block().into_iter().flat_map(Body::directives).any(|d| is_cors(&d));
        is_cors(d) || d.name().is("if") && inside()
    })
}

fn of_entry(target: Target<'_>, place: Span, text: &[u8], caseless: bool, found: &mut Vec<Diagnostic>) {
    if let Some(pattern) = target.levels().pattern(text, caseless) {
        report(place, &pattern, OriginHeader::Origin, found);
    }
}

fn report(place: Span, pattern: &Pattern, asked: OriginHeader, found: &mut Vec<Diagnostic>) {
    if asked == OriginHeader::Origin && witness::wants_path(pattern) {
        found.push(
            ORIGIN_REGEX
                .finding(place, "no origin matches: it ends behind the host and port")
                .label("wants a `/` behind the host")
                .help("write `^https://host\\.example$`"),
        );
        return;
    }
    if witness::lacks_scheme(pattern) {
        let what = if asked == OriginHeader::Origin { "origin" } else { "`Referer`" };
        found.push(
            ORIGIN_REGEX
                .finding(place, format!("no {what} matches: it begins with its scheme, `https://`"))
                .label("begins with the host")
                .help("write `^https://host\\.example$`"),
        );
        return;
    }
    let (why, witness) = match (witness::foreign(pattern), asked) {
        (Some((way, witness)), _) => {
            let why = match way {
                HostBypass::Behind => "without `$` the host can go on",
                HostBypass::Before => "anything can stand before the host",
                HostBypass::Dot => "an unescaped dot is any character",
            };
            (why, witness)
        }
        (None, OriginHeader::Referer) => match witness::foreign_page(pattern) {
            Some(witness) => ("without `^` it can stand in the path of any page", witness),
            None => return,
        },
        (None, OriginHeader::Origin) => return,
    };
    found.push(
        ORIGIN_REGEX
            .finding(place, format!("the pattern admits foreign hosts: `{witness}` matches"))
            .label(why)
            .help("write `^https://host\\.example$`"),
    );
}
