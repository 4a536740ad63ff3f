//! Groups that are not there.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::values::groups::{self, Holder};
use crate::lint::{Target, sources};
use crate::model::Segment;
use crate::model::map::MapKey;
use crate::source::Span;

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

/// Directives that take groups of the place they stand in.
const READERS: [&str; 14] = [
    "return",
    "set",
    "proxy_pass",
    "alias",
    "root",
    "add_header",
    "fastcgi_pass",
    "uwsgi_pass",
    "scgi_pass",
    "grpc_pass",
    "proxy_set_header",
    "fastcgi_param",
    "try_files",
    "proxy_cache_key",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, rewrite) in target.levels().http("rewrite") {
        let (Some(pattern), Some(to)) = (rewrite.arg(0), rewrite.arg(1)) else { continue };
        let Some(used) = highest(&to.value()) else { continue };
        if let Some(pattern) = level.pattern(&pattern.value(), false)
            && pattern.groups() < usize::from(used)
        {
            found.push(finding(to.span(), used, pattern.groups()));
        }
    }
    in_maps(target, found);
    // `map` patterns set captures too, wherever their variable is used; scripts can run patterns of their own.
    let from_maps = target.config.http.maps.iter().any(|m| {
        m.entries.iter().any(|e| matches!(&e.key, MapKey::Regex { pattern, .. } if pattern.contains('(')))
    });
    if from_maps || !target.uses().complete {
        return;
    }
    for name in READERS {
        for (level, directive) in target.levels().http(name) {
            // An inherited value is read where another pattern may have matched.
            let inner = || level.inner().any(|inner| inner.context() == Context::Location);
            let point = Point::of(level, directive);
            for word in directive.args() {
                let Some(used) = highest(&word.value()) else { continue };
                if point.is_last() && inner() || is_overwritten(level, used) {
                    continue;
                }
                if let Some(groups) = available(target, level, point)
                    && groups < usize::from(used)
                {
                    found.push(finding(word.span(), used, groups));
                }
            }
        }
    }
}

/// True if the location has the group, so that a pattern in it has replaced it: `capture-overwritten` speaks of that.
fn is_overwritten(level: Block<'_>, used: u8) -> bool {
    let pattern = level.head().and_then(|head| sources::location_pattern(level, head));
    pattern.is_some_and(|pattern| pattern.groups() >= usize::from(used))
}

/// A pattern of a `map` that has matched replaces the groups of the place where the variable is read.
fn in_maps(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for entry in target.config.http.maps.iter().flat_map(|map| &map.entries) {
        let MapKey::Regex { pattern, caseless } = &entry.key else { continue };
        let used = entry.value.segments.iter().filter_map(|segment| match segment {
            Segment::Capture(n) => Some(*n),
            _ => None,
        });
        if let Some(used) = used.max()
            && let Some(pattern) = target.levels().pattern(pattern.as_bytes(), *caseless)
            && pattern.groups() < usize::from(used)
        {
            found.push(finding(entry.span, used, pattern.groups()));
        }
    }
}

fn finding(place: Span, used: u8, groups: usize) -> Diagnostic {
    let has = match groups {
        0 => "no group is captured here".to_owned(),
        1 => "the pattern has one group".to_owned(),
        n => format!("the pattern has {n} groups"),
    };
    CAPTURE_MISSING
        .finding(place, format!("`${used}` is always empty: {has}"))
        .help("put what is meant in parentheses, or write `${…}`")
}

/// The highest group that a text uses.
fn highest(text: &[u8]) -> Option<u8> {
    let behind = memchr::memchr_iter(b'$', text).filter_map(|at| text.get(at + 1));
    behind.filter(|digit| matches!(digit, b'1'..=b'9')).map(|digit| digit - b'0').max()
}

/// The most groups that any pattern has that can have matched last; `None` if one is not understood.
fn available<'a>(target: Target<'a>, level: Block<'a>, point: Point<'a>) -> Option<usize> {
    if !level.is_complete() || level.around(Context::Server).is_none() {
        return None;
    }
    let mut most = 0;
    for holder in groups::holders(point, &|text| target.levels().reads_pattern_map(text)) {
        match holder {
            Holder::Pattern(pattern, _) => most = most.max(pattern.groups()),
            Holder::Unknown => return None,
            Holder::None => {}
        }
    }
    Some(most)
}
