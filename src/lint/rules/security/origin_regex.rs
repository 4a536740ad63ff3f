//! Regular expressions that check `Origin` and `Referer`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::pattern::Pattern;
use crate::lint::pattern::bare;
use crate::lint::pattern::can_contain;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::source::Span;
use crate::syntax::Block;
use regex_syntax::hir::Hir;
use regex_syntax::hir::HirKind;
use regex_syntax::hir::Look;

declare_rule! {
    /// ## What it does
    ///
    /// Reports patterns for `$http_origin` in `if` and in a `map` whose result is sent as `Access-Control-Allow-
    /// Origin`, and patterns for `$http_referer` in `if` with `!~`, that match foreign hosts too: without `^`,
    /// without `$` or a `/` after the host, or with a dot that is any character. Patterns that block what matches
    /// are no finding.
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
        for entry in map.block().into_iter().flat_map(Block::directives) {
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
    let Some(why) = Pattern::new(text, caseless).and_then(|pattern| hole(text, &pattern)) else { return };
    found.push(
        ORIGIN_REGEX
            .finding(place, format!("the pattern admits foreign hosts: {why}"))
            .label("is meant to admit known hosts only")
            .help("write `^https://host\\.example$`"),
    );
}

/// How a foreign host gets through.
fn hole(text: &[u8], pattern: &Pattern) -> Option<&'static str> {
    // What has no host in it, such as `^null$` or `^.+$`, is another matter.
    let names_host = text.windows(2).any(|pair| pair == b"\\.") || text.windows(3).any(|w| w == b"://");
    if !names_host {
        return None;
    }
    let ends = pattern.is_anchored_at_end() || ends_host(pattern.hir());
    if !ends {
        return Some("without `$` the host can go on: `https://host.example.evil.net`");
    }
    let starts = pattern.is_anchored_at_start() || text.starts_with(b"http") || begins_label(pattern.hir());
    if !starts {
        return Some("without `^` anything can stand before the host: `https://evilhost.example`");
    }
    any_dot(text).then_some("an unescaped dot is any character: `https://wwwxhost.example`")
}

/// The last thing that matches ends a host: `/`, `:`, or a port.
fn ends_host(hir: &Hir) -> bool {
    match bare(hir).kind() {
        HirKind::Literal(text) => text.0.ends_with(b"/") || text.0.ends_with(b":"),
        HirKind::Concat(parts) => parts.last().is_some_and(ends_host),
        HirKind::Alternation(parts) => parts
            .iter()
            .all(|part| ends_host(part) || part.properties().look_set_suffix().contains(Look::End)),
        HirKind::Class(_) => [b'/', b':'].iter().any(|b| can_contain(hir, *b)) && !can_contain(hir, b'.'),
        // `.*` at the end says itself that anything may follow; what stands before it decides.
        _ => false,
    }
}

/// The first thing that matches is a dot or slash, so that nothing foreign can be before it.
fn begins_label(hir: &Hir) -> bool {
    match bare(hir).kind() {
        HirKind::Literal(text) => text.0.first().is_some_and(|b| b"./".contains(b)),
        HirKind::Concat(parts) => parts.first().is_some_and(begins_label),
        HirKind::Alternation(parts) => parts
            .iter()
            .all(|part| begins_label(part) || part.properties().look_set_prefix().contains(Look::Start)),
        _ => false,
    }
}

/// A dot that stands for any character between two letters, and is not the last one of the host.
fn any_dot(text: &[u8]) -> bool {
    let is_dot = |at: usize| {
        let letter = |n: Option<&u8>| n.is_some_and(u8::is_ascii_alphanumeric);
        text[at] == b'.'
            && at > 1
            && letter(text.get(at - 1))
            && text[at - 2] != b'\\'
            && letter(text.get(at + 1))
    };
    let dots: Vec<usize> = (0..text.len()).filter(|at| is_dot(*at)).collect();
    dots.iter().any(|at| text[at + 1..].contains(&b'.'))
}
