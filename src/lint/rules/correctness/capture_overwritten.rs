//! Groups that another pattern has replaced.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::text::{self, Piece};
use crate::lint::{Target, sources};
use crate::syntax::Directive;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `$1` in a regex location that has an `if` with a pattern, with or without groups; and `$1` beside a variable
    /// of a `map` with patterns in one text.
    ///
    /// ## Why is this bad
    ///
    /// There is one set of groups. Every pattern that is executed replaces it: one that has no groups or does not match
    /// leaves `$1` empty. A group with a name keeps its value. The patterns of a `map` are executed when its variable is
    /// first read, so that `$1` is a group of the `map`, whatever the order; if it does not fit, nginx answers 500.
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
    /// ```nginx bad
    /// map $host $site {
    ///     default other;
    ///     "~^(.+)\.example\.com$" $1;
    /// }
    /// server {
    ///     location ~ ^/files/(.+)$ { alias /srv/$site/$1; }
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
        summary: "the pattern of an `if` or a `map` replaces `$1`",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    beside_maps(target, found);
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

/// True if it is an `if` with a pattern: a match replaces the request's groups, and without one
/// `ngx_http_script_regex_start_code` clears them.
/// Directives that evaluate a text after patterns were executed.
const READERS: [&str; 13] = [
    "return",
    "set",
    "rewrite",
    "proxy_pass",
    "alias",
    "root",
    "try_files",
    "add_header",
    "proxy_set_header",
    "fastcgi_param",
    "fastcgi_pass",
    "uwsgi_pass",
    "grpc_pass",
];

/// A group and a variable whose `map` executes patterns, in one text.
fn beside_maps(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    for (_, directive) in READERS.iter().flat_map(|name| levels.http(name)) {
        for word in directive.args() {
            let value = word.value();
            if !value.contains(&b'$') || !levels.reads_pattern_map(&value) {
                continue;
            }
            let pieces = text::pieces(&value);
            let group = pieces.iter().position(|piece| matches!(piece, Piece::Capture(_)));
            let is_map = |piece: &Piece| match piece {
                Piece::Variable(name) => levels.reads_pattern_map(format!("${name}").as_bytes()),
                Piece::Literal(_) | Piece::Capture(_) => false,
            };
            let map = pieces.iter().position(is_map);
            let (Some(group), Some(map)) = (group, map) else { continue };
            let (Piece::Capture(number), Piece::Variable(name)) = (&pieces[group], &pieces[map]) else {
                continue;
            };
            found.push(
                CAPTURE_OVERWRITTEN
                    .finding(
                        word.span(),
                        format!("where a pattern of the `map` for `${name}` matches, `${number}` is a group of the `map`"),
                    )
                    .label("reads a `map` with patterns")
                    .help("give the group a name: `(?<name>…)` and `$name`"),
            );
        }
    }
}

fn replaces(directive: Directive<'_>) -> bool {
    directive.name().is("if") && sources::condition(directive).is_some()
}

/// Directives that the rewrite module executes in the order of the file; the rest comes after all of it.
fn runs_in_order(directive: Directive<'_>) -> bool {
    ["set", "return", "rewrite", "if", "break"].iter().any(|name| directive.name().is(name))
}

fn captures(directive: Directive<'_>) -> impl Iterator<Item = u8> {
    directive.args().filter(|w| w.content().contains(&b'$')).flat_map(|w| {
        let pieces = text::pieces(&w.value());
        pieces.into_iter().filter_map(|p| if let Piece::Capture(n) = p { Some(n) } else { None })
    })
}
