//! From files and directories to configurations. A file that another one includes is judged inside of that one, its root,
//! and only what is found in the files that were asked for is told.

mod directory;
mod reach;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::meaning::Meaning;
use super::reading::InputArgs;
use super::{Failure, detail, note, paths, yaml};
use crate::catalog::Context;
use crate::compile::fragment::{self, Place};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::{Disk, FileId, Loader, SourceMap};
use crate::syntax::Configuration;
use reach::Reach;

/// A configuration to judge.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Main file of the configuration.
    pub(super) file: PathBuf,
    /// True if it was found in a directory, and not named.
    pub(super) is_found: bool,
    /// The files that were asked for, as they were named, by [`paths::identity`]; `None` if all were.
    asked: Option<BTreeMap<PathBuf, PathBuf>>,
}

impl Root {
    fn whole(entry: &Entry) -> Self {
        Self { file: entry.path.clone(), is_found: entry.is_found, asked: None }
    }

    /// The configuration of a file by itself.
    pub(super) fn alone(file: &Path) -> Self {
        Self { file: file.to_owned(), is_found: false, asked: None }
    }

    /// The same configuration with all of its files asked for.
    pub(super) fn of_all_files(&self) -> Self {
        Self { asked: None, ..self.clone() }
    }

    /// The same configuration with one of its files asked for.
    pub(super) fn of_file(&self, file: &Path) -> Self {
        let asked = BTreeMap::from([(paths::identity(file), file.to_owned())]);
        Self { asked: Some(asked), ..self.clone() }
    }

    /// True if the file was named, or lies in a directory that was.
    pub(super) fn wants(&self, file: &Path) -> bool {
        self.asked.as_ref().is_none_or(|asked| asked.contains_key(&paths::identity(file)))
    }

    /// Name of a file of it that was asked for by its own name.
    pub(super) fn named(&self, file: &Path) -> Option<&Path> {
        self.asked.as_ref()?.get(&paths::identity(file)).map(PathBuf::as_path)
    }

    /// The files that were asked for, or the main file.
    pub(super) fn names(&self) -> Vec<&Path> {
        match &self.asked {
            None => vec![&self.file],
            Some(asked) => asked.values().map(PathBuf::as_path).collect(),
        }
    }
}

/// A file that was named, or found in a directory that was.
struct Entry {
    path: PathBuf,
    identity: PathBuf,
    is_found: bool,
}

/// Every file of `files`, each once; a directory gives the files that `found` finds in it.
fn entries(
    files: &[PathBuf],
    reading: &InputArgs,
    found: impl Fn(&Path) -> Result<Vec<PathBuf>, Failure>,
) -> Result<Vec<Entry>, Failure> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for file in files {
        let is_found = file.is_dir() && !reading.stdin.is(file);
        let inside = if is_found { found(file)? } else { vec![file.clone()] };
        for path in inside {
            let identity = paths::identity(&path);
            if seen.insert(identity.clone()) {
                entries.push(Entry { path, identity, is_found });
            }
        }
    }
    Ok(entries)
}

/// The same for what looks at each file by itself: paths, and whether they were found in a directory.
pub(super) fn files(files: &[PathBuf], reading: &InputArgs) -> Result<Vec<(PathBuf, bool)>, Failure> {
    let found = |directory: &Path| directory::files(directory, reading);
    Ok(entries(files, reading, found)?.into_iter().map(|entry| (entry.path, entry.is_found)).collect())
}

/// The configurations that `files` name, each once, in order.
///
/// # Errors
/// If a directory cannot be read or holds no configuration, or if a settings file is wrong.
pub(super) fn roots(files: &[PathBuf], meaning: &Meaning) -> Result<Vec<Root>, Failure> {
    roots_in(files, meaning, &Disk)
}

/// The same for texts that a loader has.
///
/// # Errors
/// As [`roots`].
pub(super) fn roots_in(
    files: &[PathBuf],
    meaning: &Meaning,
    loader: &dyn Loader,
) -> Result<Vec<Root>, Failure> {
    let reading = &meaning.reading;
    let found = |directory: &Path| Ok(yaml::expand(&directory::files(directory, reading)?, reading));
    let entries = entries(&yaml::expand(files, reading), reading, found)?;
    let over = meaning.reading.stdin.over(loader);
    let mut reach = Reach::new(meaning, loader);
    let mut roots = Roots::default();
    let (parts, whole): (Vec<_>, Vec<_>) =
        entries.iter().enumerate().partition(|(_, entry)| reach::is_part(entry, &over, &meaning.reading));
    for (at, entry) in &whole {
        roots.add(*at, entry, None);
    }
    let mut left = Vec::new();
    for (at, entry) in &parts {
        let around = reach.roots_of(entry, whole.iter().map(|(_, whole)| *whole))?;
        for root in &around {
            detail(&format!("root: {} is judged as a part of {}", entry.path.display(), root.path.display()));
            roots.add(*at, root, Some(entry));
        }
        if around.is_empty() {
            left.push((*at, *entry));
        }
    }
    // Fragments without a main file that other such fragments include.
    let inner =
        if left.len() > 1 { reach.inside(left.iter().map(|(_, entry)| *entry)) } else { HashSet::new() };
    for (at, entry) in left {
        if !inner.contains(&entry.identity) {
            roots.add(at, entry, None);
        }
    }
    Ok(roots.in_order())
}

/// Removes findings in files that were not named; returns the number of errors among them.
pub(super) fn retain_asked(
    findings: &mut Vec<Diagnostic>,
    root: &Root,
    configuration: &Configuration,
) -> usize {
    if root.asked.is_none() {
        return 0;
    }
    let mut wanted: HashMap<FileId, bool> = HashMap::new();
    let mut elsewhere = 0;
    findings.retain(|finding| {
        let file = finding.span.file;
        let path = &configuration.sources.file(file).path;
        let is_wanted = *wanted.entry(file).or_insert_with(|| root.wants(path));
        elsewhere += usize::from(!is_wanted && finding.level == Level::Error);
        is_wanted
    });
    elsewhere
}

/// Prints a note about errors in files that were not named.
pub(super) fn note_elsewhere(root: &Root, errors: usize) {
    if errors > 0 {
        let (noun, root) = (if errors == 1 { "error" } else { "errors" }, root.file.display());
        note(&format!("note: {errors} {noun} in other files of {root}; `ngxc check {root}` shows all"));
    }
}

/// Gives the files that something was found in the names that they were asked for by.
pub(super) fn name_files(sources: &mut SourceMap, root: &Root, findings: &[Diagnostic]) {
    if root.asked.is_none() {
        return;
    }
    let files: HashSet<FileId> = findings.iter().map(|finding| finding.span.file).collect();
    for file in files {
        if let Some(name) = root.named(&sources.file(file).path) {
            sources.rename(file, name);
        }
    }
}

/// As what a configuration is judged. A file of a directory that could stand at the top of a main file is a part of one:
/// packages put each `load_module` into a file of its own.
pub(super) fn meaning<'m>(
    root: &Root,
    meaning: &'m Meaning,
    configuration: &Configuration,
) -> Cow<'m, Meaning> {
    let is_main = || matches!(fragment::place(configuration), Place::Main);
    let has_blocks = || configuration.expanded_root().any(|(directive, _)| directive.block().is_some());
    if root.is_found && meaning.context.is_empty() && is_main() && !has_blocks() {
        return Cow::Owned(Meaning { context: vec![Context::Main], ..meaning.clone() });
    }
    Cow::Borrowed(meaning)
}

/// Configurations, each once.
#[derive(Default)]
struct Roots {
    by_identity: HashMap<PathBuf, (usize, Root)>,
}

impl Roots {
    /// Adds a configuration for a file in it, or for all.
    fn add(&mut self, at: usize, root: &Entry, asked: Option<&Entry>) {
        let new = || Root { asked: asked.map(|_| BTreeMap::new()), ..Root::whole(root) };
        let (first, known) = self.by_identity.entry(root.identity.clone()).or_insert_with(|| (at, new()));
        *first = (*first).min(at);
        match asked {
            None => known.asked = None,
            Some(entry) => {
                if let Some(asked) = &mut known.asked {
                    asked.insert(entry.identity.clone(), entry.path.clone());
                }
            }
        }
    }

    fn in_order(self) -> Vec<Root> {
        let mut all: Vec<(usize, Root)> = self.by_identity.into_values().collect();
        all.sort_by(|a, b| (a.0, &a.1.file).cmp(&(b.0, &b.1.file)));
        all.into_iter().map(|(_, root)| root).collect()
    }
}
