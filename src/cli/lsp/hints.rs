//! Inlay hints and code lenses: the order of expressions, pools, reuse; requests that reach a block, and findings in it.

use lsp_types::{
    CodeLens, CodeLensParams, Command, InlayHint, InlayHintKind, InlayHintLabel, InlayHintParams, Range,
};

use super::analysis::Analysed;
use super::hover::block;
use super::state::State;
use super::{commands, documents, position};
use crate::model::Location;
use crate::source::{FileId, Span};

/// Hints in a range of a document.
pub(super) fn hints(server: &State<'_>, params: &InlayHintParams) -> Option<Vec<InlayHint>> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let sources = &analysed.configuration().sources;
    let text = sources.file(file);
    let from = position::to_offset(text, params.range.start);
    let to = position::to_offset(text, params.range.end);
    let is_here = |span: Span| span.file == file && span.start < to && from < span.end;
    let mut hints = Vec::new();
    let mut add = |span: Span, label: String| {
        hints.push(InlayHint {
            position: position::range(sources, span).end,
            label: InlayHintLabel::String(label),
            kind: Some(InlayHintKind::TYPE),
            text_edits: None,
            tooltip: None,
            padding_left: Some(true),
            padding_right: None,
            data: None,
        });
    };
    let config = analysed.model();
    for upstream in config.http.upstreams.iter().filter(|one| !one.is_implicit() && is_here(one.span)) {
        add(upstream.span, block::pool(analysed, upstream));
    }
    for server in &config.http.servers {
        each(&server.locations, &mut |location| {
            if !is_here(location.span) {
                return;
            }
            if let Some((number, count)) =
                block::order(&server.locations, location).filter(|(_, count)| *count > 1)
            {
                add(location.span, format!("expression {number} of {count}"));
            }
        });
    }
    for (pass, verdict) in analysed.reuse().passes.iter().filter(|(span, _)| is_here(*span)) {
        add(*pass, verdict.clone());
    }
    hints.sort_by_key(|hint| hint.position);
    Some(hints)
}

fn each<'l>(locations: &'l [Location], visit: &mut impl FnMut(&'l Location)) {
    for location in locations {
        visit(location);
        each(&location.inner, visit);
    }
}

/// Lenses of a document: above each server its findings, above each location a request that it takes.
pub(super) fn lenses(server: &State<'_>, params: &CodeLensParams) -> Option<Vec<CodeLens>> {
    let path = documents::path(&params.text_document.uri)?;
    let (analysed, file) = server.analysis.of(&path).next()?;
    let sources = &analysed.configuration().sources;
    let uri = params.text_document.uri.as_str();
    let mut lenses = Vec::new();
    let mut add = |span: Span, title: String, command: &str, arguments: Vec<serde_json::Value>| {
        let command = Command::new(title, command.to_owned(), Some(arguments));
        lenses.push(CodeLens { range: position::range(sources, span), command: Some(command), data: None });
    };
    for (at, own) in analysed.model().http.servers.iter().enumerate() {
        let directive = analysed.configuration().tree(own.span.file).directive_at(own.span.start);
        // A lens needs the whole server in this file.
        let Some(directive) = directive.filter(|_| own.span.file == file) else { continue };
        let count = findings(analysed, file, directive.span());
        if count > 0 {
            let noun = if count == 1 { "finding" } else { "findings" };
            let range = serde_json::to_value(range(analysed, directive.span())).unwrap_or_default();
            add(own.span, format!("{count} {noun}"), commands::FINDINGS, vec![uri.into(), range]);
        }
        for (span, url) in analysed.urls(crate::eval::select::ServerId(at as u32)) {
            if span.file == file {
                add(span, format!("takes {url}"), commands::SHOW, vec![uri.into(), url.clone().into()]);
                add(span, "write a test".to_owned(), commands::TEST, vec![uri.into(), url.into()]);
            }
        }
    }
    Some(lenses)
}

fn findings(analysed: &Analysed, file: FileId, span: Span) -> usize {
    let all = analysed.judged.findings.iter();
    all.filter(|one| one.span.file == file && span.start <= one.span.start && one.span.start < span.end)
        .count()
}

fn range(analysed: &Analysed, span: Span) -> Range {
    position::range(&analysed.configuration().sources, span)
}
