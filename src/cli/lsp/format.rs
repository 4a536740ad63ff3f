//! Formatting, as `ngxc fmt` lays files out.

use lsp_types::{
    DocumentFormattingParams, DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, Range, TextEdit,
    Uri,
};

use super::actions::replaced;
use super::position;
use super::state::State;
use crate::source::SourceMap;
use crate::syntax;

/// Edits that lay a whole document out; none if it has syntax errors or is a template.
pub(super) fn format(server: &State<'_>, params: &DocumentFormattingParams) -> Option<Vec<TextEdit>> {
    let (old, new) = laid_out(server, &params.text_document.uri)?;
    Some(replaced(&old, &new).into_iter().collect())
}

/// The edits that touch a range.
pub(super) fn range(server: &State<'_>, params: &DocumentRangeFormattingParams) -> Option<Vec<TextEdit>> {
    lines(server, &params.text_document.uri, params.range)
}

/// The edits of the line that was typed.
pub(super) fn on_type(server: &State<'_>, params: &DocumentOnTypeFormattingParams) -> Option<Vec<TextEdit>> {
    let at = params.text_document_position.position;
    lines(server, &params.text_document_position.text_document.uri, Range::new(at, at))
}

/// Lines of a document that differ from those of the layout, one edit for each run of lines, that touch a range.
fn lines(server: &State<'_>, uri: &Uri, wanted: Range) -> Option<Vec<TextEdit>> {
    let (old, new) = laid_out(server, uri)?;
    let (before, after): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut edits = Vec::new();
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, &before, &after) {
        let (tag, from, to) = op.as_tag_tuple();
        let touches = from.start <= wanted.end.line as usize && wanted.start.line as usize <= from.end;
        if tag == similar::DiffTag::Equal || !touches {
            continue;
        }
        let offset = |line: usize| before[..line].iter().map(|line| line.len()).sum::<usize>();
        let range = Range::new(
            position::of_text(&old, offset(from.start)),
            position::of_text(&old, offset(from.end)),
        );
        edits.push(TextEdit::new(range, after[to].concat()));
    }
    Some(edits)
}

/// The text of a document, and the text laid out.
fn laid_out(server: &State<'_>, uri: &Uri) -> Option<(String, String)> {
    let document = server.documents.get(uri)?;
    let reading = &server.meaning.reading;
    let mut template = reading.template.clone();
    template.settle(&*reading.settings.of(&document.path).ok()?).ok()?;
    let templates = template.templates().ok()?;
    let text = document.text.as_bytes();
    if !syntax::embedded(&document.path, text, &templates).is_empty()
        || syntax::is_template(&document.path, text, &templates).is_some()
    {
        return None;
    }
    let mut sources = SourceMap::default();
    let file = sources.add(&document.path, text.to_vec());
    let new = syntax::layout(&sources, file, &templates).ok()?;
    Some((document.text.clone(), String::from_utf8(new).ok()?))
}
