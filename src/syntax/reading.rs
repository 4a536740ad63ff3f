//! Reading of one file, from bytes to tree: templates are filled in, and texts in other formats are reported.

use std::path::Path;
use std::sync::Arc;

use super::error::SyntaxError;
use super::format::format;
use super::parser::{is_whole, parse};
use super::template::{self, Language, Reading, Templates};
use super::tree::Tree;
use super::uncertain::Uncertain;
use super::yaml::{self, Embedded};
use super::{foreign, odd};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// File as added to the sources.
pub(super) struct Read {
    reading: Option<Reading>,
    /// The file is YAML: the configuration in it that is meant, or why there is none.
    embedded: Option<Result<Embedded, yaml::Problem>>,
    /// The other configurations in that YAML.
    pub(super) others: Vec<Embedded>,
}

impl Read {
    /// Looks for the configuration of a name inside of a main file that is YAML.
    pub(super) fn look_inside(
        &mut self,
        file: &SourceFile,
        name: Option<&str>,
        templates: Option<&Templates>,
    ) {
        let Some(is_directive) = templates.and_then(|t| t.is_directive) else { return };
        if self.reading.as_ref().is_some_and(|r| r.unread.is_some()) || !yaml::is_yaml(&file.path, &file.text)
        {
            return;
        }
        let reading = self.reading.get_or_insert_default();
        let text = reading.parsed.as_deref().unwrap_or(&file.text);
        match yaml::choose(&file.path, text, name, is_directive) {
            Some(Ok(chosen)) => {
                self.others = chosen.others;
                self.embed(file, chosen.one);
            }
            Some(Err(problem)) => self.embedded = Some(Err(problem)),
            None => {}
        }
    }

    /// Reads one configuration of a YAML file, and nothing else of the file.
    pub(super) fn embed(&mut self, file: &SourceFile, one: Embedded) {
        let reading = self.reading.get_or_insert_default();
        let text = reading.parsed.as_deref().unwrap_or(&file.text);
        reading.parsed = Some(yaml::masked(text, &one));
        self.embedded = Some(Ok(one));
    }

    /// The configuration that was found inside of YAML.
    pub(super) fn embedded(&self) -> Option<&Embedded> {
        self.embedded.as_ref()?.as_ref().ok()
    }
}

/// Adds a file to the sources, with the values of a template filled in.
pub(super) fn add(
    sources: &mut SourceMap,
    path: &Path,
    text: Vec<u8>,
    templates: Option<&Templates>,
) -> (FileId, Read) {
    let mut reading = templates.and_then(|t| template::read(path, &text, t, yaml::is_yaml));
    let shown = reading.as_mut().and_then(|r| r.text.take());
    let id = sources.add(path, shown.unwrap_or(text));
    if let Some(reading) = &reading {
        for filled in &reading.filled {
            sources.set_filled(id, filled.at, filled.length, filled.written);
        }
    }
    (id, Read { reading, embedded: None, others: Vec::new() })
}

/// Tree of an added file, its syntax errors, and further findings.
pub(super) fn tree(
    sources: &SourceMap,
    file: FileId,
    read: Read,
    templates: bool,
) -> (Tree, Vec<SyntaxError>, Vec<Diagnostic>, Uncertain) {
    let text = sources.file(file).text.clone();
    let is_embedded = read.embedded().is_some();
    let mut reading = read.reading.unwrap_or_default();
    let parsed: Arc<[u8]> = reading.parsed.take().map_or_else(|| text.clone(), Arc::from);
    let (mut tree, mut errors) = parse(file, parsed);
    if !templates {
        // In this mode the verdict must be nginx's, word by word.
        return (tree, errors, Vec::new(), Uncertain::default());
    }
    if let Some(error) = odd::encoding(&tree) {
        return (empty(file, &text), vec![error], Vec::new(), Uncertain::default());
    }
    if let Some(error) = Some(()).filter(|()| !errors.is_empty()).and_then(|()| foreign::message(file, &text))
    {
        return (empty(file, &text), vec![error], Vec::new(), Uncertain::default());
    }
    let mut unread = reading.unread;
    // Only a text that is not a configuration is examined again; `<%` may be a word.
    if unread.is_none()
        && reading.uncertain.is_empty()
        && reading.unclosed.is_none()
        && (!errors.is_empty() || has_erb(&tree))
    {
        // Around a configuration in YAML is nothing.
        unread = template::guess(if is_embedded { tree.text() } else { &text });
    }
    if let Some(unclosed) = &reading.unclosed {
        return (
            empty(file, &text),
            vec![foreign::unclosed(file, &text, unclosed)],
            Vec::new(),
            Uncertain::default(),
        );
    }
    if let Some((language, place)) = unread {
        let place = Span { file, start: place.start, end: place.end };
        tree = empty(file, &text);
        errors = vec![foreign::template(language, place)];
        return (tree, errors, Vec::new(), Uncertain::default());
    }
    if let Some(Err(problem)) = &read.embedded {
        return (
            empty(file, &text),
            vec![foreign::not_embedded(file, problem)],
            Vec::new(),
            Uncertain::default(),
        );
    }
    let is_yaml = !is_embedded && path_ends(sources, file, &[&b".yaml"[..], &b".yml"[..]]);
    let first = tree.words.first().map_or(&[][..], |w| &text[w.range()]);
    if is_yaml && (!errors.is_empty() || first.ends_with(b":") || first == b"---") {
        let place = Span::new(file, 0, 0);
        return (empty(file, &text), vec![foreign::yaml(place)], Vec::new(), Uncertain::default());
    }
    let mut said = odd::check(&tree);
    let uncertain = reading.uncertain;
    said.retain(|d| !uncertain.holes.iter().any(|h| h.start <= d.span.start && d.span.start < h.end));
    (tree, errors, said, uncertain)
}

fn path_ends(sources: &SourceMap, file: FileId, endings: &[&[u8]]) -> bool {
    let path = sources.file(file).path.as_os_str().as_encoded_bytes();
    endings.iter().any(|ending| path.ends_with(ending))
}

/// Language of a template with statements; `None` for other files. Such a template is recognised by the file's name, or
/// because it is not a configuration in itself. Formatting would break the text.
pub fn is_template(path: &Path, text: &[u8], templates: &Templates) -> Option<Language> {
    let asked = templates.language.filter(|language| *language != Language::Envsubst);
    if asked.is_some()
        && template::read(path, text, templates, yaml::is_yaml)
            .is_some_and(|r| r.parsed.is_some_and(|p| p != text))
    {
        return asked;
    }
    let reading = template::read(path, text, &Templates::default(), yaml::is_yaml);
    let (language, _) = match reading {
        Some(Reading { unread: Some(unread), .. }) => unread,
        _ if is_whole(text) => return None,
        _ => template::guess(text)?,
    };
    Some(language)
}

/// The names of the configurations in a YAML file; empty for a file that is no YAML or holds none.
pub fn embedded(path: &Path, text: &[u8], templates: &Templates) -> Vec<String> {
    let Some(is_directive) = templates.is_directive.filter(|_| yaml::is_yaml(path, text)) else {
        return Vec::new();
    };
    let reading = template::read(path, text, templates, yaml::is_yaml);
    let parsed = reading.as_ref().and_then(|r| r.parsed.as_deref()).unwrap_or(text);
    yaml::find(parsed, is_directive).unwrap_or_default().into_iter().map(|found| found.name).collect()
}

/// The layout of a file, in which the places of a template stay where and as they are.
///
/// # Errors
/// Its syntax errors: then it has no layout.
pub fn layout(sources: &SourceMap, file: FileId, templates: &Templates) -> Result<Vec<u8>, Vec<SyntaxError>> {
    let source = sources.file(file);
    let guarded = template::guarded(&source.path, &source.text, templates);
    let is_guarded = guarded.is_some();
    let (tree, errors) = parse(file, guarded.map_or_else(|| source.text.clone(), Arc::from));
    if !errors.is_empty() {
        return Err(errors);
    }
    let text = format(&tree);
    Ok(if is_guarded { template::unguarded(&text) } else { text })
}

/// Tree without items, of the same length.
fn empty(file: FileId, text: &[u8]) -> Tree {
    let blank: Vec<u8> = text.iter().map(|&b| if b == b'\n' { b } else { b' ' }).collect();
    parse(file, blank.into()).0
}

fn has_erb(tree: &Tree) -> bool {
    let text = tree.text();
    memchr::memmem::find(text, b"<%").is_some()
        && tree.words.iter().any(|w| text[w.range()].starts_with(b"<%"))
}
