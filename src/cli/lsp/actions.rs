//! Code actions: the fix of each finding, all safe fixes of a file, and a comment that suppresses a finding.

use std::collections::{BTreeMap, HashMap};

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, Position, Range,
    TextEdit, Uri, WorkspaceEdit,
};

use super::analysis::Analysed;
use super::capabilities::FIX_ALL;
use super::state::State;
use super::{diagnostics, documents, position};
use crate::cli::lint::LintProfile;
use crate::cli::{fix, paths};
use crate::diagnostic::{Class, Level};
use crate::edit::{Applicability, Edit};
use crate::source::FileId;

/// Most fixes of one answer that are tried before they are offered.
const MOST: usize = 16;

/// Actions for a range of a document.
pub(super) fn actions(server: &State<'_>, params: &CodeActionParams) -> CodeActionResponse {
    let Some(path) = documents::path(&params.text_document.uri) else { return Vec::new() };
    let wanted = |kind: &str| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| {
            only.iter().any(|one| kind == one.as_str() || kind.starts_with(&format!("{}.", one.as_str())))
        })
    };
    let mut found = Vec::new();
    if wanted(CodeActionKind::QUICKFIX.as_str()) {
        for (analysed, file) in server.analysis.of(&path) {
            for action in of_findings(server, analysed, file, params.range) {
                add(&mut found, action);
            }
        }
    }
    // `source.fixAll` is asked for by name, at a save for example.
    if params.context.only.is_some() && wanted(FIX_ALL) {
        found.extend(fix_all(server, &params.text_document.uri));
    }
    found.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// Adds an action; one that repairs several findings is offered once.
fn add(found: &mut Vec<CodeAction>, action: CodeAction) {
    let same = |known: &&mut CodeAction| known.title == action.title && known.edit == action.edit;
    match found.iter_mut().find(same) {
        Some(known) => {
            let diagnostics = known.diagnostics.get_or_insert_default();
            diagnostics.extend(action.diagnostics.into_iter().flatten());
            diagnostics.dedup();
        }
        None => found.push(action),
    }
}

fn of_findings(server: &State<'_>, analysed: &Analysed, file: FileId, range: Range) -> Vec<CodeAction> {
    let sources = &analysed.configuration().sources;
    let mut fixes = Vec::new();
    let mut suppressions = Vec::new();
    let is_here = |own: Range| own.start <= range.end && range.start <= own.end;
    let findings = analysed.judged.findings.iter().enumerate();
    let here = findings
        .filter(|(_, finding)| finding.span.file == file && is_here(position::range(sources, finding.span)));
    for (at, finding) in here {
        let diagnostic = diagnostics::diagnostic(server, analysed, finding);
        if let Some(fix) = finding.fix.as_ref().filter(|_| fixes.len() < MOST)
            && !fix.edits.iter().any(|edit| analysed.configuration().touches_template(edit.span))
            && analysed.problem(at, &server.documents).is_none()
            && let Some(edit) = workspace_edit(server, analysed, &fix.edits)
        {
            let is_safe = fix.applicability == Applicability::Safe;
            fixes.push(CodeAction {
                title: if is_safe {
                    fix.title.clone()
                } else {
                    format!("{} (look at it: not safe everywhere)", fix.title)
                },
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic.clone()]),
                edit: Some(edit),
                is_preferred: Some(is_safe),
                ..CodeAction::default()
            });
        }
        // A comment cannot take back what nginx refuses.
        if finding.class == Class::Rule || finding.level != Level::Error {
            suppressions.extend(suppression(server, analysed, finding.span.start, file, finding.code).map(
                |edit| CodeAction {
                    title: format!("allow {} here (`# ngxc: allow`)", finding.code),
                    kind: Some(CodeActionKind::QUICKFIX),
                    diagnostics: Some(vec![diagnostic]),
                    edit: Some(edit),
                    is_preferred: Some(false),
                    ..CodeAction::default()
                },
            ));
        }
    }
    fixes.append(&mut suppressions);
    fixes
}

/// Edits in the protocol; `None` if one of them is in a file that cannot be changed.
fn workspace_edit(server: &State<'_>, analysed: &Analysed, edits: &[Edit]) -> Option<WorkspaceEdit> {
    if analysed.configuration().is_dump {
        return None;
    }
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for edit in edits {
        let place = server.location(analysed, edit.span)?;
        changes.entry(place.uri).or_default().push(TextEdit::new(place.range, edit.text.clone()));
    }
    Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// A line above the place with the comment.
fn suppression(
    server: &State<'_>,
    analysed: &Analysed,
    offset: u32,
    file: FileId,
    code: &str,
) -> Option<WorkspaceEdit> {
    let configuration = analysed.configuration();
    if configuration.is_dump || configuration.embedded.is_some() {
        return None;
    }
    let source = configuration.sources.file(file);
    let line = source.position(offset).line;
    let indent: String = source
        .line(line)
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte))
        .collect();
    let uri = server.documents.uri(&source.path)?;
    let at = Position::new(line - 1, 0);
    let edit = TextEdit::new(Range::new(at, at), format!("{indent}# ngxc: allow({code})\n"));
    let changes = HashMap::from([(uri, vec![edit])]);
    Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// The action that makes all safe fixes of a file, as `ngxc lint --fix` does.
fn fix_all(server: &State<'_>, uri: &Uri) -> Option<CodeAction> {
    let document = server.documents.get(uri)?;
    let identity = paths::identity(&document.path);
    let (analysed, _) = server.analysis.of(&document.path).next()?;
    let judge = LintProfile::new(server.meaning, server.selection);
    let root = analysed.judged.root.of_file(&document.path);
    let fixed = fix::all(&judge, &root, &server.documents).ok()?;
    let fixed: BTreeMap<_, _> = fixed.into_iter().map(|(path, new)| (paths::identity(&path), new)).collect();
    let new = String::from_utf8(fixed.get(&identity)?.clone()).ok()?;
    let edit = replaced(&document.text, &new)?;
    let changes = HashMap::from([(uri.clone(), vec![edit])]);
    Some(CodeAction {
        title: "make all safe fixes of ngxc in this file".to_owned(),
        kind: Some(CodeActionKind::new(FIX_ALL)),
        edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
        ..CodeAction::default()
    })
}

/// The edit from one text to another, without the lines that both begin and end with; `None` if the texts are equal.
pub(super) fn replaced(old: &str, new: &str) -> Option<TextEdit> {
    if old == new {
        return None;
    }
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new_lines: Vec<&str> = new.split_inclusive('\n').collect();
    let first = old_lines.iter().zip(&new_lines).take_while(|(a, b)| a == b).count();
    let rest = old_lines[first..].iter().rev().zip(new_lines[first..].iter().rev());
    let last = rest.take_while(|(a, b)| a == b).count();
    let start: usize = old_lines[..first].iter().map(|line| line.len()).sum();
    let end = old.len() - old_lines[old_lines.len() - last..].iter().map(|line| line.len()).sum::<usize>();
    let range = Range::new(position::of_text(old, start), position::of_text(old, end));
    Some(TextEdit::new(range, new_lines[first..new_lines.len() - last].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_has_only_the_lines_that_differ() {
        assert_eq!(replaced("a\n", "a\n"), None);
        let cases = [
            ("a\nb\nc\n", "a\nx\ny\nc\n", (1, 0), (2, 0), "x\ny\n"),
            ("a\nb", "a\nb\n", (1, 0), (1, 1), "b\n"),
            ("a\na\n", "a\n", (1, 0), (2, 0), ""),
            ("", "a", (0, 0), (0, 0), "a"),
        ];
        for (old, new, start, end, text) in cases {
            let edit = replaced(old, new).unwrap();
            let range = Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1));
            assert_eq!((edit.range, edit.new_text.as_str()), (range, text), "{old:?} {new:?}");
        }
    }
}
