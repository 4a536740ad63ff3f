//! Question of a completion: the statement before the cursor and its surroundings.

use lsp_types::CompletionItem;

use crate::catalog::{self, Context};
use crate::cli::lsp::analysis::Analysed;
use crate::cli::lsp::state::State;
use crate::cli::lsp::statement::Statement;

/// Question of a completion.
pub(crate) struct Question<'a> {
    pub(crate) server: &'a State<'a>,
    pub(crate) analysed: &'a Analysed,
    pub(crate) statement: Statement,
    /// Context of the statement; `None` inside of a block of entries, such as that of `map`.
    pub(crate) context: Option<Context>,
    /// Name of the block around the statement; empty at the top of a file.
    pub(crate) block: String,
    /// Path of the file.
    pub(crate) path: std::path::PathBuf,
    /// Text between the cursor and the end of the line.
    pub(crate) rest: String,
}

impl Question<'_> {
    /// The catalog's entry of the directive whose arguments are being typed.
    pub(crate) fn entry(&self) -> Option<&'static catalog::Directive> {
        let name = self.statement.words.first()?.as_bytes();
        match self.context {
            Some(context) => catalog::in_context(name, context),
            None => None,
        }
    }

    /// An item whose text is the word so far up to `kept`, and then `text`.
    pub(crate) fn item(&self, kept: usize, label: &str, text: &str) -> CompletionItem {
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
