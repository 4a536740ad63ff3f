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
