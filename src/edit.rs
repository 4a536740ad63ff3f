//! Edits of source text: the changes of a fix, and their application without overlaps.

use std::collections::BTreeMap;

use crate::source::{FileId, Span};

/// Replaces the bytes of `span` by `text`; an empty span inserts, an empty text deletes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// Bytes to replace.
    pub span: Span,
    /// New text.
    pub text: String,
}

impl Edit {
    /// Inserts `text` at the start of `at`.
    pub fn insert(at: Span, text: impl Into<String>) -> Self {
        Self { span: Span { end: at.start, ..at }, text: text.into() }
    }

    /// Replaces `span` by `text`.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }
}

/// Confidence in a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Applicability {
    /// The fix changes nothing but the defect: applied by `--fix`.
    Safe,
    /// The fix is right in most configurations, a person has to look: applied by `--fix --unsafe`.
    Unsafe,
}

/// Edits that belong together: all are applied or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Title of the fix, as an order: "add `keepalive 32;`".
    pub title: String,
    /// Confidence in the fix.
    pub applicability: Applicability,
    /// The edits, which may touch several files.
    pub edits: Vec<Edit>,
}

impl Fix {
    /// A fix that changes nothing but the defect.
    pub fn safe(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { title: title.into(), applicability: Applicability::Safe, edits }
    }

    /// A fix that a person should look at.
    pub fn unsafe_(title: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { title: title.into(), applicability: Applicability::Unsafe, edits }
    }
}

/// Chooses, in the order given, the fixes that do not touch a place of an earlier one.
///
/// Equal edits are made once: a file that is included five times gets one edit, and two fixes that both need the same
/// line share the edit. A fix whose edits are all made already is left out. Two different insertions at one place count
/// as touching.
pub fn select<'f>(fixes: impl IntoIterator<Item = &'f Fix>) -> Vec<&'f Fix> {
    let mut chosen: Vec<&Fix> = Vec::new();
    let mut taken: Taken<'_> = BTreeMap::new();
    for fix in fixes {
        let is_made =
            |e: &&Edit| taken.get(&(e.span.file, e.span.start)) == Some(&(e.span.end, e.text.as_str()));
        let new: Vec<&Edit> = fix.edits.iter().filter(|e| !is_made(e)).collect();
        if new.is_empty() || new.iter().any(|e| is_taken(&taken, e.span)) {
            continue;
        }
        taken.extend(new.iter().map(|e| ((e.span.file, e.span.start), (e.span.end, e.text.as_str()))));
        chosen.push(fix);
    }
    chosen
}

/// Chosen edits: start, end and new text.
type Taken<'f> = BTreeMap<(FileId, u32), (u32, &'f str)>;

fn is_taken(taken: &Taken<'_>, span: Span) -> bool {
    let starts_inside = taken
        .range((span.file, span.start)..=(span.file, span.end))
        .any(|(&(_, start), _)| start < span.end || start == span.start);
    let reaches_in = taken
        .range(..(span.file, span.start))
        .next_back()
        .is_some_and(|(&(file, _), &(end, _))| file == span.file && end > span.start);
    starts_inside || reaches_in
}

/// Text after the edits of `fixes` that belong to any of `files`, which all have this text; the fixes come from [`select`].
pub fn apply(files: &[FileId], text: &[u8], fixes: &[&Fix]) -> Vec<u8> {
    let all = fixes.iter().flat_map(|f| &f.edits);
    let mut edits: Vec<&Edit> = all.filter(|e| files.contains(&e.span.file)).collect();
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    // Fixes may share an edit.
    edits.dedup();
    let mut out = Vec::with_capacity(text.len() + edits.iter().map(|e| e.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&text[at..edit.span.start as usize]);
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end as usize;
    }
    out.extend_from_slice(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn fix(file: FileId, start: usize, end: usize, text: &str) -> Fix {
        Fix::safe("", vec![Edit::replace(Span::new(file, start, end), text)])
    }

    type Replacement = (usize, usize, &'static str);

    #[test]
    fn overlapping_fixes_are_skipped_and_the_rest_applied() {
        let mut map = SourceMap::default();
        let file = map.add("x", *b"0123456789");
        let cases: &[(&[Replacement], &str)] = &[
            (&[(0, 1, "a"), (1, 2, "b")], "ab23456789"),
            (&[(0, 3, "a"), (2, 4, "b")], "a3456789"),
            (&[(2, 4, "b"), (0, 3, "a")], "01b456789"),
            (&[(5, 5, "x"), (5, 5, "x")], "01234x56789"),
            (&[(4, 6, ""), (5, 5, "x")], "01236789"),
            (&[(9, 10, "z"), (0, 0, "<")], "<012345678z"),
        ];
        for (edits, expected) in cases {
            let fixes: Vec<Fix> = edits.iter().map(|&(s, e, t)| fix(file, s, e, t)).collect();
            let out = apply(&[file], &map.file(file).text, &select(&fixes));
            assert_eq!(String::from_utf8(out).unwrap(), *expected, "{edits:?}");
        }
    }

    #[test]
    fn fixes_that_need_the_same_line_share_it() {
        let mut map = SourceMap::default();
        let file = map.add("x", *b"0123456789");
        let edit = |at: usize, text: &str| Edit::replace(Span::new(file, at, at), text);
        let fixes = [
            Fix::safe("", vec![edit(1, "a"), edit(5, "s")]),
            Fix::safe("", vec![edit(5, "s"), edit(7, "b")]),
            Fix::safe("", vec![edit(5, "other"), edit(9, "c")]),
            Fix::safe("", vec![edit(7, "b"), edit(1, "a")]),
        ];
        let chosen = select(&fixes);
        assert_eq!(chosen.len(), 2, "{chosen:?}");
        let out = apply(&[file], &map.file(file).text, &chosen);
        assert_eq!(String::from_utf8(out).unwrap(), "0a1234s56b789");
    }
}
