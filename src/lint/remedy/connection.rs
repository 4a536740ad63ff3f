//! The lines of a location that let its connections live: `Connection` and HTTP/1.1.

use super::need::{EMPTY_HEADER, HTTP11};
use crate::edit::Edit;
use crate::lint::place;
use crate::lint::target::Target;
use crate::model::proxy::Header;
use crate::model::{LocationKind, Origin};
use crate::reuse::Leaf;
use crate::source::Span;

/// The header of an outer level that the headers of an inner one replace: the innermost of those levels that set
/// headers. One that closes connections is no loss.
pub(crate) fn lost<'a>(target: Target<'a>, leaf: &Leaf<'a>, name: &[u8]) -> Option<&'a Header> {
    if matches!(leaf.proxy().set_header.origin, Origin::Default) || leaf.proxy().header(name).is_some() {
        return None;
    }
    let header = leaf.around(target.config).into_iter().find_map(|outer| outer.proxy.header(name))?;
    let closes = header.value.constant().is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    (!closes).then_some(header)
}

/// Repeats headers of an outer level behind those in force.
pub(crate) fn repeat(target: Target<'_>, leaf: &Leaf<'_>, headers: &[&Header]) -> Option<Vec<Edit>> {
    let last = leaf.proxy().set_header.value.last()?;
    let mut edits: Vec<Edit> = Vec::new();
    for header in headers {
        let line = place::find(target.configuration, header.span)?;
        let text = line.tree().text()[line.span().range()].to_vec();
        let edit = place::after(target.configuration, last.span, &String::from_utf8(text).ok()?)?;
        match edits.last_mut() {
            Some(first) => first.text.push_str(&edit.text),
            None => edits.push(edit),
        }
    }
    Some(edits)
}

/// Empties the header where the headers in force are set, so that none of them is lost; or repeats the lines of an outer
/// level that were lost.
pub(super) fn empty_header<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> Option<Vec<Edit>> {
    if let Some(outer) = lost(target, leaf, b"connection") {
        let upgrade = lost(target, leaf, b"upgrade");
        let lines: Vec<&Header> = upgrade.into_iter().chain([outer]).collect();
        return repeat(target, leaf, &lines);
    }
    let beside = match leaf.proxy().set_header.value.last() {
        Some(last) => last.span,
        None => line_in_location(leaf)?,
    };
    Some(vec![place::after(target.configuration, beside, EMPTY_HEADER)?])
}

/// True if the edits for a leaf stand at an outer level.
pub(super) fn is_inherited<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> bool {
    matches!(leaf.proxy().set_header.origin, Origin::Inherited(_))
        && lost(target, leaf, b"connection").is_none()
}

/// Lets a leaf speak HTTP/1.1.
pub(super) fn speak_http11(target: Target<'_>, leaf: &Leaf<'_>) -> Option<Edit> {
    match leaf.proxy().http_version.origin {
        Origin::Set(span) | Origin::Inherited(span) => place::argument(target.configuration, span, 0, "1.1"),
        Origin::Default => place::before(target.configuration, line_in_location(leaf)?, HTTP11),
    }
}

/// A line of the leaf's location beside which a `proxy_` directive may stand: they are not allowed in `if` and
/// `limit_except`.
pub(super) fn line_in_location(leaf: &Leaf<'_>) -> Option<Span> {
    match leaf.location.kind {
        LocationKind::If | LocationKind::LimitExcept(_) => None,
        _ => Some(leaf.span),
    }
}
