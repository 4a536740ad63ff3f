//! Blocks as symbols of a document, and names of all configurations.

use lsp_types::{
    DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Location, OneOf, SymbolKind,
    WorkspaceSymbol, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};

use super::analysis::Analysed;
use super::index::Kind;
use super::state::State;
use super::{documents, position};
use crate::syntax::{Block, Directive};

/// Most symbols of an answer.
const MOST: usize = 2_000;

/// Outline of a document: its blocks.
pub(super) fn of_document(
    server: &State<'_>,
    params: &DocumentSymbolParams,
) -> Option<DocumentSymbolResponse> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let symbols = blocks(analysed, analysed.configuration().tree(file).root());
    Some(DocumentSymbolResponse::Nested(symbols))
}

fn blocks(analysed: &Analysed, block: Block<'_>) -> Vec<DocumentSymbol> {
    let inner = block.directives().filter_map(|directive| Some((directive, directive.block()?)));
    inner.map(|(directive, block)| symbol(analysed, directive, block)).collect()
}

#[expect(deprecated, reason = "the field has no other way to be left out")]
fn symbol(analysed: &Analysed, directive: Directive<'_>, block: Block<'_>) -> DocumentSymbol {
    let sources = &analysed.configuration().sources;
    let head = String::from_utf8_lossy(sources.text(directive.head()));
    let text = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let names = block.directives().find(|inner| inner.name().is("server_name"));
    let detail = names.filter(|_| directive.name().is("server")).map(|names| {
        let words = names.args().map(|word| String::from_utf8_lossy(&word.value()).into_owned());
        words.collect::<Vec<_>>().join(" ")
    });
    let children = blocks(analysed, block);
    DocumentSymbol {
        name: text,
        detail,
        kind: kind(&directive.name().value()),
        tags: None,
        deprecated: None,
        range: position::range(sources, directive.span()),
        selection_range: position::range(sources, directive.head()),
        children: (!children.is_empty()).then_some(children),
    }
}

fn kind(name: &[u8]) -> SymbolKind {
    match name {
        b"server" => SymbolKind::CLASS,
        b"location" => SymbolKind::METHOD,
        b"upstream" => SymbolKind::STRUCT,
        b"map" | b"geo" | b"split_clients" => SymbolKind::VARIABLE,
        b"if" | b"limit_except" => SymbolKind::EVENT,
        _ => SymbolKind::NAMESPACE,
    }
}

/// Servers, upstreams and other names of all configurations that have the letters of a query in their order.
pub(super) fn of_workspace(server: &State<'_>, params: &WorkspaceSymbolParams) -> WorkspaceSymbolResponse {
    let mut found: Vec<WorkspaceSymbol> = Vec::new();
    let mut add = |name: String, kind: SymbolKind, location: Option<Location>| {
        let Some(location) = location.filter(|_| has_letters(&name, &params.query)) else { return };
        let symbol = WorkspaceSymbol {
            name,
            kind,
            tags: None,
            container_name: None,
            location: OneOf::Left(location),
            data: None,
        };
        if found.len() < MOST && !found.contains(&symbol) {
            found.push(symbol);
        }
    };
    for analysed in &server.analysis.configurations {
        for one in analysed.names().all().iter().filter(|one| one.defines) {
            let kind =
                if one.key.kind == Kind::Variable { SymbolKind::VARIABLE } else { SymbolKind::CONSTANT };
            let name = match one.key.kind {
                Kind::Variable => format!("${}", one.key.name),
                _ => one.key.name.clone(),
            };
            add(name, kind, server.location(analysed, one.span));
        }
        for own in &analysed.model().http.servers {
            let names = crate::cli::show::way::names(own);
            add(format!("server {names}"), SymbolKind::CLASS, server.location(analysed, own.span));
        }
    }
    WorkspaceSymbolResponse::Nested(found)
}

/// True if a name has the letters of a query in their order, whatever their case.
fn has_letters(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}
