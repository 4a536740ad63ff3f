//! Exposure of a configuration to a vulnerability: the triggers of `grammar/advisories.toml`.

use crate::catalog::Context;
use crate::source::Span;
use crate::syntax::{Block as Body, Directive, Word};
use crate::values::levels::{Level as Block, Levels};
use crate::values::text::{self, Piece};

/// The places where a trigger holds.
pub(super) fn place<'a>(levels: &'a Levels<'a>, trigger: &str) -> Option<Span> {
    match trigger {
        "@map-regex" => return map_regex(levels),
        "@captures" => return captures(levels),
        "@large-headers" => return large_headers(levels),
        "@dav-alias" => return dav_alias(levels),
        "@overlapping-captures" => return overlapping_captures(levels),
        "@rewrite-args" => return rewrite_args(levels),
        _ => {}
    }
    let (trigger, in_stream) =
        trigger.strip_prefix("stream:").map_or((trigger, false), |trigger| (trigger, true));
    let (name, word) = trigger.split_once(' ').unwrap_or((trigger, ""));
    let holds = |directive: &Directive<'_>| match (word, word.strip_suffix('*')) {
        ("", _) => !directive.arg(0).is_some_and(|w| w.is("off")),
        (_, Some(prefix)) => directive.args().any(|w| w.value().starts_with(prefix.as_bytes())),
        (_, None) => directive.args().any(|w| w.value().eq_ignore_ascii_case(word.as_bytes())),
    };
    let fits = |block: &Block<'_>| !in_stream || block.around(Context::Stream).is_some();
    let mut all = levels.named(name).filter(|(block, _)| fits(block)).map(|(_, directive)| directive);
    all.find(holds).map(Directive::head)
}

/// The object of a trigger, in words after "no".
pub(super) fn words(trigger: &str) -> String {
    let check = match trigger {
        "@map-regex" => "`map` whose patterns capture and that is used beside captures",
        "@captures" => "use of `$1` to `$9` outside of `rewrite`",
        "@large-headers" => "`large_client_header_buffers` of 2 MiB or more",
        "@dav-alias" => "`alias` where COPY or MOVE are allowed",
        "@overlapping-captures" => "`rewrite` that uses two captures of which one contains the other",
        "@rewrite-args" => "`rewrite` with arguments before a use of captures",
        _ => "",
    };
    if !check.is_empty() {
        return check.to_owned();
    }
    match trigger.strip_prefix("stream:") {
        Some(trigger) => format!("`{trigger}` in `stream`"),
        None => format!("`{trigger}`"),
    }
}

/// A `map` whose patterns capture, used in a block that uses such a capture too; or one that is evaluated anew for each
/// use.
fn map_regex<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    levels.named("map").find_map(|(_, map)| {
        let variable = map.arg(1)?.value();
        let captures = |entry: &Directive<'_>| {
            let key = entry.name().value();
            key.starts_with(b"~") && has_group(&key)
        };
        let entry = levels.entries(map).find(captures)?;
        let volatile = levels.entries(map).any(|e| e.name().is("volatile") && e.args().len() == 0);
        let groups: Vec<String> = levels.entries(map).flat_map(|e| group_names(&e.name().value())).collect();
        let is_capture = |piece: &Piece| match piece {
            Piece::Capture(_) => true,
            Piece::Variable(name) => groups.contains(name),
            Piece::Literal(_) => false,
        };
        let is_map = |piece: &Piece| match piece {
            Piece::Variable(name) => {
                variable.get(1..).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
            }
            _ => false,
        };
        let uses = |block: Block<'_>, wanted: &dyn Fn(&Piece) -> bool| {
            block.directives().iter().flat_map(|d| d.args()).any(|w| pieces(w).iter().any(wanted))
        };
        let both = || levels.all().any(|block| uses(block, &is_map) && uses(block, &is_capture));
        (volatile || both()).then(|| entry.head())
    })
}

fn pieces(word: Word<'_>) -> Vec<Piece> {
    let value = word.value();
    if value.contains(&b'$') { text::pieces(&value) } else { Vec::new() }
}

/// True if a pattern has a group that captures, with a name or without.
fn has_group(pattern: &[u8]) -> bool {
    (0..pattern.len()).any(|at| {
        let escaped = at > 0 && pattern[at - 1] == b'\\';
        let rest = &pattern[at + 1..];
        let special = rest.first() == Some(&b'?');
        pattern[at] == b'(' && !escaped && (!special || !name_of_group(rest).is_empty())
    })
}

/// `?<name>`, `?P<name>`, `?'name'`: the name.
fn name_of_group(rest: &[u8]) -> &[u8] {
    let begin =
        [&b"?<"[..], b"?P<", b"?'"].iter().find_map(|begin| rest.strip_prefix(*begin)).unwrap_or_default();
    let end = begin.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(begin.len());
    &begin[..end]
}

fn group_names(pattern: &[u8]) -> Vec<String> {
    let names = memchr::memchr_iter(b'(', pattern).map(|at| name_of_group(&pattern[at + 1..]));
    names.filter(|n| !n.is_empty()).map(|n| String::from_utf8_lossy(n).to_ascii_lowercase()).collect()
}

/// A place other than a `rewrite`, which has groups of its own, that uses `$1`.
fn captures<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    let blocks = levels.all().filter(|block| block.is_http());
    blocks.flat_map(Block::directives).find_map(|directive| {
        let uses = |w: Word<'_>| pieces(w).iter().any(|p| matches!(p, Piece::Capture(_)));
        (!directive.name().is("rewrite") && directive.args().any(uses)).then(|| directive.head())
    })
}

/// Header buffers so large that a header's length needs more bytes than were counted.
fn large_headers<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    const LENGTH: u64 = 2 << 20;
    let size = |word: Word<'_>| {
        let text = word.to_string().to_ascii_lowercase();
        let (number, unit) = match text.strip_suffix('m') {
            Some(number) => (number, 1 << 20),
            None => text.strip_suffix('k').map_or((text.as_str(), 1), |number| (number, 1 << 10)),
        };
        number.parse::<u64>().ok().map(|n| n.saturating_mul(unit))
    };
    let mut all = levels.http("large_client_header_buffers").map(|(_, d)| d);
    all.find(|d| d.arg(1).and_then(size).is_some_and(|size| size >= LENGTH)).map(Directive::head)
}

/// An `alias` where COPY or MOVE are allowed.
fn dav_alias<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    let copies = |d: &Directive<'_>| d.args().any(|w| w.is("COPY") || w.is("MOVE"));
    let mut all = levels.http("alias");
    all.find(|(block, _)| block.effective("dav_methods").as_ref().is_some_and(copies)).map(|(_, d)| d.head())
}

/// A redirecting `rewrite`, or one with arguments, that uses two groups of which one contains the other.
fn overlapping_captures<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    levels.http("rewrite").map(|(_, d)| d).find_map(|rewrite| {
        let (pattern, to) = (rewrite.arg(0)?.value().into_owned(), rewrite.arg(1)?.value().into_owned());
        let pieces = text::pieces(&to);
        let captures = |text: &[u8]| -> Vec<u8> {
            let pieces = text::pieces(text);
            pieces.iter().filter_map(|p| if let Piece::Capture(n) = p { Some(*n) } else { None }).collect()
        };
        let used = captures(&to);
        let repeated = used.iter().enumerate().any(|(at, n)| used[..at].contains(n));
        let plain = !pieces.iter().any(|p| matches!(p, Piece::Variable(_))) && !repeated;
        let flag = rewrite.arg(2).is_some_and(|w| w.is("redirect") || w.is("permanent"));
        let redirects = flag || to.starts_with(b"http://") || to.starts_with(b"https://");
        // Arguments are escaped; `?` at the end only says that there are none.
        let arguments = to.strip_suffix(b"?").unwrap_or(&to);
        let escaped = match memchr::memchr(b'?', arguments) {
            _ if redirects => used,
            Some(at) => captures(&arguments[at..]),
            None => Vec::new(),
        };
        let pattern = levels.pattern(&pattern, false).filter(|_| plain)?;
        let nested = escaped.iter().any(|outer| {
            let group = pattern.group(u32::from(*outer));
            group.is_some_and(|g| {
                let inside = g.properties().explicit_captures_len();
                escaped.iter().any(|inner| inner > outer && usize::from(inner - outer) <= inside)
            })
        });
        nested.then(|| rewrite.head())
    })
}

/// A `rewrite` whose replacement has arguments, and after it a capture that is used in the same block.
fn rewrite_args<'a>(levels: &'a Levels<'a>) -> Option<Span> {
    levels.http("rewrite").find_map(|(level, rewrite)| {
        let to = rewrite.arg(1)?.value().into_owned();
        let ends = rewrite.arg(2).is_some() || to.starts_with(b"http") || to.starts_with(b"$scheme");
        if !to.contains(&b'?') || ends {
            return None;
        }
        let uses = |d: &Directive<'_>| {
            let name = d.name();
            let takes = name.is("set") || name.is("rewrite") || name.is("if");
            takes && d.args().any(|w| text::pieces(&w.value()).iter().any(|p| matches!(p, Piece::Capture(_))))
        };
        later(level, rewrite).iter().any(uses).then(|| rewrite.head())
    })
}

/// The instructions behind a directive in its block, those of inner `if`s included, and after the block if that is an `if`.
fn later<'a>(level: Block<'a>, after: Directive<'a>) -> Vec<Directive<'a>> {
    let position = level.directives().iter().position(|d| d.id() == after.id()).map_or(0, |at| at + 1);
    let mut all = Vec::new();
    for directive in &level.directives()[position..] {
        all.push(*directive);
        let inside = directive.block().filter(|_| directive.name().is("if"));
        all.extend(inside.into_iter().flat_map(Body::directives));
        // Nothing of the script runs behind them.
        if directive.name().is("return") || directive.name().is("break") {
            return all;
        }
    }
    if matches!(level.context(), Context::IfInLocation | Context::IfInServer)
        && let (Some(outer), Some(head)) = (level.outer(), level.head())
    {
        all.extend(later(outer, head));
    }
    all
}
