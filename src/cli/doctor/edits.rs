//! Edits that findings want, made in the text of the configuration.

use super::super::{paths, unified};
use crate::edit::{self, Edit, Fix};
use crate::ports::doctor;
use crate::source::{Memory, Span};
use crate::syntax::Configuration;

/// The edits of a finding, as its files are written; `None` if one of them cannot be made.
pub(super) fn fix(configuration: &Configuration, wanted: &[doctor::Edit]) -> Option<Fix> {
    let edits = wanted.iter().map(|edit| match edit {
        doctor::Edit::Word { span, from, to } => {
            let text = configuration.sources.text(*span);
            // A port stands at the end, after an address that may have the same digits.
            let at = if from.starts_with(':') {
                memchr::memmem::rfind(text, from.as_bytes())?
            } else {
                memchr::memmem::find(text, from.as_bytes())?
            };
            let start = span.start as usize + at;
            Some(Edit::replace(Span::new(span.file, start, start + from.len()), to))
        }
        doctor::Edit::Directive { set: Some(set), text, .. } => {
            let has_end = configuration.sources.text(*set).ends_with(b";");
            Some(Edit::replace(*set, if has_end { text } else { text.trim_end_matches(';') }))
        }
        doctor::Edit::Directive { set: None, body, text } => Some(inserted(configuration, *body, text)),
        doctor::Edit::Before { place, text } => Some(before(configuration, *place, text)),
    });
    Some(Fix::safe("repair what the log names", edits.collect::<Option<Vec<_>>>()?))
}

/// Directives before the closing brace of a block: on lines of their own, unless the block is one line.
fn inserted(configuration: &Configuration, body: Span, text: &str) -> Edit {
    let source = &configuration.sources.file(body.file).text;
    let start = body.start as usize;
    let line = memchr::memrchr(b'\n', &source[..start]).map_or(0, |n| n + 1);
    let indent = String::from_utf8_lossy(&source[line..start]).into_owned();
    if !indent.trim().is_empty() {
        return Edit::insert(body, format!("{text} "));
    }
    let lines: Vec<String> =
        text.split_inclusive(';').map(|line| format!("    {}\n{indent}", line.trim())).collect();
    Edit::insert(body, lines.concat())
}

/// Directives before another one or a block: on lines of their own, unless it shares its line.
fn before(configuration: &Configuration, place: Span, text: &str) -> Edit {
    let source = &configuration.sources.file(place.file).text;
    let start = place.start as usize;
    let line = memchr::memrchr(b'\n', &source[..start]).map_or(0, |n| n + 1);
    let indent = String::from_utf8_lossy(&source[line..start]).into_owned();
    let end = if indent.trim().is_empty() { format!("\n{indent}") } else { " ".to_owned() };
    let lines: Vec<String> = text.split_inclusive(';').map(|line| format!("{}{end}", line.trim())).collect();
    Edit::insert(place, lines.concat())
}

/// The files of a configuration with fixes applied.
pub(super) fn apply(configuration: &Configuration, fixes: &[&Fix]) -> Memory {
    configuration.sources.files().fold(Memory::default(), |files, (id, file)| {
        files.with(file.path.clone(), edit::apply(&[id], &file.text, fixes))
    })
}

/// Differences, as `patch -p1` and `git apply` take it; `None` if nothing does.
pub(super) fn unified(before: &Configuration, after: &Configuration) -> Option<String> {
    let mut out = Vec::new();
    let changed = before.sources.files().filter_map(|(_, file)| {
        let (_, new) = after.sources.files().find(|(_, new)| new.path == file.path)?;
        (new.text != file.text).then_some((file, new))
    });
    let changed: Vec<_> = changed.collect();
    let names = paths::of_diff(changed.iter().map(|(file, _)| file.path.as_path()));
    for ((file, new), name) in changed.iter().zip(names) {
        unified::write(&name.display().to_string(), &file.text, &new.text, &mut out).ok()?;
    }
    (!out.is_empty()).then(|| String::from_utf8_lossy(&out).into_owned())
}
