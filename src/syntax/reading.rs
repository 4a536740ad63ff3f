//! Reading of one file, from bytes to tree: templates are filled in, and texts in other formats are reported.

use std::path::Path;
use std::sync::Arc;

use super::error::{self, SyntaxError};
use super::format::format;
use super::parser::{is_whole, parse};
use super::template::{self, Language, ReadTemplate, Templates};
use super::tree::Tree;
use super::uncertain::Uncertain;
use super::yaml::{self, Embedded, MaskedConfiguration};
use super::{foreign, odd};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::source::encoding::MARK;
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// File as added to the sources.
pub(super) struct ReadFile {
    reading: Option<ReadTemplate>,
    /// The file is YAML: the configuration in it that is meant, or why there is none.
    embedded: Option<Result<Embedded, yaml::Problem>>,
    /// The other configurations in that YAML.
    pub(super) others: Vec<Embedded>,
}

impl ReadFile {
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
                self.embed(file, chosen.one, templates);
            }
            Some(Err(problem)) => self.embedded = Some(Err(problem)),
            None => {}
        }
    }

    /// Reads one configuration of a YAML file, and nothing else of the file.
    pub(super) fn embed(&mut self, file: &SourceFile, one: Embedded, templates: Option<&Templates>) {
        let reading = self.reading.get_or_insert_default();
        let text = reading.parsed.as_deref().unwrap_or(&file.text);
        let value = |name: &str| Some(templates?.values.get(name)?.clone().into_bytes());
        let MaskedConfiguration { mut text, places } = yaml::masked(text, &one, value);
        template::fill_in(&mut text, &places, &mut reading.uncertain);
        reading.parsed = Some(text);
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
) -> (FileId, ReadFile) {
    let mut reading = templates.and_then(|t| template::read(path, &text, t, yaml::is_yaml));
    let shown = reading.as_mut().and_then(|r| r.text.take());
    let id = sources.add(path, shown.unwrap_or(text));
    if let Some(reading) = &reading {
        for filled in &reading.filled {
            sources.set_filled(id, filled.at, filled.length, filled.written);
        }
    }
    (id, ReadFile { reading, embedded: None, others: Vec::new() })
}

/// A file as it was parsed.
pub(super) struct ParsedFile {
    pub(super) tree: Tree,
    pub(super) errors: Vec<SyntaxError>,
    /// Further findings.
    pub(super) said: Vec<Diagnostic>,
    pub(super) uncertain: Uncertain,
}

impl ParsedFile {
    /// A file that is not looked into.
    fn only(file: FileId, text: &[u8], error: SyntaxError) -> Self {
        Self {
            tree: empty(file, text),
            errors: vec![error],
            said: Vec::new(),
            uncertain: Uncertain::default(),
        }
    }
}

/// Tree of an added file, its syntax errors, and further findings.
pub(super) fn tree(
    sources: &SourceMap,
    file: FileId,
    read: ReadFile,
    templates: Option<&Templates>,
) -> ParsedFile {
    let text = sources.file(file).text.clone();
    let mut reading = read.reading.unwrap_or_default();
    let parsed: Arc<[u8]> = reading.parsed.take().map_or_else(|| text.clone(), Arc::from);
    let Some(templates) = templates else {
        // In this mode the verdict must be nginx's, word by word.
        let (tree, errors) = parse(file, parsed);
        return ParsedFile { tree, errors, said: Vec::new(), uncertain: Uncertain::default() };
    };
    if let Some(error) = foreign::unreadable(file, &text) {
        return ParsedFile::only(file, &text, error);
    }
    let (parsed, mark) = without_mark(file, parsed);
    let (tree, errors) = parse(file, parsed);
    if let Some(error) =
        other_language(sources, read.embedded.as_ref(), &reading, &tree, &errors, templates.is_directive)
    {
        return ParsedFile::only(file, &text, error);
    }
    let mut said = odd::check(&tree);
    let uncertain = reading.uncertain;
    said.retain(|d| !uncertain.holes.iter().any(|h| h.start <= d.span.start && d.span.start < h.end));
    let (tree, mut errors) = as_meant(tree, errors, &mut said);
    errors.splice(0..0, mark);
    ParsedFile { tree, errors, said, uncertain }
}

/// The text without the byte order mark at its start, which is one error and hides no other.
fn without_mark(file: FileId, text: Arc<[u8]>) -> (Arc<[u8]>, Option<SyntaxError>) {
    if !text.starts_with(MARK) {
        return (text, None);
    }
    let mut blank = text.to_vec();
    blank[..MARK.len()].fill(b' ');
    let place = Span::new(file, 0, MARK.len());
    let word = &text[..text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len())];
    let error = error::byte_order_mark(word, place, place);
    (blank.into(), Some(error))
}

/// A file whose syntax is wrong because of odd characters, as it was meant: the characters are the errors.
fn as_meant(tree: Tree, errors: Vec<SyntaxError>, said: &mut Vec<Diagnostic>) -> (Tree, Vec<SyntaxError>) {
    if errors.is_empty() || said.is_empty() {
        return (tree, errors);
    }
    let (meant, left) = parse(tree.file(), odd::meant(&tree, said).into());
    if left.len() >= errors.len() {
        return (tree, errors);
    }
    let nginx = errors.first().map(SyntaxError::nginx_message).unwrap_or_default();
    let odd = said.drain(..).map(|odd| {
        let place = odd.span;
        SyntaxError::new(
            Diagnostic { class: Class::Syntax, level: Level::Error, ..odd },
            nginx.clone(),
            place,
        )
    });
    let mut all: Vec<SyntaxError> = odd.chain(left).collect();
    all.sort_by_key(SyntaxError::nginx_place);
    (meant, all)
}

/// The only error of a file in another language.
fn other_language(
    sources: &SourceMap,
    embedded: Option<&Result<Embedded, yaml::Problem>>,
    reading: &ReadTemplate,
    tree: &Tree,
    errors: &[SyntaxError],
    is_directive: Option<fn(&[u8]) -> bool>,
) -> Option<SyntaxError> {
    let file = tree.file();
    let text = &sources.file(file).text;
    let is_embedded = matches!(embedded, Some(Ok(_)));
    if let Some(error) = Some(()).filter(|()| !errors.is_empty()).and_then(|()| foreign::message(file, text))
    {
        return Some(error);
    }
    let has_marks = !errors.is_empty() || memchr::memmem::find(tree.text(), b"<tmpl_").is_some();
    if let Some(error) = has_marks.then(|| foreign::other_template(tree)).flatten() {
        return Some(error);
    }
    let mut unread = reading.unread.clone();
    // Only a text that is not a configuration is examined again; `<%` may be a word.
    if unread.is_none()
        && reading.uncertain.is_empty()
        && reading.unclosed.is_none()
        && (!errors.is_empty() || has_erb(tree))
    {
        // Around a configuration in YAML is nothing.
        unread = template::guess(if is_embedded { tree.text() } else { text });
    }
    if let Some(unclosed) = &reading.unclosed {
        return Some(foreign::unclosed(file, text, unclosed));
    }
    if let Some((language, place)) = unread {
        let place = Span { file, start: place.start, end: place.end };
        return Some(foreign::template(language, place));
    }
    if let Some(Err(problem)) = embedded {
        return Some(foreign::not_embedded(file, problem));
    }
    if is_embedded {
        return None;
    }
    let first = tree.words.first().map_or(&[][..], |w| &text[w.range()]);
    let looks_so = first.ends_with(b":") || first == b"---" || is_json(text);
    let is_named = path_ends(sources, file, &[&b".yaml"[..], &b".yml"[..], &b".json"[..]]);
    if is_named && (looks_so || !errors.is_empty()) || looks_so && !errors.is_empty() {
        return Some(foreign::yaml(Span::new(file, 0, 0)));
    }
    let is_directive = is_directive.filter(|_| !errors.is_empty() && reading.uncertain.is_empty())?;
    foreign::other_program(tree, is_directive)
}

/// True for a text that begins as JSON does.
fn is_json(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|b| !b.is_ascii_whitespace());
    matches!((signs.next(), signs.next()), (Some(b'{' | b'['), Some(b'"' | b'{')))
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
        Some(ReadTemplate { unread: Some(unread), .. }) => unread,
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
    if let Some(error) = foreign::unreadable(file, &source.text) {
        return Err(vec![error]);
    }
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
        && tree.words.iter().any(|w| memchr::memmem::find(&text[w.range()], b"<%").is_some())
}
