//! Columns: what a fix adds stands as the lines beside it, and comments at the ends of lines stay one below the other.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::edit::Edit;
use crate::source::{FileId, Span};
use crate::syntax::Configuration;

/// A directive that is added beside the one at `start`, its first argument in the column of the lines there: if they
/// are padded with blanks, and agree.
pub(super) fn like(text: &str, source: &[u8], start: usize) -> String {
    let same = || text.to_owned();
    let Some((name, rest)) = text.split_once(' ') else { return same() };
    let own = line_at(source, start);
    let Some(here) = columns(source, own.0, own.1) else { return same() };
    let above = own.0.checked_sub(1).map(|end| line_at(source, end));
    let below = (own.1 < source.len()).then(|| line_at(source, own.1 + 1));
    let beside: Vec<(usize, usize)> =
        [above, below].into_iter().flatten().filter_map(|line| columns(source, line.0, line.1)).collect();
    let is_padded = |line: &(usize, usize)| line.1 > 1;
    let agree = beside.iter().any(|line| line.0 == here.0 && (is_padded(line) || is_padded(&here)));
    let alone = beside.is_empty() && is_padded(&here);
    if !agree && !alone {
        return same();
    }
    let width = here.0.saturating_sub(1).max(name.len());
    format!("{name:width$} {rest}")
}

/// Start and end of the line around an offset.
fn line_at(source: &[u8], at: usize) -> (usize, usize) {
    let start = memchr::memrchr(b'\n', &source[..at]).map_or(0, |n| n + 1);
    let end = memchr::memchr(b'\n', &source[at..]).map_or(source.len(), |n| at + n);
    (start, end)
}

/// Of a line `name   argument…;`: the column of the argument behind the indentation, and the blanks before it.
fn columns(source: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    let line = source[start..end].trim_ascii();
    if line.starts_with(b"#") || memchr::memchr(b';', line).is_none_or(|at| at == 0) {
        return None;
    }
    let name = line.iter().position(|b| *b == b' ')?;
    let gap = line[name..].iter().take_while(|b| **b == b' ').count();
    // The width of a tab is unknown, so columns behind it are too.
    (line.get(name + gap) != Some(&b'\t')).then_some((name + gap, gap))
}

/// The change of a line by a fix.
#[derive(Default)]
struct Change {
    /// The end of the last edit.
    end: usize,
    added: usize,
    removed: usize,
    /// The line ends elsewhere afterwards.
    breaks: bool,
}

/// Lets comments at the ends of lines stay in their column where a fix makes a line shorter or longer: if a line above or
/// below has its comment there too.
pub(super) fn keep_comments(configuration: &Configuration, finding: &mut Diagnostic) {
    let Some(fix) = &mut finding.fix else { return };
    let mut lines: BTreeMap<(FileId, usize), Change> = BTreeMap::new();
    for edit in &fix.edits {
        let source = configuration.tree(edit.span.file).text();
        let (start, end) = (edit.span.start as usize, edit.span.end as usize);
        let (line, line_end) = line_at(source, start);
        if end > line_end || edit.text.contains('\n') {
            lines.entry((edit.span.file, line)).or_default().breaks = true;
            continue;
        }
        let change = lines.entry((edit.span.file, line)).or_default();
        change.end = change.end.max(end);
        change.added += edit.text.chars().count();
        change.removed += String::from_utf8_lossy(&source[start..end]).chars().count();
    }
    for ((file, line), change) in lines {
        let source = configuration.tree(file).text();
        if change.breaks || change.added == change.removed {
            continue;
        }
        if let Some((blanks, comment)) = comment_behind(source, change.end)
            && is_aligned(source, line, comment)
        {
            let width = (comment - blanks + change.removed).saturating_sub(change.added).max(1);
            fix.edits.push(Edit::replace(Span::new(file, blanks, comment), " ".repeat(width)));
        }
    }
}

/// The blanks before the comment that ends a line, and where it begins; `at` is the end of a word or of a directive.
fn comment_behind(source: &[u8], at: usize) -> Option<(usize, usize)> {
    let (_, end) = line_at(source, at);
    let mut quote = None;
    let mut directive_end = at;
    for (offset, byte) in source[at..end].iter().enumerate() {
        match (quote, byte) {
            (None, b'\'' | b'"') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (None, b';' | b'{') => {
                directive_end = at + offset + 1;
                break;
            }
            _ => {}
        }
    }
    let blanks = source[directive_end..end].iter().take_while(|b| **b == b' ').count();
    let comment = directive_end + blanks;
    (blanks > 0 && comment < end && source[comment] == b'#').then_some((directive_end, comment))
}

/// True if the line above or below has a comment in the same column.
fn is_aligned(source: &[u8], line: usize, comment: usize) -> bool {
    let column = comment - line;
    let (_, end) = line_at(source, comment);
    let above = line.checked_sub(1).map(|end| line_at(source, end));
    let below = (end < source.len()).then(|| line_at(source, end + 1));
    [above, below].into_iter().flatten().any(|(start, end)| {
        let text = &source[start..end];
        text.get(column) == Some(&b'#')
            && text[..column].ends_with(b" ")
            && !text[..column].trim_ascii().is_empty()
    })
}
