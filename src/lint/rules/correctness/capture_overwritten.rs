//! Groups that another pattern has replaced.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::text::{self, Piece};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `$1` in a regex location that has an `if` with a pattern, with or without groups.
    ///
    /// ## Why is this bad
    ///
    /// There is one set of groups. Every pattern that is executed replaces it: one that has no groups or does not match
    /// leaves `$1` empty. A group with a name keeps its value.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/files/(.+)$ {
    ///         if ($http_user_agent ~ (Crawler|Spider)) { return 403; }
    ///         alias /srv/files/$1;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/files/(.+)$ {
    ///         if ($arg_a = b) { return 403; }
    ///         alias /srv/files/$1;
    ///     }
    ///     location ~ ^/more/(?<name>.+)$ {
    ///         if ($http_user_agent ~ (Crawler|Spider)) { return 403; }
    ///         alias /srv/more/$name;
    ///     }
    /// }
    /// ```
    CAPTURE_OVERWRITTEN {
        name: "capture-overwritten",
        category: Correctness,
        level: Warning,
        summary: "the pattern of an `if` replaces `$1` of the location",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen = None;
    for (location, _) in target.levels().http("if") {
        if seen == Some(location) || location.context() != Context::Location {
            continue;
        }
        seen = Some(location);
        let Some(pattern) = location.head().and_then(|head| sources::location_pattern(location, head)) else {
            continue;
        };
        let all = location.directives();
        let Some(first) = all.iter().position(|d| replaces(*d)) else { continue };
        let users = all.iter().enumerate().filter(|(at, d)| *at > first || !runs_in_order(**d));
        for (_, user) in users.filter(|(_, d)| !d.name().is("rewrite") && !d.name().is("if")) {
            let Some(number) = captures(*user).find(|n| usize::from(*n) <= pattern.groups()) else {
                continue;
            };
            found.push(
                CAPTURE_OVERWRITTEN
                    .finding(
                        user.head(),
                        format!("`${number}` is not the location's: an `if` has replaced it"),
                    )
                    .label("empty, also where the `if` does not match")
                    .related(all[first].head(), "has a pattern")
                    .help("give the group of the location a name: `(?<name>…)` and `$name`"),
            );
        }
    }
}

/// Whether it is an `if` with a pattern: a match replaces the request's groups, and without one
/// `ngx_http_script_regex_start_code` clears them.
fn replaces(directive: Directive<'_>) -> bool {
    directive.name().is("if") && sources::condition(directive).is_some()
}

/// What the rewrite module executes in the order of the file; the rest comes after all of it.
fn runs_in_order(directive: Directive<'_>) -> bool {
    ["set", "return", "rewrite", "if", "break"].iter().any(|name| directive.name().is(name))
}

fn captures(directive: Directive<'_>) -> impl Iterator<Item = u8> {
    directive.args().filter(|w| w.content().contains(&b'$')).flat_map(|w| {
        let pieces = text::pieces(&w.value());
        pieces.into_iter().filter_map(|p| if let Piece::Capture(n) = p { Some(n) } else { None })
    })
}
