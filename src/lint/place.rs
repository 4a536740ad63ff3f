//! Where a fix puts a new directive: on a line of its own beside a neighbour, or on the neighbour's line.

use crate::edit::Edit;
use crate::source::Span;
use crate::syntax::{Configuration, Directive};

/// Adds `text` after the directive whose head is at `span`; `None` if there is no such directive.
pub(super) fn after(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    let directive = find(configuration, span)?;
    let end = directive.span().after();
    Some(Edit::insert(end, format!("{}{text}", separator(configuration, directive))))
}

/// Adds `text` before the directive whose head is at `span`.
pub(super) fn before(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    let directive = find(configuration, span)?;
    Some(Edit::insert(directive.span(), format!("{text}{}", separator(configuration, directive))))
}

/// Adds `text` at the end of the block whose head is at `span`.
pub(super) fn at_end_of_block(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    let block = find(configuration, span)?.block()?;
    match block.directives().last() {
        Some(last) => after(configuration, last.head(), text),
        None => Some(Edit::insert(block.open()?.after(), format!(" {text}"))),
    }
}

/// Removes the directive whose head is at `span`, with its line if it has one of its own.
pub(super) fn remove(configuration: &Configuration, span: Span) -> Option<Edit> {
    let whole = find(configuration, span)?.span();
    let text = configuration.tree(span.file).text();
    let (start, end) = (whole.start as usize, whole.end as usize);
    let blank = |b: &u8| b" \t\r".contains(b);
    let before = text[..start].iter().rev().take_while(|b| b" \t".contains(b)).count();
    let after = text[end..].iter().take_while(|b| blank(b)).count();
    let alone = start == before || text[start - before - 1] == b'\n';
    let range = match text.get(end + after) {
        Some(b'\n') if alone => start - before..end + after + 1,
        _ if before > 0 => start - before..end,
        _ => start..end,
    };
    Some(Edit::replace(Span::new(span.file, range.start, range.end), ""))
}

/// Replaces an argument, counted from 0, of the directive whose head is at `span`.
pub(super) fn argument(configuration: &Configuration, span: Span, n: usize, text: &str) -> Option<Edit> {
    Some(Edit::replace(find(configuration, span)?.arg(n)?.span(), text))
}

/// Replaces the directive whose head is at `span`.
pub(super) fn replace(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    Some(Edit::replace(find(configuration, span)?.span(), text))
}

/// The directive whose head is at `span`.
pub(super) fn find(configuration: &Configuration, span: Span) -> Option<Directive<'_>> {
    configuration.tree(span.file).directive_at(span.start)
}

/// Line end and indentation of a directive that begins its line; a space for one that does not.
fn separator(configuration: &Configuration, directive: Directive<'_>) -> String {
    let text = configuration.tree(directive.span().file).text();
    let start = directive.span().start as usize;
    let line = memchr::memrchr(b'\n', &text[..start]).map_or(0, |n| n + 1);
    let indent = &text[line..start];
    if !indent.iter().all(|b| b" \t".contains(b)) || line == 0 {
        return " ".to_owned();
    }
    let newline = if text[..line].ends_with(b"\r\n") { "\r\n" } else { "\n" };
    format!("{newline}{}", String::from_utf8_lossy(indent))
}
