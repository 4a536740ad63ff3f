//! Sources of the values of variables: the part that a client can choose.

use std::borrow::Cow;
use std::rc::Rc;

use regex_syntax::hir::{Hir, HirKind};

use super::levels::Level;
use super::pattern::Pattern;
use super::view::View;
use crate::catalog::Context;
use crate::syntax::{Directive, Word};

/// True if a client chooses a variable of nginx.
pub(super) fn is_from_client(name: &str) -> bool {
    let families = ["arg_", "cookie_", "http_"];
    let others = [
        "args",
        "query_string",
        "uri",
        "document_uri",
        "request_uri",
        "request_body",
        "request",
        "content_type",
        "proxy_add_x_forwarded_for",
        "ssl_server_name",
    ];
    others.contains(&name) || families.iter().any(|family| name.starts_with(family))
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

/// `location = /path`: the path.
pub(super) fn exact_location(head: Directive<'_>) -> Option<Vec<u8>> {
    let first = head.arg(0)?.value();
    match head.arg(1) {
        Some(path) if *first == *b"=" => Some(path.value().into_owned()),
        None if first.starts_with(b"=/") => Some(first[1..].to_vec()),
        _ => None,
    }
}

/// The pattern of a `rewrite`.
pub(crate) fn rewrite_pattern(level: Level<'_>, rewrite: Directive<'_>) -> Option<Rc<Pattern>> {
    level.pattern(&rewrite.arg(0)?.value(), false)
}

/// True if a `rewrite` matches every URI.
pub(super) fn matches_always(level: Level<'_>, rewrite: Directive<'_>) -> bool {
    rewrite_pattern(level, rewrite).is_some_and(|pattern| pattern.matches_always())
}

/// The patterns among the names of a server; `None` for one that is not understood.
pub(super) fn server_patterns(server: Level<'_>) -> Vec<Option<Rc<Pattern>>> {
    let mut found = Vec::new();
    for word in server.own("server_name").flat_map(crate::syntax::Directive::args) {
        if word.content().starts_with(b"~") {
            found.push(word.value().strip_prefix(b"~").and_then(|text| server.pattern(text, true)));
        }
    }
    found
}

/// The number of a server's names.
pub(super) fn names_of_server(server: Level<'_>) -> usize {
    server.own("server_name").map(|names| names.args().len()).sum()
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

/// True if a server answers requests for any host name: what `$host` is, a client can choose.
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

/// True if every match of a group ends in a domain that is written out.
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
