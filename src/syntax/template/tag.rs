//! Tags of template languages with statements, and the language that tags are of.

use std::ops::Range;

use memchr::memmem;

use super::end::{End, end};
use super::language::Language;
use super::reading::Unclosed;
use super::role::{Role, Tag, Tags, role};
use super::terraform;

/// First tag of a file whose name is that of a template, and the language of the tag.
pub(super) fn tagged(named: Language, text: &[u8]) -> Option<(Language, Range<u32>)> {
    let tags = tags(named, text, 1).tags;
    let first = tags.first()?.range.clone();
    let language = if named == Language::Go { by_tags(text)?.0 } else { named };
    Some((language, first.start as u32..first.end as u32))
}

/// Language of a text that is not a configuration in itself, by its tags outside comments.
pub(crate) fn guess(text: &[u8]) -> Option<(Language, Range<u32>)> {
    by_tags(text)
}

fn by_tags(text: &[u8]) -> Option<(Language, Range<u32>)> {
    /// Most tags that are examined.
    const MOST: usize = 50;
    let shown = |tag: &Tag| {
        let line = memchr::memrchr(b'\n', &text[..tag.range.start]).map_or(0, |i| i + 1);
        let content = content(&text[tag.range.clone()]);
        let starts = content.first().is_some_and(|b| b.is_ascii_alphabetic() || b"_.$@/".contains(b));
        let before = &text[line..tag.range.start];
        let comments = |at: usize| at == 0 || before[at - 1].is_ascii_whitespace();
        starts && !memchr::memchr_iter(b'#', before).any(comments)
    };
    let place = |tag: &Tag| tag.range.start as u32..tag.range.end as u32;
    if let Some(tag) = tags(Language::Erb, text, MOST).tags.iter().find(|t| shown(t)) {
        return Some((Language::Erb, place(tag)));
    }
    // `${name}` alone may be a variable of nginx.
    let terraform = tags(Language::Terraform, text, MOST).tags;
    if let Some(tag) = terraform.iter().find(|t| matches!(t.role, Role::Open(_)) && shown(t)) {
        return Some((Language::Terraform, place(tag)));
    }
    let jinja: Vec<Tag> = tags(Language::Jinja, text, MOST).tags.into_iter().filter(|t| shown(t)).collect();
    let first = place(jinja.first()?);
    let is_statement = |t: &Tag| text[t.range.start + 1] == b'%';
    let is_go = |t: &Tag| is_of_go(content(&text[t.range.clone()]));
    let go = !jinja.iter().any(is_statement) && jinja.iter().any(is_go);
    Some((if go { Language::Go } else { Language::Jinja }, first))
}

/// Content of a tag without its marks and the signs that trim space.
fn content(tag: &[u8]) -> &[u8] {
    if let Some(inside) = tag.strip_prefix(b"%{") {
        return terraform::content(inside);
    }
    let inside = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    let inside = inside.strip_prefix(b"=").unwrap_or(inside);
    let inside = inside.strip_prefix(b"-").or_else(|| inside.strip_prefix(b"+")).unwrap_or(inside);
    inside.strip_suffix(b"-").unwrap_or(inside).trim_ascii()
}

/// Tags of a text, at most `most`. A tag that never closes is text.
pub(super) fn tags(language: Language, text: &[u8], most: usize) -> Tags {
    if language == Language::Terraform {
        return terraform::tags(text, most);
    }
    let facts = language.facts();
    let mut found = Tags { tags: Vec::new(), unclosed: None };
    let mut at = 0;
    let find = |mark: &str, from: usize| Some(from + memmem::find(text.get(from..)?, mark.as_bytes())?);
    // Next occurrence of each mark and of its end: another search for each tag would be quadratic.
    let mut next: Vec<Option<usize>> = facts.tags.iter().map(|(mark, _)| find(mark, 0)).collect();
    let mut ends: Vec<Option<usize>> = facts.tags.iter().map(|(_, close)| find(close, 0)).collect();
    // Quotes count until one is found that never ends: all that follows would be searched again for each tag.
    let mut has_quotes = language != Language::Erb;
    while found.tags.len() < most {
        for (place, (mark, _)) in next.iter_mut().zip(facts.tags) {
            if place.is_some_and(|p| p < at) {
                *place = find(mark, at);
            }
        }
        let first = next.iter().enumerate().filter_map(|(n, place)| Some(((*place)?, n))).min();
        let Some((start, n)) = first else { break };
        let (mark, close) = facts.tags[n];
        let inside = start + mark.len();
        if ends[n].is_some_and(|end| end < inside) {
            ends[n] = find(close, inside);
        }
        let plain =
            || ends[n].filter(|&end| !begins_again(mark, &text[inside..end])).map(|end| end + close.len());
        let end = match Some(()).filter(|()| has_quotes && mark != "{#" && ends[n].is_some()) {
            Some(()) => match end(language, mark, close, &text[inside..]) {
                End::At(length) => Some(inside + length),
                End::Again => None,
                End::Unquoted => plain(),
                End::Never => {
                    has_quotes = false;
                    plain()
                }
            },
            None => plain(),
        };
        let Some(end) = end else {
            let range = start as u32..inside as u32;
            found.unclosed.get_or_insert(Unclosed { range, close });
            at = inside;
            if ends[n].is_none() {
                next[n] = None;
            }
            continue;
        };
        let role = match mark {
            "{#" => Role::Other,
            "{%" => role(language, content(&text[start..end])),
            "<%" => match text.get(start + 2) {
                Some(b'=') => Role::Expression,
                Some(b'#' | b'%') => Role::Other,
                _ => role(language, content(&text[start..end])),
            },
            _ if language == Language::Go => role(language, content(&text[start..end])),
            _ => Role::Expression,
        };
        found.tags.push(Tag { range: start..end, role });
        at = end;
    }
    found
}

/// True if another tag begins in the text of one: the first was never closed.
fn begins_again(mark: &str, inside: &[u8]) -> bool {
    mark != "{#" && memmem::find(inside, mark.as_bytes()).is_some()
}

/// True if only Go's language has such an expression: a function with its arguments behind it, or a field of the data.
fn is_of_go(content: &[u8]) -> bool {
    let is_call = |call: &[u8]| {
        let length = call.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let argument = call[length..].trim_ascii_start().first();
        let has_gap = call.get(length).is_some_and(u8::is_ascii_whitespace);
        let is_operator =
            [&b"not"[..], b"if", b"else", b"in", b"is", b"and", b"or"].contains(&&call[..length]);
        length > 0
            && has_gap
            && !is_operator
            && argument.is_some_and(|b| b"\"`.$".contains(b) || b.is_ascii_digit())
    };
    matches!(content.first(), Some(b'.' | b'$' | b'/'))
        || role(Language::Go, content) != Role::Expression
        || content.split(|&b| b == b'|').any(|call| is_call(call.trim_ascii_start()))
}
