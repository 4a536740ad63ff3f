//! Branches of a template: which texts the parser reads.

use std::ops::Range;

use super::language::Language;
use super::reading::{Reading, blank, put_number, stands_alone};
use super::tag::{Role, Tag, tags};
use crate::syntax::parser::is_whole;

/// Text with its statements blank and its expressions unknown. All branches are read if they are whole blocks,
/// otherwise only the first of each.
pub(super) fn mask(language: Language, text: &[u8]) -> Reading {
    let tags = tags(language, text, usize::MAX);
    let others = others(&tags);
    let mut parsed = text.to_vec();
    for tag in tags.iter().filter(|t| t.role != Role::Expression) {
        blank(&mut parsed[tag.range.clone()]);
    }
    let mut holes: Vec<Range<u32>> = Vec::new();
    for (n, tag) in tags.iter().enumerate() {
        let mut range = tag.range.clone();
        if tag.role == Role::Expression {
            match stands_alone(&parsed, &range) {
                Some(end) => {
                    range.end = end;
                    blank(&mut parsed[range.clone()]);
                }
                None => put_number(&mut parsed, range.clone(), n + 1),
            }
        }
        holes.push(range.start as u32..range.end as u32);
    }
    if !others.is_empty() && !is_whole(&parsed) {
        for range in &others {
            blank(&mut parsed[range.clone()]);
        }
    }
    let alternatives = others.into_iter().map(|r| r.start as u32..r.end as u32).collect();
    Reading { parsed: Some(parsed), holes, alternatives, ..Reading::default() }
}

/// Texts of all branches but the first.
fn others(tags: &[Tag]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut open: Vec<Option<usize>> = Vec::new();
    for tag in tags {
        match tag.role {
            Role::Open => open.push(None),
            Role::Else => {
                if let Some(from) = open.last_mut() {
                    from.get_or_insert(tag.range.end);
                }
            }
            Role::End => {
                if let Some(Some(from)) = open.pop() {
                    found.push(from..tag.range.start);
                }
            }
            Role::Expression | Role::Other => {}
        }
    }
    found
}
