//! Main files that include a file: those in its directory and above it, those that settings name, and those that were
//! named beside it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::super::meaning::Meaning;
use super::super::reading::InputArgs;
use super::super::settings::FoundSettings;
use super::super::{Failure, paths};
use super::Entry;
use crate::source::{Disk, Loader};
use crate::syntax::Dump;

/// The name that main files have everywhere.
const MAIN: &str = "nginx.conf";

/// Files that main files include, by the main file.
pub(super) struct Reach<'m> {
    meaning: &'m Meaning,
    loader: &'m dyn Loader,
    /// `None` for a main file that cannot be read.
    reached: HashMap<PathBuf, Option<Rc<HashSet<PathBuf>>>>,
    /// Main files that settings name, by settings file.
    roots: HashMap<PathBuf, Rc<Vec<PathBuf>>>,
}

impl<'m> Reach<'m> {
    pub(super) fn new(meaning: &'m Meaning, loader: &'m dyn Loader) -> Self {
        Self { meaning, loader, reached: HashMap::new(), roots: HashMap::new() }
    }

    /// The main files that include a file; `beside` were named with it.
    pub(super) fn roots_of<'e>(
        &mut self,
        entry: &Entry,
        beside: impl Iterator<Item = &'e Entry>,
    ) -> Result<Vec<Entry>, Failure> {
        // Standard input and pipes can be read only once.
        let beside = beside.filter(|e| e.path.is_file());
        let mut candidates: Vec<(PathBuf, bool)> = beside.map(|e| (e.path.clone(), e.is_found)).collect();
        let found = self.meaning.reading.settings.of(&entry.path)?;
        candidates.extend(self.named(&found)?.iter().map(|path| (path.clone(), false)));
        candidates.extend(above(&entry.path).into_iter().map(|path| (path, false)));
        let mut all: Vec<Entry> = Vec::new();
        for (path, is_found) in candidates {
            let identity = paths::identity(&path);
            let is_known = all.iter().any(|known| known.identity == identity);
            if identity != entry.identity && !is_known && self.reaches(&path, &identity, &entry.identity) {
                all.push(Entry { path, identity, is_found });
            }
        }
        Ok(all)
    }

    /// The main files that a settings file names.
    fn named(&mut self, found: &FoundSettings) -> Result<Rc<Vec<PathBuf>>, Failure> {
        let Some(settings) = &found.path else { return Ok(Rc::default()) };
        if let Some(known) = self.roots.get(settings) {
            return Ok(Rc::clone(known));
        }
        let mut all = Vec::new();
        for pattern in &found.file.roots {
            let matches = Disk.glob(&found.directory.join(pattern)).unwrap_or_default();
            if matches.is_empty() {
                return Err(Failure::new(format!(
                    "{}: no file is `{pattern}` of `roots`",
                    settings.display()
                ))
                .help("names of `roots` are relative to the directory of the settings file"));
            }
            all.extend(matches);
        }
        let all = Rc::new(all);
        self.roots.insert(settings.clone(), Rc::clone(&all));
        Ok(all)
    }

    fn reaches(&mut self, root: &Path, identity: &Path, file: &Path) -> bool {
        self.files(root, identity).is_some_and(|files| files.contains(file))
    }

    /// The files that a main file includes, itself left out.
    fn files(&mut self, root: &Path, identity: &Path) -> Option<Rc<HashSet<PathBuf>>> {
        if let Some(known) = self.reached.get(identity) {
            return known.clone();
        }
        let read = || {
            let meaning = self.meaning.of(root).ok()?;
            let configuration = meaning.reading.load_quietly(root, self.loader).ok()?;
            // The names in a dump are those of another machine.
            let is_here = !configuration.is_dump;
            let others = configuration.sources.files().filter(|(id, _)| is_here && *id != configuration.main);
            Some(Rc::new(others.map(|(_, file)| paths::identity(&file.path)).collect()))
        };
        let files = read();
        self.reached.insert(identity.to_owned(), files.clone());
        files
    }

    /// The files that any of some files includes.
    pub(super) fn inside<'e>(&mut self, entries: impl Iterator<Item = &'e Entry>) -> HashSet<PathBuf> {
        let loader = self.meaning.reading.stdin.over(self.loader);
        let mut all = HashSet::new();
        for entry in entries {
            let has_includes = |text: &[u8]| memchr::memmem::find(text, b"include").is_some();
            if loader.read(&entry.path).is_ok_and(|text| has_includes(&text))
                && let Some(files) = self.files(&entry.path, &entry.identity)
            {
                all.extend(files.iter().filter(|file| **file != entry.identity).cloned());
            }
        }
        all
    }
}

/// The main files in the directory of a file and above it, the nearest first.
fn above(file: &Path) -> Vec<PathBuf> {
    let absolute = paths::absolute(file);
    let directories = absolute.ancestors().skip(1).map(|directory| directory.join(MAIN));
    let found = directories.filter(|path| path.is_file());
    // As the file was named.
    let here = Path::new(".");
    found.map(|path| if file.is_relative() { paths::relative(&path, here) } else { path }).collect()
}

/// True if a file may be a part of another one: it has no `events` block. What cannot be read, standard input without a
/// name and the output of `nginx -T` stand for themselves.
pub(super) fn is_part(entry: &Entry, loader: &dyn Loader, reading: &InputArgs) -> bool {
    if entry.path == Path::new("-") || !reading.stdin.is(&entry.path) && !entry.path.is_file() {
        return false;
    }
    let Ok(text) = loader.read(&entry.path) else { return false };
    !has_events(&text) && Dump::read(&text).is_none()
}

/// True if a text has `events {` outside of a comment. It need not be parsed for that.
fn has_events(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"events").any(|at| {
        let line = &text[memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1)..at];
        let before = line.last().is_none_or(|b| b.is_ascii_whitespace() || b";}".contains(b));
        before && !line.contains(&b'#') && text[at + 6..].trim_ascii_start().starts_with(b"{")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_events_is_seen_without_parsing() {
        for (text, expected) in [
            ("events { }", true),
            ("user a;events\n\n{ }", true),
            ("http { } events{}", true),
            ("# events { }", false),
            ("my_events { }", false),
            ("events;", false),
            ("server { }", false),
        ] {
            assert_eq!(has_events(text.as_bytes()), expected, "{text}");
        }
    }
}
