//! The place of a new directive of a fix: on a line of its own beside a neighbour, or on the neighbour's line.

use super::columns;
use crate::edit::Edit;
use crate::source::Span;
use crate::syntax::{Configuration, Directive};

/// Adds `text` after the directive whose head is at `span`, behind the comment that ends its line; `None` if there is
/// no such directive.
pub(super) fn after(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    let directive = find(configuration, span)?;
    let end = directive.span().end as usize;
    let source = configuration.tree(span.file).text();
    if let Some(end_of_line) = comment_behind(source, end) {
        let at = Span::new(span.file, end_of_line, end_of_line);
        let text = columns::like(text, source, directive.span().start as usize);
        return Some(Edit::insert(at, format!("{}{text}", new_line(source, directive))));
    }
    let separator = separator(configuration, directive);
    let text = aligned(text, source, directive, &separator);
    Some(Edit::insert(directive.span().after(), format!("{separator}{text}")))
}

/// The text in the columns of the lines around, if it gets a line of its own.
fn aligned(text: &str, source: &[u8], directive: Directive<'_>, separator: &str) -> String {
    if separator == " " {
        text.to_owned()
    } else {
        columns::like(text, source, directive.span().start as usize)
    }
}

/// Adds `text` before the directive whose head is at `span`, and before the comments right above it.
pub(super) fn before(configuration: &Configuration, span: Span, text: &str) -> Option<Edit> {
    let directive = find(configuration, span)?;
    let separator = separator(configuration, directive);
    let start = directive.span().start as usize;
    let source = configuration.tree(span.file).text();
    let at = if separator == " " { start } else { above_comments(source, start) };
    let text = aligned(text, source, directive, &separator);
    Some(Edit::insert(Span::new(span.file, at, at), format!("{text}{separator}")))
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
        // The comment keeps the line and its indentation.
        Some(b'#') if alone => start..end + after,
        _ if before > 0 => start - before..end,
        _ => start..end,
    };
    Some(Edit::replace(Span::new(span.file, range.start, range.end), ""))
}

/// Moves a directive with its line behind another.
pub(super) fn move_behind(configuration: &Configuration, span: Span, other: Span) -> Option<Vec<Edit>> {
    let line = find(configuration, span)?;
    let text = String::from_utf8(line.tree().text()[line.span().range()].to_vec()).ok()?;
    Some(vec![remove(configuration, span)?, after(configuration, other, &text)?])
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

/// The end of the line, if nothing but a comment stands behind the offset.
fn comment_behind(text: &[u8], end: usize) -> Option<usize> {
    let rest = &text[end..];
    let blanks = rest.iter().take_while(|b| b" \t".contains(b)).count();
    if rest.get(blanks) != Some(&b'#') {
        return None;
    }
    let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let line = line - usize::from(rest[..line].ends_with(b"\r"));
    Some(end + line)
}

/// The first offset in the line of the first of the comments right above a directive that begins its line: behind the
/// indentation of that line.
fn above_comments(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let line = memchr::memrchr(b'\n', &text[..at]).map_or(0, |n| n + 1);
        // The first line of a file has nothing above it.
        let Some(end) = line.checked_sub(1) else { return at };
        let above = memchr::memrchr(b'\n', &text[..end]).map_or(0, |n| n + 1);
        let indent = text[above..end].iter().take_while(|b| b" \t".contains(b)).count();
        if above == 0 || text[above..end].get(indent) != Some(&b'#') {
            return at;
        }
        at = above + indent;
    }
}

/// Line end and indentation of a directive that begins its line; a space for one that does not.
fn separator(configuration: &Configuration, directive: Directive<'_>) -> String {
    let text = configuration.tree(directive.span().file).text();
    let (line, indent) = indentation(text, directive);
    let begins = line + indent.len() == directive.span().start as usize;
    if begins && line > 0 { format!("{}{}", line_end(text, line), lossy(indent)) } else { " ".to_owned() }
}

/// The same for what cannot stand on the line of the directive, because a comment ends it.
fn new_line(text: &[u8], directive: Directive<'_>) -> String {
    let (line, indent) = indentation(text, directive);
    let begins = line + indent.len() == directive.span().start as usize;
    format!("{}{}{}", line_end(text, line), lossy(indent), if begins { "" } else { "    " })
}

/// The start of a directive's line, and its indentation.
fn indentation<'t>(text: &'t [u8], directive: Directive<'_>) -> (usize, &'t [u8]) {
    let start = directive.span().start as usize;
    let line = memchr::memrchr(b'\n', &text[..start]).map_or(0, |n| n + 1);
    let length = text[line..start].iter().take_while(|b| b" \t".contains(b)).count();
    (line, &text[line..line + length])
}

/// The line end that the file has before the offset, or that it has at all.
fn line_end(text: &[u8], line: usize) -> &'static str {
    let end = if line > 0 { Some(line - 1) } else { memchr::memchr(b'\n', text) };
    if end.is_some_and(|end| text[..end].ends_with(b"\r")) { "\r\n" } else { "\n" }
}

fn lossy(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}
