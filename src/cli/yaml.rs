//! Configurations inside of YAML on the command line: `FILE#NAME` is one of several.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Failure;
use super::reading::InputArgs;
use crate::source::{Disk, Loader, put_back};
use crate::{catalog, syntax};

/// True if nginx, or a module that is known, has a directive of a name.
pub(super) fn is_directive(name: &[u8]) -> bool {
    !catalog::directives(name).is_empty()
}

/// The file, and the name of the configuration in it, if `path` is no file itself and has the form `FILE#NAME`.
pub(super) fn split(path: &Path) -> (PathBuf, Option<String>) {
    let whole = || (path.to_owned(), None);
    let Some((file, name)) = path.to_str().and_then(|text| text.split_once('#')) else { return whole() };
    if path.exists() || !(file == "-" || is_named(Path::new(file))) {
        return whole();
    }
    (PathBuf::from(file), Some(name.to_owned()))
}

/// True for a file that its name calls YAML, or JSON, which is YAML.
pub(super) fn is_named(file: &Path) -> bool {
    file.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}

/// True if a path is one of the configurations in standard input.
pub(super) fn is_of_input(path: &Path) -> bool {
    matches!(split(path), (file, Some(_)) if file == Path::new("-"))
}

/// The list of files with a YAML file of several configurations replaced by each of them.
pub(super) fn expand(files: &[PathBuf], reading: &InputArgs) -> Vec<PathBuf> {
    let mut all = Vec::with_capacity(files.len());
    // An unreadable file of values is reported with the configuration.
    let templates = reading.template.templates().unwrap_or_default();
    for file in files {
        let is_input = file == Path::new("-");
        let text = if is_input || is_named(file) { reading.stdin.over(&Disk).read(file).ok() } else { None };
        let names = text.as_ref().map(|text| syntax::embedded(file, text, &templates)).unwrap_or_default();
        if let Some(text) = text.filter(|_| is_input) {
            // Standard input is read once, and each of its configurations needs it.
            put_back(text, names.len().max(1));
        }
        if names.len() < 2 {
            all.push(file.clone());
            continue;
        }
        let paths: Vec<PathBuf> =
            names.iter().map(|name| PathBuf::from(format!("{}#{name}", file.display()))).collect();
        let is_read_again = !is_input && names.len() <= syntax::MOST_MOUNTED;
        let inner = if is_read_again { included(&paths, &names, reading) } else { HashSet::new() };
        let outer = paths.iter().zip(&names).filter(|(_, name)| !inner.contains(*name));
        all.extend(outer.map(|(path, _)| path.clone()));
    }
    all
}

/// Names of the configurations that others of the same file include: they are judged inside of those.
fn included(paths: &[PathBuf], names: &[String], reading: &InputArgs) -> HashSet<String> {
    let mut inner = HashSet::new();
    for (path, name) in paths.iter().zip(names) {
        // Two that include each other stay both.
        if !inner.contains(name)
            && let Ok(configuration) = reading.load_quietly(path, &Disk)
        {
            inner.extend(configuration.inside().map(|one| one.name.clone()));
        }
    }
    inner
}

/// Error of a command that would change a YAML file.
pub(super) fn refused(file: &Path) -> Failure {
    Failure::new(format!("`{}` is YAML, in which only blocks of `|` can be changed", file.display()))
        .help("write the configuration as a block of `|`, or keep it in a file of its own")
}
