//! Regular expressions of a configuration, as far as they can be understood: groups, anchors, what a group can match.
//!
//! nginx's engine is PCRE; a pattern that needs more than `regex-syntax` knows is `None`, and rules say nothing of it.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A pattern that was understood.
pub(crate) struct Pattern {
    hir: Hir,
}

impl Pattern {
    /// Reads a pattern; `None` if it uses what only PCRE knows.
    pub(crate) fn new(pattern: &[u8], caseless: bool) -> Option<Self> {
        let text = std::str::from_utf8(pattern).ok()?;
        // A class in a class, which PCRE reads otherwise.
        if text.contains("[[") && !text.contains("[[:") || text.contains("[^[") || text.contains("&&") {
            return None;
        }
        let mut parser = ParserBuilder::new();
        let parser = parser.utf8(false).unicode(false).case_insensitive(caseless).nest_limit(50);
        Some(Self { hir: parser.build().parse(text).ok()? })
    }

    /// The whole of it.
    pub(crate) fn hir(&self) -> &Hir {
        &self.hir
    }

    /// How many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.hir.properties().explicit_captures_len()
    }

    /// A group by its number.
    pub(crate) fn group(&self, number: u32) -> Option<&Hir> {
        find_group(&self.hir, &|index, _| index == number)
    }

    /// A group by its name, without regard to case, as variables are.
    pub(crate) fn named(&self, name: &str) -> Option<&Hir> {
        find_group(&self.hir, &|_, own| own.is_some_and(|own| own.eq_ignore_ascii_case(name)))
    }

    /// `^text$`: the text.
    pub(crate) fn literal(&self) -> Option<Vec<u8>> {
        let HirKind::Concat(parts) = self.hir.kind() else { return None };
        match parts.as_slice() {
            [start, text, end] if is_look(start, Look::Start) && is_look(end, Look::End) => match text.kind()
            {
                HirKind::Literal(literal) => Some(literal.0.to_vec()),
                _ => None,
            },
            _ => None,
        }
    }

    /// What every match begins with, if the pattern is anchored at the start.
    pub(crate) fn prefix(&self) -> Option<Vec<u8>> {
        let HirKind::Concat(parts) = self.hir.kind() else { return None };
        match parts.as_slice() {
            [start, first, ..] if is_look(start, Look::Start) => match first.kind() {
                HirKind::Literal(literal) => Some(literal.0.to_vec()),
                _ => Some(Vec::new()),
            },
            _ => None,
        }
    }
}

fn find_group<'h>(hir: &'h Hir, wanted: &dyn Fn(u32, Option<&str>) -> bool) -> Option<&'h Hir> {
    match hir.kind() {
        HirKind::Capture(group) if wanted(group.index, group.name.as_deref()) => Some(&group.sub),
        HirKind::Capture(group) => find_group(&group.sub, wanted),
        HirKind::Repetition(repetition) => find_group(&repetition.sub, wanted),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|p| find_group(p, wanted))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// Whether it is that assertion.
pub(crate) fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(own) if *own == look)
}

/// A set of bytes.
pub(crate) type Bytes = [bool; 256];

/// Every byte that a match can contain.
pub(crate) fn bytes(hir: &Hir) -> Bytes {
    let mut set = [false; 256];
    add(hir, &mut set);
    set
}

fn add(hir: &Hir, set: &mut Bytes) {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().for_each(|b| set[usize::from(*b)] = true),
        HirKind::Class(Class::Bytes(class)) => {
            for range in class.ranges() {
                for byte in range.start()..=range.end() {
                    set[usize::from(byte)] = true;
                }
            }
        }
        HirKind::Class(Class::Unicode(_)) => set.fill(true),
        HirKind::Repetition(repetition) => add(&repetition.sub, set),
        HirKind::Capture(group) => add(&group.sub, set),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|p| add(p, set)),
        HirKind::Empty | HirKind::Look(_) => {}
    }
}

/// Every byte that a match which is not empty can begin with.
pub(crate) fn first(hir: &Hir) -> Bytes {
    let mut set = [false; 256];
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().take(1).for_each(|b| set[usize::from(*b)] = true),
        HirKind::Class(_) => add(hir, &mut set),
        HirKind::Repetition(repetition) => return first(&repetition.sub),
        HirKind::Capture(group) => return first(&group.sub),
        HirKind::Concat(parts) => {
            for part in parts {
                join(&mut set, &first(part));
                if !can_be_empty(part) {
                    break;
                }
            }
        }
        HirKind::Alternation(parts) => parts.iter().for_each(|part| join(&mut set, &first(part))),
        HirKind::Empty | HirKind::Look(_) => {}
    }
    set
}

fn join(set: &mut Bytes, other: &Bytes) {
    set.iter_mut().zip(other).for_each(|(own, other)| *own |= other);
}

/// Whether a match can contain a byte.
pub(crate) fn can_contain(hir: &Hir, byte: u8) -> bool {
    bytes(hir)[usize::from(byte)]
}

/// Whether some match is empty.
pub(crate) fn can_be_empty(hir: &Hir) -> bool {
    hir.properties().minimum_len() == Some(0)
}

/// A group without its parentheses.
pub(crate) fn bare(hir: &Hir) -> &Hir {
    match hir.kind() {
        HirKind::Capture(group) => bare(&group.sub),
        _ => hir,
    }
}

/// Whether every match begins with a byte.
pub(crate) fn begins_with(hir: &Hir, byte: u8) -> bool {
    match hir.kind() {
        HirKind::Literal(text) => text.0.first() == Some(&byte),
        HirKind::Concat(parts) => parts.first().is_some_and(|part| begins_with(part, byte)),
        HirKind::Alternation(parts) => parts.iter().all(|part| begins_with(part, byte)),
        HirKind::Capture(inner) => begins_with(&inner.sub, byte),
        _ => false,
    }
}
