//! Navigation by names: definitions, references, highlights, links of `include`s, renaming.

mod rename;

pub(super) use rename::{rename, renamed_range};

use lsp_types::{
    DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams, DocumentLink, DocumentLinkParams,
    GotoDefinitionParams, GotoDefinitionResponse, Location, ReferenceParams,
};

use super::documents;
use super::place::Place;
use super::position;
use super::state::State;
use crate::syntax::Directive;

/// Places that define the name at the cursor; of an `include` the files.
pub(super) fn definition(
    server: &State<'_>,
    params: &GotoDefinitionParams,
) -> Option<GotoDefinitionResponse> {
    let at_ = &params.text_document_position_params;
    let place = server.place(&at_.text_document.uri, at_.position)?;
    if let Some(include) = place.directive.filter(|directive| directive.name().is("include")) {
        return Some(GotoDefinitionResponse::Array(included(server, &place, include)));
    }
    let name = place.name()?;
    let all = place.analysed.names().of_key(&name.key);
    let found = all.filter(|one| one.defines).filter_map(|one| server.location(place.analysed, one.span));
    Some(GotoDefinitionResponse::Array(found.collect()))
}

/// Beginnings of the files that an `include` reads.
fn included(server: &State<'_>, place: &Place<'_>, include: Directive<'_>) -> Vec<Location> {
    let configuration = place.analysed.configuration();
    let files = configuration.included(include).iter();
    let files = files.filter(|file| !configuration.is_stand_in(**file));
    let uris = files.filter_map(|file| server.documents.uri(&configuration.sources.file(*file).path));
    uris.map(|uri| Location::new(uri, lsp_types::Range::default())).collect()
}

/// Places that use the name at the cursor, in every configuration that the file belongs to.
pub(super) fn references(server: &State<'_>, params: &ReferenceParams) -> Option<Vec<Location>> {
    let at_ = &params.text_document_position;
    let path = documents::path(&at_.text_document.uri)?;
    let mut all: Vec<Location> = Vec::new();
    for (analysed, file) in server.analysis.of(&path) {
        let offset = position::to_offset(analysed.configuration().sources.file(file), at_.position);
        let Some(name) = analysed.names().at(file, offset) else { continue };
        let found = analysed.names().of_key(&name.key);
        let found = found.filter(|one| params.context.include_declaration || !one.defines);
        for location in found.filter_map(|one| server.location(analysed, one.span)) {
            if !all.contains(&location) {
                all.push(location);
            }
        }
    }
    Some(all)
}

/// Places in the same file that have the name at the cursor.
pub(super) fn highlights(
    server: &State<'_>,
    params: &DocumentHighlightParams,
) -> Option<Vec<DocumentHighlight>> {
    let at_ = &params.text_document_position_params;
    let place = server.place(&at_.text_document.uri, at_.position)?;
    let name = place.name()?;
    let all = place.analysed.names().of_key(&name.key).filter(|one| one.span.file == place.file);
    let found = all.map(|one| DocumentHighlight {
        range: place.range(one.span),
        kind: Some(if one.defines { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ }),
    });
    Some(found.collect())
}

/// Files that the `include`s of a document read: a link each, to the first file of a pattern.
pub(super) fn links(server: &State<'_>, params: &DocumentLinkParams) -> Option<Vec<DocumentLink>> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let configuration = analysed.configuration();
    let includes = configuration.tree(file).directives().filter(|d| d.name().is("include"));
    let links = includes.filter_map(|include| {
        let files = configuration.included(include);
        let first = files.iter().find(|file| !configuration.is_stand_in(**file))?;
        Some(DocumentLink {
            range: position::range(&configuration.sources, include.arg(0)?.span()),
            target: server.documents.uri(&configuration.sources.file(*first).path),
            tooltip: Some(match files.len() {
                1 => configuration.sources.file(*first).name(),
                many => format!("the first of {many} files; go to definition lists all"),
            }),
            data: None,
        })
    });
    Some(links.collect())
}
