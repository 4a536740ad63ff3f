//! Regular expressions of a configuration, as far as they can be understood: groups, anchors, what a group can match.
//!
//! nginx's engine is PCRE; a pattern that needs more than `regex-syntax` knows is `None`, and rules say nothing of it.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{self};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind, Look};

pub(super) use super::matches::texts;
pub(crate) use super::matches::{Bytes, bytes, can_be_empty, can_contain, class_bytes, first, is_look};
use super::matches::{join, last};

/// Bytes that an automaton may take.
const SIZE: usize = 1 << 20;

/// Patterns by their text; `None` for one that is not understood.
type Known = HashMap<Vec<u8>, Option<Rc<Pattern>>>;

/// Patterns that were read, by their text: an estate repeats a few of them thousands of times.
#[derive(Default)]
pub(super) struct Patterns {
    known: RefCell<[Known; 2]>,
}

impl Patterns {
    /// Reads a pattern, each once; `None` if it is not understood.
    pub(super) fn read(&self, text: &[u8], caseless: bool) -> Option<Rc<Pattern>> {
        let known = &mut self.known.borrow_mut()[usize::from(caseless)];
        if let Some(pattern) = known.get(text) {
            return pattern.clone();
        }
        let pattern = Pattern::new(text, caseless).map(Rc::new);
        known.insert(text.to_vec(), pattern.clone());
        pattern
    }
}

/// A pattern that was understood.
pub(crate) struct Pattern {
    hir: Hir,
    automaton: OnceCell<Option<PikeVM>>,
    refused: OnceCell<Box<Bytes>>,
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
        let hir = parser.build().parse(text).ok()?;
        Some(Self { hir, automaton: OnceCell::new(), refused: OnceCell::new() })
    }

    /// The whole of it.
    pub(crate) fn hir(&self) -> &Hir {
        &self.hir
    }

    /// The number of groups.
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

    /// The number of a group by its name.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let mut found = None;
        each_group(&self.hir, &mut |group| {
            if group.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name)) {
                found = found.or(Some(group.index));
            }
        });
        found
    }

    /// The names of its groups, in lower case.
    pub(super) fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        each_group(&self.hir, &mut |group| {
            found.extend(group.name.as_deref().map(str::to_ascii_lowercase));
        });
        found
    }

    /// True if a group takes part in every match.
    pub(crate) fn always_has(&self, number: u32) -> bool {
        takes_part(&self.hir, number)
    }

    /// The bytes that can stand right before a group; none before one with which the text begins.
    pub(crate) fn before_group(&self, number: u32) -> Option<Bytes> {
        before(&self.hir, number, &[!self.is_anchored() && !begins_with_anything(&self.hir); 256])
    }

    /// True if a text matches somewhere; `None` if the pattern is too large.
    pub(crate) fn is_match(&self, text: &[u8]) -> Option<bool> {
        let automaton = self.automaton.get_or_init(|| {
            let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE));
            let nfa = thompson::Compiler::new().configure(config).build_from_hir(&self.hir).ok()?;
            PikeVM::new_from_nfa(nfa).ok()
        });
        let automaton = automaton.as_ref()?;
        Some(automaton.is_match(&mut automaton.create_cache(), text))
    }

    /// The bytes of which one is enough for a match: what does not match has none of them.
    pub(super) fn refused(&self) -> &Bytes {
        self.refused.get_or_init(|| {
            let mut bytes = Box::new([false; 256]);
            if self.hir.properties().look_set().is_empty() && self.hir.properties().minimum_len() == Some(1) {
                (0..=255_u8).for_each(|b| bytes[usize::from(b)] = self.is_match(&[b]) == Some(true));
            }
            bytes
        })
    }

    /// The bytes whose escaped form is enough for a match, of those that rules ask for.
    pub(super) fn refused_escapes(&self) -> Bytes {
        let mut bytes = [false; 256];
        if self.hir.properties().look_set().is_empty() {
            for byte in *b"\0\r\n ?#%./\\" {
                let (lower, upper) = (format!("%{byte:02x}"), format!("%{byte:02X}"));
                let matches = |text: &str| self.is_match(text.as_bytes()) == Some(true);
                bytes[usize::from(byte)] = matches(&lower) && matches(&upper);
            }
        }
        bytes
    }

    /// Every match is the whole text.
    pub(crate) fn is_whole(&self) -> bool {
        bounded(&self.hir, Look::Start) && bounded(&self.hir, Look::End)
    }

    /// Every match is at the start.
    pub(crate) fn is_anchored(&self) -> bool {
        bounded(&self.hir, Look::Start)
    }

    /// True if every URI matches: `^`, `/`, `^/(.*)$` and the like.
    pub(crate) fn matches_always(&self) -> bool {
        let parts = match self.hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(&self.hir),
        };
        let rest = match parts.split_first() {
            Some((first, rest)) if is_look(first, Look::Start) => rest,
            _ => parts,
        };
        let (rest, ends) = match rest.split_last() {
            Some((last, rest)) if is_look(last, Look::End) => (rest, true),
            _ => (rest, false),
        };
        let rest = match rest.first().map(Hir::kind) {
            Some(HirKind::Literal(text)) if *text.0 == *b"/" => &rest[1..],
            _ => rest,
        };
        rest.iter().all(can_be_empty) && (!ends || rest.iter().any(is_anything))
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

    /// The text that every match begins with, if the pattern is anchored at the start.
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

/// `.*`, perhaps in a group.
fn is_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(group) => is_anything(&group.sub),
        HirKind::Repetition(repetition) => {
            let set = bytes(&repetition.sub);
            repetition.min == 0 && repetition.max.is_none() && set.iter().filter(|has| **has).count() >= 255
        }
        _ => false,
    }
}

/// True if it begins with `.*` or `.+`, so that the first match is at the start of the text.
fn begins_with_anything(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Capture(group) => begins_with_anything(&group.sub),
        HirKind::Concat(parts) => parts.first().is_some_and(begins_with_anything),
        HirKind::Repetition(repetition) => {
            repetition.max.is_none() && bytes(&repetition.sub).iter().filter(|has| **has).count() >= 255
        }
        _ => false,
    }
}

/// True if every match begins, or ends, where the text does.
fn bounded(hir: &Hir, look: Look) -> bool {
    match hir.kind() {
        HirKind::Look(own) => *own == look,
        HirKind::Capture(group) => bounded(&group.sub, look),
        HirKind::Concat(parts) => {
            let outermost = if look == Look::Start { parts.first() } else { parts.last() };
            outermost.is_some_and(|part| bounded(part, look))
        }
        HirKind::Alternation(parts) => parts.iter().all(|part| bounded(part, look)),
        _ => false,
    }
}

fn takes_part(hir: &Hir, number: u32) -> bool {
    match hir.kind() {
        HirKind::Capture(group) => group.index == number || takes_part(&group.sub, number),
        HirKind::Repetition(repetition) => repetition.min > 0 && takes_part(&repetition.sub, number),
        HirKind::Concat(parts) => parts.iter().any(|part| takes_part(part, number)),
        HirKind::Alternation(parts) => parts.iter().all(|part| takes_part(part, number)),
        _ => false,
    }
}

fn each_group(hir: &Hir, see: &mut dyn FnMut(&regex_syntax::hir::Capture)) {
    match hir.kind() {
        HirKind::Capture(group) => {
            see(group);
            each_group(&group.sub, see);
        }
        HirKind::Repetition(repetition) => each_group(&repetition.sub, see),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            for part in parts {
                each_group(part, see);
            }
        }
        _ => {}
    }
}

fn before(hir: &Hir, number: u32, set: &Bytes) -> Option<Bytes> {
    match hir.kind() {
        HirKind::Capture(group) if group.index == number => Some(*set),
        HirKind::Capture(group) => before(&group.sub, number, set),
        HirKind::Repetition(repetition) => {
            let mut set = *set;
            // A part that occurs once at most is never behind itself.
            if repetition.max != Some(1) {
                join(&mut set, &last(&repetition.sub));
            }
            before(&repetition.sub, number, &set)
        }
        HirKind::Concat(parts) => {
            let mut set = *set;
            for part in parts {
                if let Some(found) = before(part, number, &set) {
                    return Some(found);
                }
                let own = last(part);
                if can_be_empty(part) {
                    join(&mut set, &own);
                } else {
                    set = own;
                }
            }
            None
        }
        HirKind::Alternation(parts) => parts.iter().find_map(|part| before(part, number, set)),
        _ => None,
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
