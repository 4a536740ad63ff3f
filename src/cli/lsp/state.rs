//! State of the server: open files, and the analysis of their configurations.

use lsp_types::Location;

use super::analysis::{Analysed, Analysis};
use super::documents::Documents;
use super::position;
use crate::cli::meaning::Meaning;
use crate::cli::selection::Selection;
use crate::source::Span;

/// State that answers are made of.
pub(super) struct State<'a> {
    pub(super) meaning: &'a Meaning,
    pub(super) selection: &'a Selection,
    /// The client fills in snippets.
    pub(super) has_snippets: bool,
    pub(super) documents: Documents,
    pub(super) analysis: Analysis,
}

impl State<'_> {
    /// Range of a span in the protocol, with the file; `None` for a file that is not on the disk.
    pub(super) fn location(&self, analysed: &Analysed, span: Span) -> Option<Location> {
        let sources = &analysed.configuration().sources;
        if analysed.configuration().is_stand_in(span.file) {
            return None;
        }
        let uri = self.documents.uri(&sources.file(span.file).path)?;
        Some(Location::new(uri, position::range(sources, span)))
    }
}
