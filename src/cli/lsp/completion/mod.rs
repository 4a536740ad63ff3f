//! Completion: directives of the context and version, and values for their arguments.

mod directive;
mod file;
mod question;
mod value;

use lsp_types::{CompletionList, CompletionParams, CompletionResponse, CompletionTextEdit, Range, TextEdit};

use super::state::State;
use super::statement::Statement;
use super::{contexts, documents, position};
use question::Question;

pub(super) fn complete(server: &State<'_>, params: &CompletionParams) -> Option<CompletionResponse> {
    let at = &params.text_document_position;
    let document = server.documents.get(&at.text_document.uri)?;
    let path = documents::path(&at.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let offset = position::in_text(&document.text, at.position);
    let statement = Statement::before(&document.text[..offset]);
    if statement.is_comment {
        return None;
    }
    // Blocks of the files that include this one come first.
    let around = analysed.around_file(file);
    let mut names: Vec<String> =
        around.iter().map(|block| String::from_utf8_lossy(&block.name().value()).into_owned()).collect();
    names.extend(statement.blocks.iter().map(|head| head.first().cloned().unwrap_or_default()));
    let context = contexts::inside(&analysed.outer_contexts(), names.iter());
    let rest = document.text[offset..].split('\n').next().unwrap_or_default().to_owned();
    let block = names.pop().unwrap_or_default();
    let question = Question { server, analysed, statement, context, block, path, rest };
    let length = question.statement.length;
    let mut items = if question.statement.words.is_empty() {
        directive::items(&question)
    } else {
        value::items(&question)
    };
    // All of the word is replaced, so that editors with other ideas of a word do the same.
    let start = position::of_text(&document.text, offset - length);
    let range = Range::new(start, at.position);
    for item in &mut items {
        let text = item.insert_text.take().unwrap_or_else(|| item.label.clone());
        item.filter_text.get_or_insert_with(|| item.label.clone());
        item.text_edit = Some(CompletionTextEdit::Edit(TextEdit::new(range, text)));
    }
    Some(CompletionResponse::List(CompletionList { is_incomplete: false, items }))
}
