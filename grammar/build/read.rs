//! Reads the fact files: text to checked entries, and what is wrong with them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::check::{self, Place};
use super::entry::{Directive, Header, Tier, Variable, Versions};

/// Everything under `grammar/`, sorted.
#[derive(Default)]
pub struct Facts {
    pub directives: Vec<check::CheckedDirective>,
    pub variables: Vec<check::CheckedVariable>,
    pub versions: Option<check::CheckedVersions>,
}

/// Reads the files under `grammar`.
pub fn all(grammar: &Path, problems: &mut Vec<String>) -> Facts {
    let mut facts = Facts::default();
    let mut paths = Vec::new();
    for directory in [grammar.join("directives"), grammar.join("directives/thirdparty")] {
        toml_files(&directory, &mut paths, problems);
    }
    for path in paths {
        if let Some(text) = text(&path, problems) {
            facts.directives.extend(directives(&path, &text, problems));
        }
    }
    check::sort(&mut facts.directives, problems);

    let path = grammar.join("variables.toml");
    if let Some(text) = text(&path, problems) {
        facts.variables = variables(&path, &text, problems);
    }
    let path = grammar.join("versions.toml");
    if let Some(text) = text(&path, problems) {
        facts.versions = versions(&path, &text, problems);
    }
    facts
}

/// The entries of one file under `directives/`.
pub fn directives(path: &Path, text: &str, problems: &mut Vec<String>) -> Vec<check::CheckedDirective> {
    let Some((header, entries)) = split(path, "directive", text, problems) else { return Vec::new() };
    let third_party = path.components().any(|part| part.as_os_str() == "thirdparty");
    let tier = if third_party { Tier::ThirdParty } else { Tier::OpenSource };
    directives_of(path, header, entries, tier, problems)
}

/// `[[directive]]`s below what stands above them; `tier` is theirs if nothing else is said.
fn directives_of(
    path: &Path,
    header: toml::Table,
    entries: Vec<toml::Table>,
    tier: Tier,
    problems: &mut Vec<String>,
) -> Vec<check::CheckedDirective> {
    let file = path.display().to_string();
    let header: Header = match header.try_into() {
        Ok(header) => header,
        Err(error) => {
            problems.push(format!("{file}: {}", one_line(&error)));
            return Vec::new();
        }
    };
    let tier = header.tier.unwrap_or(tier);
    let mut checked = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        let place = Place::new(&file, "directive", name(&entry), position);
        if let Some(entry) = one::<Directive>(&place, entry, problems) {
            checked.extend(check::directive(&place, &header, tier, entry, problems));
        }
    }
    checked
}

/// A file of somebody's own directives and variables: `[[directive]]`s and `[[variable]]`s below one header.
pub fn declared(
    path: &Path,
    text: &str,
    problems: &mut Vec<String>,
) -> (Vec<check::CheckedDirective>, Vec<check::CheckedVariable>) {
    let Some(mut header) = table(path, text, problems) else { return Default::default() };
    let (directives, variables) = (entries(&mut header, "directive"), entries(&mut header, "variable"));
    if directives.is_empty() && variables.is_empty() {
        problems.push(format!("{}: no entries, expected `[[directive]]` or `[[variable]]`", path.display()));
    }
    let directives = directives_of(path, header, directives, Tier::ThirdParty, problems);
    (directives, variables_of(path, variables, problems))
}

/// The entries of `variables.toml`, sorted.
pub fn variables(path: &Path, text: &str, problems: &mut Vec<String>) -> Vec<check::CheckedVariable> {
    let Some((header, entries)) = split(path, "variable", text, problems) else { return Vec::new() };
    for key in header.keys() {
        problems.push(format!("{}: unknown field `{key}`, expected `[[variable]]`", path.display()));
    }
    let mut checked = variables_of(path, entries, problems);
    checked.sort_by(|a, b| (&a.entry.name, a.entry.subsystem).cmp(&(&b.entry.name, b.entry.subsystem)));
    checked
}

fn variables_of(
    path: &Path,
    entries: Vec<toml::Table>,
    problems: &mut Vec<String>,
) -> Vec<check::CheckedVariable> {
    let file = path.display().to_string();
    let mut checked = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        let place = Place::new(&file, "variable", name(&entry), position);
        if let Some(entry) = one::<Variable>(&place, entry, problems) {
            checked.extend(check::variable(&place, entry, problems));
        }
    }
    checked
}

fn versions(path: &Path, text: &str, problems: &mut Vec<String>) -> Option<check::CheckedVersions> {
    let place = Place::new(&path.display().to_string(), "versions", None, 0);
    let entry = one::<Versions>(&place, table(path, text, problems)?, problems)?;
    check::versions(&place, entry, problems)
}

fn one<T: DeserializeOwned>(place: &Place, entry: toml::Table, problems: &mut Vec<String>) -> Option<T> {
    match entry.try_into() {
        Ok(entry) => Some(entry),
        Err(error) => {
            problems.push(format!("{place}: {}", one_line(&error)));
            None
        }
    }
}

/// The fields above the entries, and the entries.
fn split(
    path: &Path,
    list: &str,
    text: &str,
    problems: &mut Vec<String>,
) -> Option<(toml::Table, Vec<toml::Table>)> {
    let mut header = table(path, text, problems)?;
    let entries = entries(&mut header, list);
    if entries.is_empty() {
        problems.push(format!("{}: no entries, expected `[[{list}]]`", path.display()));
    }
    Some((header, entries))
}

/// Takes the entries out of a file.
fn entries(header: &mut toml::Table, list: &str) -> Vec<toml::Table> {
    let Some(toml::Value::Array(entries)) = header.remove(list) else { return Vec::new() };
    let tables = entries.into_iter().filter_map(|entry| match entry {
        toml::Value::Table(table) => Some(table),
        _ => None,
    });
    tables.collect()
}

fn table(path: &Path, text: &str, problems: &mut Vec<String>) -> Option<toml::Table> {
    match text.parse() {
        Ok(table) => Some(table),
        Err(error) => {
            let error: toml::de::Error = error;
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            problems.push(format!("{}:{line}: {}", path.display(), error.message()));
            None
        }
    }
}

fn name(entry: &toml::Table) -> Option<&str> {
    entry.get("name").and_then(toml::Value::as_str)
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().trim().replace('\n', " ")
}

fn text(path: &Path, problems: &mut Vec<String>) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            problems.push(format!("{}: {error}", path.display()));
            None
        }
    }
}

fn toml_files(directory: &Path, into: &mut Vec<PathBuf>, problems: &mut Vec<String>) {
    match fs::read_dir(directory) {
        Ok(list) => {
            let files = list.filter_map(Result::ok).map(|file| file.path());
            into.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "toml")));
            into.sort();
        }
        Err(error) => problems.push(format!("{}: {error}", directory.display())),
    }
}
