//! Completion: directives of the context and version, and values for their arguments.

mod directive;
mod file;
mod value;

use lsp_types::{
    CompletionItem, CompletionList, CompletionParams, CompletionResponse, CompletionTextEdit, Range, TextEdit,
};

use super::analysis::Analysed;
use super::statement::Statement;
use super::{Server, documents, place, position};
use crate::catalog::{self, Context};

/// Question of a completion.
pub(super) struct Question<'a> {
    pub(super) server: &'a Server<'a>,
    pub(super) analysed: &'a Analysed,
    pub(super) statement: Statement,
    /// Context of the statement; `None` inside of a block of entries, such as that of `map`.
    pub(super) context: Option<Context>,
    /// Name of the block around the statement; empty at the top of a file.
    pub(super) block: String,
    /// Path of the file.
    pub(super) path: std::path::PathBuf,
    /// Text between the cursor and the end of the line.
    pub(super) rest: String,
}

pub(super) fn complete(server: &Server<'_>, params: &CompletionParams) -> Option<CompletionResponse> {
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
    let outer = analysed.around(file, 0);
    let outer = outer.iter().filter(|block| block.head().file != file);
    let mut names: Vec<String> =
        outer.map(|block| String::from_utf8_lossy(&block.name().value()).into_owned()).collect();
    names.extend(statement.blocks.iter().map(|head| head.first().cloned().unwrap_or_default()));
    let context = place::inside(analysed, names.iter());
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

impl Question<'_> {
    /// The catalog's entry of the directive whose arguments are being typed.
    fn entry(&self) -> Option<&'static catalog::Directive> {
        let name = self.statement.words.first()?.as_bytes();
        match self.context {
            Some(context) => catalog::in_context(name, context),
            None => None,
        }
    }

    /// An item whose text is the word so far up to `kept`, and then `text`.
    fn item(&self, kept: usize, label: &str, text: &str) -> CompletionItem {
        let whole = format!("{}{text}", &self.statement.word[..kept]);
        let quote = if self.statement.length > self.statement.word.len() { "\"" } else { "" };
        CompletionItem {
            label: label.to_owned(),
            filter_text: Some(format!("{quote}{whole}")),
            insert_text: Some(format!("{quote}{whole}")),
            ..CompletionItem::default()
        }
    }
}
