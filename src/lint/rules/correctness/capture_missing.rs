//! Groups that are not there.

use std::borrow::Cow;

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::text;
use crate::lint::text::Piece;
use crate::model::map::MapKey;
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `$1` … `$9` in a `rewrite` whose pattern has fewer groups; in an `if` with a pattern that has fewer;
    /// and directly in a location where nothing before it, up to the server and its names, has a pattern with a
    /// group. Silent if one of the patterns is not understood.
    ///
    /// ## Why is this bad
    ///
    /// The value is always empty.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     rewrite ^/old/.*$ /new/$1 permanent;
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /old { return 301 /new/$1; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     rewrite ^/old/(.*)$ /new/$1 permanent;
    ///     location ~ ^/x/(.*)$ { return 301 /y/$1; }
    /// }
    /// ```
    CAPTURE_MISSING {
        name: "capture-missing",
        category: Correctness,
        level: Warning,
        summary: "`$1` where no pattern has that group",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#rewrite",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, rewrite) in target.levels().http("rewrite") {
        let (Some(pattern), Some(to)) = (rewrite.arg(0), rewrite.arg(1)) else { continue };
        let Some(used) = highest(&to.value()) else { continue };
        if let Some(pattern) = level.pattern(&pattern.value(), false)
            && pattern.groups() < usize::from(used)
        {
            found.push(finding(to, used, pattern.groups()));
        }
    }
    // `map` patterns set captures too, wherever their variable is used.
    let from_maps = target.config.http.maps.iter().any(|m| {
        m.entries.iter().any(|e| matches!(&e.key, MapKey::Regex { pattern, .. } if pattern.contains('(')))
    });
    if from_maps {
        return;
    }
    for name in ["return", "set", "proxy_pass", "alias", "root", "add_header", "fastcgi_pass"] {
        for (level, directive) in target.levels().http(name) {
            for word in directive.args() {
                let Some(used) = highest(&word.value()) else { continue };
                if let Some(groups) = available(level)
                    && groups < usize::from(used)
                {
                    found.push(finding(word, used, groups));
                }
            }
        }
    }
}

fn finding(word: Word<'_>, used: u8, groups: usize) -> Diagnostic {
    let has = match groups {
        0 => "no group is captured here".to_owned(),
        1 => "the pattern has one group".to_owned(),
        n => format!("the pattern has {n} groups"),
    };
    CAPTURE_MISSING
        .finding(word.span(), format!("`${used}` is always empty: {has}"))
        .help("put what is meant in parentheses, or write `${…}`")
}

/// The highest group that a text uses.
fn highest(text: &[u8]) -> Option<u8> {
    if !text.contains(&b'$') {
        return None;
    }
    text::pieces(text)
        .into_iter()
        .filter_map(|p| if let Piece::Capture(n) = p { Some(n) } else { None })
        .max()
}

/// The most groups that any pattern before this place has; `None` if one is not understood.
fn available(level: Block<'_>) -> Option<usize> {
    if !level.is_complete() || level.around(Context::Server).is_none() {
        return None;
    }
    let mut most = 0;
    // No pattern stands outside of servers.
    for level in level.outward().take_while(|level| level.context() != Context::Http) {
        if let Some(head) = level.head() {
            let pattern = match level.context() {
                Context::Location => sources::regex_of_location(head),
                Context::IfInLocation | Context::IfInServer => {
                    sources::condition(head).map(|(op, pattern)| (pattern, op.ends_with(b"*")))
                }
                _ => None,
            };
            most = most.max(groups(level, pattern)?);
        }
        for directive in level.directives() {
            let pattern = match directive.name().content() {
                b"rewrite" => directive.arg(0).map(|w| (w.value(), false)),
                b"if" => sources::condition(*directive).map(|(op, pattern)| (pattern, op.ends_with(b"*"))),
                b"server_name" if directive.args().any(|w| w.content().starts_with(b"~")) => return None,
                name if name.ends_with(b"_by_lua_block") || name.starts_with(b"js_") => return None,
                _ => None,
            };
            most = most.max(groups(level, pattern)?);
        }
    }
    Some(most)
}

fn groups(level: Block<'_>, pattern: Option<(Cow<'_, [u8]>, bool)>) -> Option<usize> {
    match pattern {
        Some((pattern, caseless)) => Some(level.pattern(&pattern, caseless)?.groups()),
        None => Some(0),
    }
}
