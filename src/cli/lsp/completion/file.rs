//! Names of files and directories.

use std::path::{Path, PathBuf};

use lsp_types::{CompletionItem, CompletionItemKind};

use super::question::Question;
use crate::catalog::{Directive, Kind};

/// Most names of an answer.
const MOST: usize = 500;

/// Directives of another kind whose argument is a file.
const FILES: [&str; 6] =
    ["ssl_certificate", "ssl_certificate_key", "auth_basic_user_file", "root", "alias", "load_module"];

/// Entries of the directory that the word so far names.
pub(super) fn items(question: &Question<'_>, entry: &'static Directive) -> Vec<CompletionItem> {
    let is_file = matches!(entry.kind, Kind::File | Kind::Path | Kind::Glob) || FILES.contains(&entry.name);
    if !is_file || question.statement.words.len() != 1 {
        return Vec::new();
    }
    let word = &question.statement.word;
    let kept = word.rfind('/').map_or(0, |slash| slash + 1);
    let Ok(entries) = std::fs::read_dir(directory(question, &word[..kept])) else { return Vec::new() };
    let mut items = Vec::new();
    for one in entries.flatten().take(MOST) {
        let Some(name) = one.file_name().to_str().map(str::to_owned) else { continue };
        let is_directory = one.path().is_dir();
        let text = if is_directory { format!("{name}/") } else { name };
        items.push(CompletionItem {
            kind: Some(if is_directory { CompletionItemKind::FOLDER } else { CompletionItemKind::FILE }),
            sort_text: Some(format!("2{text}")),
            ..question.item(kept, &text, &text)
        });
    }
    items
}

/// The directory of a name: relative names are below the prefix, `/etc/nginx` may lie in the tree at hand.
fn directory(question: &Question<'_>, name: &str) -> PathBuf {
    let main = &question.analysed.judged.root.file;
    let around = main.parent().unwrap_or(Path::new(""));
    let reading = &question.analysed.judged.ground.meaning.reading;
    if !name.starts_with('/') {
        return reading.prefix.as_deref().unwrap_or(around).join(name);
    }
    let mapped = reading
        .map_path
        .iter()
        .find_map(|(from, to)| Some(to.join(Path::new(name).strip_prefix(from).ok()?)));
    let beside = || {
        let below = crate::source::shipped::below_root(Path::new(name))?;
        Some(around.join(below)).filter(|directory| directory.is_dir())
    };
    let own = question.path.parent().map(Path::to_owned).filter(|_| name.is_empty());
    mapped.or_else(beside).or(own).unwrap_or_else(|| PathBuf::from(name))
}
