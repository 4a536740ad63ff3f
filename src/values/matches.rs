//! Texts that a part of a pattern can match: their bytes, their first and last ones, all of them if they are a few.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// A set of bytes.
pub(crate) type Bytes = [bool; 256];

/// The bytes of a class: one that `(a|b)` was made of has characters.
pub(crate) fn class_bytes(class: &Class) -> impl Iterator<Item = u8> {
    let bytes = match class {
        Class::Bytes(class) => Some(class.clone()),
        Class::Unicode(class) => class.to_byte_class(),
    };
    let ranges = bytes.map_or_else(
        || vec![(0, 255)],
        |class| class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
    );
    ranges.into_iter().flat_map(|(first, last)| first..=last)
}

/// Every byte that a match can contain.
pub(crate) fn bytes(hir: &Hir) -> Bytes {
    let mut set = [false; 256];
    add(hir, &mut set);
    set
}

fn add(hir: &Hir, set: &mut Bytes) {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().for_each(|b| set[usize::from(*b)] = true),
        HirKind::Class(class) => class_bytes(class).for_each(|byte| set[usize::from(byte)] = true),
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

/// With which bytes a match can end.
pub(super) fn last(hir: &Hir) -> Bytes {
    let mut set = [false; 256];
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().rev().take(1).for_each(|b| set[usize::from(*b)] = true),
        HirKind::Class(_) => add(hir, &mut set),
        HirKind::Repetition(repetition) => return last(&repetition.sub),
        HirKind::Capture(group) => return last(&group.sub),
        HirKind::Concat(parts) => {
            for part in parts.iter().rev() {
                join(&mut set, &last(part));
                if !can_be_empty(part) {
                    break;
                }
            }
        }
        HirKind::Alternation(parts) => parts.iter().for_each(|part| join(&mut set, &last(part))),
        HirKind::Empty | HirKind::Look(_) => {}
    }
    set
}

pub(super) fn join(set: &mut Bytes, other: &Bytes) {
    set.iter_mut().zip(other).for_each(|(own, other)| *own |= other);
}

/// The texts that a part of a pattern matches, if they are a few.
pub(super) fn texts(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    const MOST: usize = 8;
    let found = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![Vec::new()],
        HirKind::Literal(text) => vec![text.0.to_vec()],
        HirKind::Capture(group) => texts(&group.sub)?,
        HirKind::Alternation(parts) => {
            if parts.len() > MOST {
                return None;
            }
            parts.iter().map(texts).collect::<Option<Vec<_>>>()?.concat()
        }
        HirKind::Concat(parts) => {
            let mut all = vec![Vec::new()];
            for part in parts {
                let next = texts(part)?;
                let joined =
                    all.iter().flat_map(|head| next.iter().map(move |tail| [&head[..], tail].concat()));
                all = joined.take(MOST + 1).collect();
            }
            all
        }
        HirKind::Repetition(repetition) if (repetition.min, repetition.max) == (0, Some(1)) => {
            let mut all = texts(&repetition.sub)?;
            all.push(Vec::new());
            all
        }
        HirKind::Class(class) => class_bytes(class).take(MOST + 1).map(|byte| vec![byte]).collect(),
        HirKind::Repetition(_) => return None,
    };
    (found.len() <= MOST).then_some(found)
}

/// True if it is that assertion.
pub(crate) fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(own) if *own == look)
}

/// True if a match can contain a byte.
pub(crate) fn can_contain(hir: &Hir, byte: u8) -> bool {
    bytes(hir)[usize::from(byte)]
}

/// True if some match is empty.
pub(crate) fn can_be_empty(hir: &Hir) -> bool {
    hir.properties().minimum_len() == Some(0)
}
