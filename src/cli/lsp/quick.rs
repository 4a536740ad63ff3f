//! Errors of a file that is being typed into, without the rest of its configuration: an estate of thousands of files takes
//! longer than a keystroke.

use lsp_types::{Diagnostic, PublishDiagnosticsParams};

use super::contexts;
use super::diagnostics::{self, SentFindings};
use super::documents::Document;
use super::state::State;
use crate::cli::meaning::Meaning;
use crate::diagnostic::Level;
use crate::syntax;

/// Messages for the files that changed since the last analysis.
pub(super) fn messages(server: &State<'_>, sent: &mut SentFindings) -> Vec<PublishDiagnosticsParams> {
    let changed = server.documents.all().filter(|document| document.is_changed);
    let found: Vec<_> =
        changed.filter_map(|document| Some((document.path.clone(), errors(server, document)?))).collect();
    let messages = found.into_iter().filter_map(|(path, errors)| {
        let document = server.documents.of_path(&path)?;
        sent.errors(document, errors)
    });
    messages.collect()
}

/// Errors of a file by itself, in the blocks that the last analysis found around it; `None` for a file that is new.
fn errors(server: &State<'_>, document: &Document) -> Option<Vec<Diagnostic>> {
    let (analysed, file) = server.analysis.of(&document.path).next()?;
    let around = analysed.around_file(file);
    let names = around.iter().map(|block| block.name().value());
    let context = contexts::chain(&analysed.outer_contexts(), names)?;
    let meaning = Meaning { context, ..analysed.meaning().clone() };
    let templates = meaning.reading.template.templates().ok()?;
    let configuration = syntax::load_one(&server.documents, &document.path, None, &templates).ok()?;
    let mut all = configuration.diagnostics.clone();
    // A main file alone lacks what it includes.
    if !meaning.context.is_empty() {
        all.extend(meaning.compile(&configuration, analysed.version()).diagnostics);
    }
    let errors = all.iter().filter(|one| one.level == Level::Error);
    let nowhere = |_| None;
    Some(errors.map(|one| diagnostics::of_file(&configuration.sources, one, nowhere)).collect())
}
