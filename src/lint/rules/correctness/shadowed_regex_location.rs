//! Regex locations that are never reached.

use regex_syntax::hir::{HirKind, Look};

use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::pattern::{Pattern, is_look};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, sources};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a regex location after one in the same block that matches everything that it matches: everything at
    /// all, or every path with a beginning that it demands. Patterns that are only partly covered are no finding.
    ///
    /// ## Why is this bad
    ///
    /// nginx takes the first regular expression that matches, in the order of the file.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/static/ { expires 1d; }
    ///     location ~ ^/static/fonts/.*\.woff2$ { expires 1y; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/static/fonts/.*\.woff2$ { expires 1y; }
    ///     location ~ ^/static/ { expires 1d; }
    ///     location ~ \.php$ { return 404; }
    /// }
    /// ```
    SHADOWED_REGEX_LOCATION {
        name: "shadowed-regex-location",
        category: Correctness,
        level: Warning,
        summary: "a regex location that an earlier one always comes before",
        doc: "/en/docs/http/ngx_http_core_module.html#location",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen: Option<Block<'_>> = None;
    for (outer, _) in target.levels().http("location") {
        if seen == Some(outer) {
            continue;
        }
        seen = Some(outer);
        let mut covers: Vec<(Directive<'_>, CoveredPaths)> = Vec::new();
        for head in outer.own("location") {
            let Some((text, caseless)) = sources::regex_of_location(head) else { continue };
            let Some(pattern) = outer.pattern(&text, caseless) else { continue };
            let prefix = pattern.prefix().unwrap_or_default();
            let first = covers.iter().find(|(_, cover)| match cover {
                CoveredPaths::All => true,
                CoveredPaths::Beginning(begin) => !caseless && prefix.starts_with(begin),
            });
            if let Some((first, _)) = first {
                found.push(
                    SHADOWED_REGEX_LOCATION
                        .finding(
                            head.head(),
                            "this location is never chosen: an earlier pattern matches all of it",
                        )
                        .related(first.head(), "matches first")
                        .help("put the narrower pattern first"),
                );
            } else if let Some(cover) = cover(&text, &pattern, caseless) {
                covers.push((head, cover));
            }
        }
    }
}

/// The paths that a pattern matches for sure.
enum CoveredPaths {
    All,
    Beginning(Vec<u8>),
}

fn cover(text: &[u8], pattern: &Pattern, caseless: bool) -> Option<CoveredPaths> {
    if [&b"/"[..], b"^/", b".*", b".", b"^", b"^/.*", b"^.*$", b"^/.*$", b".*$"].contains(&text) {
        return Some(CoveredPaths::All);
    }
    let HirKind::Concat(parts) = pattern.hir().kind() else { return None };
    let only_prefix = parts.len() == 2 && is_look(&parts[0], Look::Start);
    (only_prefix && !caseless)
        .then(|| pattern.prefix())
        .flatten()
        .filter(|p| !p.is_empty())
        .map(CoveredPaths::Beginning)
}
