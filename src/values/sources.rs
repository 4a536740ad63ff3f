//! Where the values of variables come from: what a client can put into them.

use std::borrow::Cow;
use std::rc::Rc;

use super::View;
use super::levels::Level;
use super::pattern::{self, Pattern};
use super::text::{self, Piece};
use crate::catalog::Context;
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Segment, VariableSource};
use crate::syntax::{Directive, Word};
use regex_syntax::hir::{Hir, HirKind};

/// How far maps of maps are followed.
const DEEPEST: usize = 8;

/// What a rule wants to know of the parts of a value.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    /// Whether a variable of nginx itself is meant.
    pub(crate) builtin: fn(&str) -> bool,
    /// A byte that a captured part must be able to contain.
    pub(crate) byte: u8,
}

/// A line feed can be part of the value: variables with the decoded URI, and groups that match one.
pub(crate) const LINE_FEED: Question =
    Question { builtin: |name| matches!(name, "uri" | "document_uri"), byte: b'\n' };

fn is_from_client(name: &str) -> bool {
    let families = ["arg_", "cookie_", "http_"];
    let others = ["args", "query_string", "uri", "document_uri", "request_uri", "request_body", "request"];
    others.contains(&name) || families.iter().any(|family| name.starts_with(family))
}

/// Whether a variable is text of the request as it was sent: it can contain anything but a line break.
pub(crate) fn is_raw(name: &str) -> bool {
    is_from_client(name)
}

/// The first variable or capture of a text for which the answer is yes, as written.
pub(crate) fn find<'a>(view: View<'a>, level: Level<'a>, text: &[u8], question: Question) -> Option<String> {
    text::pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Literal(_) => None,
        Piece::Variable(name) => variable(view, level, &name, question, DEEPEST).then(|| format!("${name}")),
        Piece::Capture(n) => capture(level, n, question.byte).then(|| format!("${n}")),
    })
}

/// Whether the answer is yes for a variable, through `map` and `set`.
pub(crate) fn variable<'a>(
    view: View<'a>,
    level: Level<'a>,
    name: &str,
    question: Question,
    depth: usize,
) -> bool {
    if depth == 0 {
        return false;
    }
    let variables = &view.config.http.variables;
    let Some(id) = variables.find(name) else { return (question.builtin)(name) };
    match variables.get(id).source {
        VariableSource::Builtin => (question.builtin)(name),
        VariableSource::Map(position) => {
            let map = &view.config.http.maps[position];
            let mut plain = map.entries.iter().filter(|e| !matches!(e.key, MapKey::Regex { .. }));
            plain.any(|e| value(view, level, &e.value, question, depth))
                || map.default.iter().any(|d| value(view, level, &d.value, question, depth))
        }
        VariableSource::Set => sets(view, level, name).into_iter().any(|(at, set)| {
            set.arg(1).is_some_and(|word| {
                text::pieces(&word.value()).into_iter().any(|piece| match piece {
                    Piece::Literal(_) => false,
                    Piece::Variable(inner) => {
                        inner != name && variable(view, at, &inner, question, depth - 1)
                    }
                    Piece::Capture(n) => capture(at, n, question.byte),
                })
            })
        }),
        VariableSource::Capture => named_capture(level, name, question.byte),
        _ => false,
    }
}

fn value<'a>(
    view: View<'a>,
    level: Level<'a>,
    value: &ComplexValue,
    question: Question,
    depth: usize,
) -> bool {
    value.segments.iter().any(|segment| match segment {
        Segment::Variable(id) => {
            let name = &view.config.http.variables.get(*id).name;
            variable(view, level, name, question, depth - 1)
        }
        Segment::Literal(_) | Segment::Capture(_) => false,
    })
}

/// The `set`s that can have given a variable its value here: those of the block itself if it has any, else all of the
/// server.
pub(crate) fn sets<'a>(view: View<'a>, level: Level<'a>, name: &str) -> Vec<(Level<'a>, Directive<'a>)> {
    let server = level.around(Context::Server);
    let of_server: Vec<_> = view
        .levels
        .sets(name)
        .filter(|(at, _)| server.is_none() || at.around(Context::Server) == server)
        .collect();
    let block = level.block();
    let own: Vec<_> = of_server.iter().copied().filter(|(at, _)| at.block() == block).collect();
    let unconditional = own.iter().any(|(at, _)| *at == block);
    if unconditional { own } else { of_server }
}

/// The pattern that gives a block its captures, with whether it is compared without regard to case; `None` if
/// there is none, or if it depends on more than one.
pub(crate) fn pattern(level: Level<'_>) -> Option<Rc<Pattern>> {
    let head = level.head()?;
    match level.context() {
        Context::IfInLocation | Context::IfInServer => match condition(head) {
            Some((b"~", pattern)) => level.pattern(&pattern, false),
            Some((b"~*", pattern)) => level.pattern(&pattern, true),
            _ => level.outer().and_then(self::pattern),
        },
        Context::Location => location_pattern(level, head),
        Context::LimitExcept => level.outer().and_then(self::pattern),
        _ => None,
    }
}

/// The pattern of `location ~ pattern`.
pub(crate) fn location_pattern(level: Level<'_>, head: Directive<'_>) -> Option<Rc<Pattern>> {
    let (pattern, caseless) = regex_of_location(head)?;
    level.pattern(&pattern, caseless)
}

/// The text of `location ~ pattern`, and whether case does not matter.
pub(crate) fn regex_of_location(head: Directive<'_>) -> Option<(Cow<'_, [u8]>, bool)> {
    let first = head.arg(0)?.value();
    let (skipped, caseless) = match &*first {
        [b'~', b'*', ..] => (2, true),
        [b'~', ..] => (1, false),
        _ => return None,
    };
    match (head.arg(1), first) {
        (Some(pattern), first) => (first.len() == skipped).then(|| (pattern.value(), caseless)),
        (None, Cow::Borrowed(text)) => Some((Cow::Borrowed(&text[skipped..]), caseless)),
        (None, Cow::Owned(text)) => Some((Cow::Owned(text[skipped..].to_vec()), caseless)),
    }
}

/// Operator and pattern of `if ($variable ~ pattern)`.
pub(crate) fn condition(head: Directive<'_>) -> Option<(&'static [u8], Cow<'_, [u8]>)> {
    const OPERATORS: [&[u8]; 4] = [b"~", b"~*", b"!~", b"!~*"];
    let mut words = head.args().map(Word::value);
    let operator = words.find_map(|w| OPERATORS.into_iter().find(|o| **o == *w))?;
    let mut pattern = words.next()?;
    match (words.next(), words.next()) {
        (None, _) if pattern.ends_with(b")") => {
            pattern = match pattern {
                Cow::Borrowed(text) => Cow::Borrowed(&text[..text.len() - 1]),
                Cow::Owned(mut text) => {
                    text.pop();
                    Cow::Owned(text)
                }
            };
        }
        (None, _) => {}
        (Some(last), None) if *last == *b")" => {}
        _ => return None,
    }
    Some((operator, pattern))
}

/// Whether `$n` can contain a byte; no if its pattern is not understood, or if something may have replaced it.
fn capture(level: Level<'_>, n: u8, byte: u8) -> bool {
    let replaces = |level: Level<'_>| {
        level.directives().iter().any(|d| {
            d.name().is("rewrite")
                || (d.name().is("if") && condition(*d).is_some_and(|(op, _)| !op.starts_with(b"!")))
        })
    };
    if replaces(level) || replaces(level.block()) && level.block() != level {
        return false;
    }
    let Some(pattern) = pattern(level) else { return false };
    pattern.group(u32::from(n)).is_some_and(|group| carries(group, byte))
}

fn named_capture(level: Level<'_>, name: &str, byte: u8) -> bool {
    let mut patterns = level.outward().filter_map(pattern);
    patterns.any(|p| p.named(name).is_some_and(|group| carries(group, byte)))
}

/// Whether a group can match a byte and something more: a line break alone begins no header.
fn carries(group: &Hir, byte: u8) -> bool {
    pattern::can_contain(group, byte) && group.properties().maximum_len() != Some(1)
}

/// Whether a server answers requests for any host name: what `$host` is, a client can choose.
pub(crate) fn accepts_any_host(view: View<'_>, level: Level<'_>) -> bool {
    let Some(server) = level.around(Context::Server) else { return false };
    let catch_all = |w: &[u8]| matches!(w, b"_" | b"" | b"*") || w.starts_with(b"~");
    let names: Vec<_> = server.own("server_name").flat_map(|d| d.args().collect::<Vec<_>>()).collect();
    let is_default =
        server.own("listen").any(|l| l.args().skip(1).any(|w| w.is("default_server") || w.is("default")));
    let alone = view.levels.of(Context::Server).nth(1).is_none() && server.is_rooted();
    is_default
        || alone
        || names.is_empty() && server.is_rooted()
        || names.iter().any(|w| catch_all(&w.value()))
}

/// Whether every match of a group ends in a domain that is written out.
pub(crate) fn ends_in_domain(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(text) => {
            text.0.contains(&b'.') && text.0.last().is_some_and(u8::is_ascii_alphanumeric)
        }
        HirKind::Capture(group) => ends_in_domain(&group.sub),
        HirKind::Concat(parts) => parts.last().is_some_and(ends_in_domain),
        HirKind::Alternation(parts) => parts.iter().all(ends_in_domain),
        _ => false,
    }
}
