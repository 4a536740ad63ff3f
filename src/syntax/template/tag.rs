//! Tags of template languages with statements, and the language that tags are of.

use std::ops::Range;

use memchr::memmem;

use super::language::Language;

/// Role of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A placeholder for text.
    Expression,
    /// Start of a statement that `End` closes.
    Open,
    /// Start of another branch.
    Else,
    /// End of a statement.
    End,
    /// Neither text nor structure.
    Other,
}

pub(super) struct Tag {
    pub(super) range: Range<usize>,
    pub(super) role: Role,
}

/// First tag of a file whose name is that of a template, and the language of the tag.
pub(super) fn tagged(named: Language, text: &[u8]) -> Option<(Language, Range<u32>)> {
    let tags = tags(named, text, 1);
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
    if let Some(tag) = tags(Language::Erb, text, MOST).iter().find(|t| shown(t)) {
        return Some((Language::Erb, place(tag)));
    }
    let jinja: Vec<Tag> = tags(Language::Jinja, text, MOST).into_iter().filter(|t| shown(t)).collect();
    let first = place(jinja.first()?);
    let is_statement = |t: &Tag| text[t.range.start + 1] == b'%';
    let is_go = |t: &Tag| {
        let content = content(&text[t.range.clone()]);
        matches!(content.first(), Some(b'.' | b'$' | b'/')) || role(Language::Go, content) != Role::Expression
    };
    let go = !jinja.iter().any(is_statement) && jinja.iter().any(is_go);
    Some((if go { Language::Go } else { Language::Jinja }, first))
}

/// Content of a tag without its marks and the signs that trim space.
fn content(tag: &[u8]) -> &[u8] {
    let inside = tag.get(2..tag.len().saturating_sub(2)).unwrap_or_default();
    let inside = inside.strip_prefix(b"=").unwrap_or(inside);
    let inside = inside.strip_prefix(b"-").or_else(|| inside.strip_prefix(b"+")).unwrap_or(inside);
    inside.strip_suffix(b"-").unwrap_or(inside).trim_ascii()
}

/// Tags of a text, at most `most`. A tag that is never closed is text.
pub(super) fn tags(language: Language, text: &[u8], most: usize) -> Vec<Tag> {
    let facts = language.facts();
    let mut found = Vec::new();
    let mut at = 0;
    let find = |mark: &str, from: usize| Some(from + memmem::find(text.get(from..)?, mark.as_bytes())?);
    // Next occurrence of each mark. A tag without an end is not searched for again: the search would be quadratic.
    let mut next: Vec<Option<usize>> = facts.tags.iter().map(|(mark, _)| find(mark, 0)).collect();
    while found.len() < most {
        for (place, (mark, _)) in next.iter_mut().zip(facts.tags) {
            if place.is_some_and(|p| p < at) {
                *place = find(mark, at);
            }
        }
        let first = next.iter().enumerate().filter_map(|(n, place)| Some(((*place)?, n))).min();
        let Some((start, n)) = first else { break };
        let (mark, close) = facts.tags[n];
        let Some(end) = find(close, start + 2).map(|at| at + 2) else {
            next[n] = None;
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
        found.push(Tag { range: start..end, role });
        at = end;
    }
    found
}

/// Words that statements begin with.
const OPEN: [&[&str]; 3] = [
    &["if", "for", "macro", "call", "filter", "block", "raw", "with", "autoescape"],
    &["if", "range", "with", "define", "block"],
    &["if", "unless", "case", "while", "for", "begin"],
];
const ELSE: [&[&str]; 3] = [&["else", "elif"], &["else"], &["else", "elsif", "when"]];

fn role(language: Language, content: &[u8]) -> Role {
    let row = match language {
        Language::Envsubst | Language::Jinja => 0,
        Language::Go => 1,
        Language::Erb => 2,
    };
    let length = content.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let word = std::str::from_utf8(&content[..length]).unwrap_or_default();
    let block = language == Language::Erb && (content.ends_with(b"do") || content.ends_with(b"|"));
    if OPEN[row].contains(&word) || block {
        Role::Open
    } else if ELSE[row].contains(&word) {
        Role::Else
    } else if word == "end" || language == Language::Jinja && word.starts_with("end") || content == b"}" {
        Role::End
    } else if language == Language::Go {
        let assigns = content.starts_with(b"$") && memchr::memchr(b'=', content).is_some();
        if assigns || content.starts_with(b"/*") || ["break", "continue"].contains(&word) {
            Role::Other
        } else {
            Role::Expression
        }
    } else {
        Role::Other
    }
}
