//! Findings as the protocol's diagnostics.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lsp_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location,
    NumberOrString, PublishDiagnosticsParams, Uri,
};

use super::analysis::Analysed;
use super::documents::Document;
use super::position;
use super::state::State;
use crate::cli::paths;
use crate::diagnostic::{self, Level};
use crate::lint::{Category, RULES};
use crate::source::{SourceMap, Span};

/// Diagnostics about a directive or word that should no longer be written.
const DEPRECATED: [&str; 3] = ["deprecated-directive", "deprecated-parameter", "obsolete-directive"];

/// Rules about text that has no effect.
const UNNECESSARY: [&str; 5] = [
    "upstream-unused",
    "unused-map",
    "unused-variable",
    "shadowed-regex-location",
    "split-clients-unreachable",
];

/// Findings sent to the client, by file, so that a file without findings is told once.
#[derive(Default)]
pub(super) struct SentFindings(BTreeMap<PathBuf, (Uri, Vec<Diagnostic>)>);

impl SentFindings {
    /// Message that replaces the errors of a file, and keeps its other findings until they are computed again.
    pub(super) fn errors(
        &mut self,
        document: &Document,
        errors: Vec<Diagnostic>,
    ) -> Option<PublishDiagnosticsParams> {
        let (_, found) = self.0.get_mut(&paths::identity(&document.path))?;
        let mut all = errors;
        all.extend(found.iter().filter(|one| one.severity != Some(DiagnosticSeverity::ERROR)).cloned());
        if *found == all {
            return None;
        }
        found.clone_from(&all);
        Some(PublishDiagnosticsParams::new(document.uri.clone(), all, Some(document.version)))
    }

    /// Messages that bring the client from what was sent to the findings of now.
    pub(super) fn update(&mut self, server: &State<'_>) -> Vec<PublishDiagnosticsParams> {
        let mut now: BTreeMap<PathBuf, (Uri, Vec<Diagnostic>)> = BTreeMap::new();
        // An open file without findings has an empty list.
        for document in server.documents.all() {
            now.insert(paths::identity(&document.path), (document.uri.clone(), Vec::new()));
        }
        let configurations = &server.analysis.configurations;
        for analysed in configurations {
            for finding in &analysed.judged.findings {
                let file = analysed.configuration().sources.file(finding.span.file);
                let identity = paths::identity(&file.path);
                let Some(uri) = server.documents.uri(&file.path) else { continue };
                let mut told = diagnostic(server, analysed, finding);
                let belongs = configurations.iter().filter(|one| one.has(&identity)).count();
                let of_all = belongs < 2 || {
                    let same = |one: &&Analysed| one.has_finding(&identity, finding);
                    configurations.iter().filter(same).count() == belongs
                };
                if !of_all {
                    let root = analysed.judged.root.file.display();
                    told.message = format!("{} (as a part of {root})", told.message);
                }
                let (_, all) = now.entry(identity).or_insert_with(|| (uri, Vec::new()));
                if !all.contains(&told) {
                    all.push(told);
                }
            }
        }
        let mut messages = Vec::new();
        for (identity, (uri, _)) in &self.0 {
            if !now.contains_key(identity) {
                messages.push(PublishDiagnosticsParams::new(uri.clone(), Vec::new(), None));
            }
        }
        for (identity, (uri, found)) in &now {
            if self.0.get(identity).is_none_or(|(_, sent)| sent != found) {
                let version = server.documents.of_path(identity).map(|document| document.version);
                messages.push(PublishDiagnosticsParams::new(uri.clone(), found.clone(), version));
            }
        }
        self.0 = now;
        messages
    }
}

/// One finding.
pub(super) fn diagnostic(
    server: &State<'_>,
    analysed: &Analysed,
    finding: &diagnostic::Diagnostic,
) -> Diagnostic {
    let related = |span| server.location(analysed, span);
    of_file(&analysed.configuration().sources, finding, related)
}

/// One finding, with the places of others.
pub(super) fn of_file(
    sources: &SourceMap,
    finding: &diagnostic::Diagnostic,
    location: impl Fn(Span) -> Option<Location>,
) -> Diagnostic {
    let related = finding.related.iter().filter_map(|label| {
        Some(DiagnosticRelatedInformation { location: location(label.span)?, message: label.text.clone() })
    });
    let related: Vec<_> = related.collect();
    let rule = RULES.iter().find(|rule| rule.name == finding.code);
    let href = rule.filter(|rule| !rule.doc.is_empty()).map(|rule| format!("https://nginx.org{}", rule.doc));
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    Diagnostic {
        range: position::range(sources, finding.span),
        severity: Some(match finding.level {
            Level::Error => DiagnosticSeverity::ERROR,
            Level::Warning => DiagnosticSeverity::WARNING,
            Level::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.code.to_owned())),
        code_description: href.and_then(|href| href.parse().ok()).map(|href: Uri| CodeDescription { href }),
        source: Some("ngxc".to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(finding.code).map(|tag| vec![tag]),
        data: None,
    }
}

/// Tag that editors draw: crossed out, or faded.
fn tag(code: &str) -> Option<DiagnosticTag> {
    let category = RULES.iter().find(|rule| rule.name == code).map(|rule| rule.category);
    if DEPRECATED.contains(&code) || category == Some(Category::Deprecation) {
        return Some(DiagnosticTag::DEPRECATED);
    }
    UNNECESSARY.contains(&code).then_some(DiagnosticTag::UNNECESSARY)
}
