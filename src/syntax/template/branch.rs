//! Branches of a template: which texts the parser reads.

use std::collections::HashSet;
use std::ops::Range;

use super::language::Language;
use super::place::{Place, Reader, begins_line, fill};
use super::reading::{ReadTemplate, blank};
use super::role::{Kind, Role, Tag, Tags};
use super::tag::tags;
use crate::syntax::parser::is_whole;
use crate::syntax::uncertain::{Branch, Uncertain};

/// Most bytes of branches that are parsed by themselves, as a multiple of the text: branches lie in each other.
const MAX_PARSED: usize = 16;

/// Text with its statements blank and its expressions unknown. All branches of a condition are read if they are whole
/// blocks, otherwise only the first; what is only defined here is not read.
pub(super) fn mask(language: Language, text: &[u8], is_yaml: bool) -> ReadTemplate {
    let Tags { tags, unclosed } = tags(language, text, usize::MAX);
    let Statements { branches, definitions } = statements(&tags);
    let mut blanked = text.to_vec();
    let statements = tags.iter().filter(|t| t.role != Role::Expression).map(|t| t.range.clone());
    let statements: Vec<Range<usize>> = statements.chain(joined(definitions.clone())).collect();
    for range in &statements {
        blank(&mut blanked[range.clone()]);
    }
    let read = |left_out: &[Range<usize>]| {
        let mut parsed = blanked.clone();
        for range in left_out {
            blank(&mut parsed[range.clone()]);
        }
        let filled = fill(&mut parsed, &places(&tags, left_out), is_yaml);
        (parsed, filled)
    };
    let (mut parsed, mut filled) = read(&definitions);
    let in_words = in_words(&parsed, &branches, is_yaml);
    let mut left_out = left_out(&parsed, &branches, &in_words);
    if branches.iter().any(|b| !b.is_first) {
        (parsed, filled) = read(&joined([&definitions[..], &left_out].concat()));
        if !is_yaml && !is_whole(&parsed) {
            left_out = joined(branches.iter().filter(|b| !b.is_first).map(Branch::text).collect());
            (parsed, filled) = read(&joined([&definitions[..], &left_out].concat()));
        }
    }
    let is_inline = |b: &&Branch| b.is_first && in_words.contains(&b.first);
    let inline = branches.iter().filter(is_inline).map(|b| b.whole.start as usize..b.whole.end as usize);
    let unread = left_out.iter().filter(|r| branches.iter().any(|b| b.range.start as usize == r.start));
    let mut directives = filled.directives;
    directives.extend(unread.map(|r| r.start as u32));
    directives.sort_unstable();
    let holes = filled.holes.into_iter().chain(statements).chain(inline).chain(left_out).collect();
    let holes = joined(holes).into_iter().map(|r| r.start as u32..r.end as u32).collect();
    if is_yaml {
        empty_lines(text, &mut parsed);
    }
    let uncertain = Uncertain { holes, directives, branches };
    ReadTemplate { parsed: Some(parsed), uncertain, unclosed, ..ReadTemplate::default() }
}

/// The branches after the first that are no whole blocks, or stand among the words of a directive.
fn left_out(parsed: &[u8], branches: &[Branch], in_words: &HashSet<usize>) -> Vec<Range<usize>> {
    let mut left_out: Vec<Range<usize>> = Vec::new();
    let mut budget = parsed.len().saturating_mul(MAX_PARSED);
    for branch in branches.iter().filter(|branch| !branch.is_first) {
        let range = branch.text();
        if left_out.last().is_some_and(|last| range.end <= last.end) {
            continue;
        }
        let is_affordable = budget >= range.len();
        budget = budget.saturating_sub(range.len());
        if in_words.contains(&branch.first) || !is_affordable || !is_whole(&parsed[range.clone()]) {
            left_out.push(range);
        }
    }
    left_out
}

/// The expressions outside of what is left out.
fn places(tags: &[Tag], left_out: &[Range<usize>]) -> Vec<Place> {
    let is_read = |at: usize| {
        let next = left_out.partition_point(|r| r.end <= at);
        left_out.get(next).is_none_or(|r| at < r.start)
    };
    let expressions = tags.iter().enumerate().filter(|(_, t)| t.role == Role::Expression);
    let read = expressions.filter(|(_, t)| is_read(t.range.start));
    read.map(|(n, t)| Place { range: t.range.clone(), number: n + 1 }).collect()
}

/// Ranges in order, with those that overlap as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|r| (r.start, r.end));
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// First branches of the statements that stand among the words of a directive.
fn in_words(parsed: &[u8], branches: &[Branch], is_yaml: bool) -> HashSet<usize> {
    let mut reader = Reader::default();
    let mut found = HashSet::new();
    for branch in branches.iter().filter(|branch| branch.is_first) {
        let start = branch.whole.start as usize;
        reader.go(parsed, start);
        // Text around the words of YAML is no directive.
        let is_line = is_yaml && begins_line(parsed, start);
        if !reader.is_at_directive() && !is_line {
            found.insert(branch.first);
        }
    }
    found
}

/// YAML takes an empty line anywhere, but no line of blanks at the start of a block: the masked lines become empty ones.
fn empty_lines(text: &[u8], parsed: &mut [u8]) {
    let mut at = 0;
    for line in text.split_inclusive(|&b| b == b'\n') {
        let range = at..at + line.len();
        at = range.end;
        let masked = &mut parsed[range];
        if masked != line && masked.trim_ascii().is_empty() {
            masked.iter_mut().filter(|b| **b == b' ' || **b == b'\t').for_each(|b| *b = b'\n');
        }
    }
}

struct Statements {
    /// In the order of their starts.
    branches: Vec<Branch>,
    /// Bodies of what is used elsewhere.
    definitions: Vec<Range<usize>>,
}

/// A statement that is open.
struct Open {
    kind: Kind,
    start: usize,
    /// End of its tag.
    from: usize,
    /// Index of the innermost branch that is open: its own, or one around it.
    branch: Option<usize>,
}

fn statements(tags: &[Tag]) -> Statements {
    let mut branches: Vec<Branch> = Vec::new();
    let mut definitions: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for tag in tags {
        let (start, from) = (tag.range.start, tag.range.end);
        match tag.role {
            Role::Open(kind) => {
                let mut branch = open.last().and_then(|o| o.branch);
                if matches!(kind, Kind::Condition | Kind::Loop) {
                    let index = branches.len();
                    branches.push(Branch::first(start, from, index, branch, kind == Kind::Loop));
                    branch = Some(index);
                }
                open.push(Open { kind, start, from, branch });
            }
            Role::Else => {
                let Some(top) = open.last_mut().filter(|o| matches!(o.kind, Kind::Condition | Kind::Loop))
                else {
                    continue;
                };
                let Some(last) = top.branch else { continue };
                branches[last].range.end = start as u32;
                top.branch = Some(branches.len());
                let other = branches[last].other(from);
                branches.push(other);
            }
            Role::End => {
                let Some(top) = open.pop() else { continue };
                match (top.kind, top.branch) {
                    (Kind::Definition, _) => definitions.push(top.from..start),
                    (Kind::Condition | Kind::Loop, Some(last)) => {
                        branches[last].range.end = start as u32;
                        let first = branches[last].first;
                        branches[first].whole = top.start as u32..from as u32;
                    }
                    _ => {}
                }
            }
            Role::Expression | Role::Other => {}
        }
    }
    Statements { branches, definitions: joined(definitions) }
}
