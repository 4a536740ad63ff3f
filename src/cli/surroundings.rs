//! A configuration without what lies around it: which of its errors may only mean that the rest is not here.

use std::path::Path;

use super::meaning::Meaning;
use crate::catalog;
use crate::compile::{Compiled, fragment};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::Loader;
use crate::source::shipped::below_root;
use crate::syntax::Configuration;

/// The name of every main file that a package brings.
const MAIN_FILE: &str = "nginx.conf";
const NOT_FOUND: &str = "include-not-found";

/// True if the main file lies where nginx reads it, as far as its name and its directory tell.
pub(super) fn is_in_place(meaning: &Meaning, configuration: &Configuration) -> bool {
    let main = main_file(configuration);
    if let Some(embedded) = &configuration.embedded {
        return embedded.name == MAIN_FILE;
    }
    configuration.is_dump
        || !meaning.reading.is_elsewhere(main)
        || main.file_name().is_some_and(|n| n == MAIN_FILE)
}

fn main_file(configuration: &Configuration) -> &Path {
    &configuration.sources.file(configuration.main).path
}

/// Makes a note of each include that is missing if the tree around the file is not here: no other include was found,
/// nothing lies in the directory that the include names, and nothing beside the file has nearly its name.
pub(super) fn settle_missing(meaning: &Meaning, configuration: &mut Configuration, loader: &dyn Loader) {
    if configuration.diagnostics.iter().all(|d| d.code != NOT_FOUND) {
        return;
    }
    // A dump has all that nginx read, so a missing file was cut out of it; the rest of what Kubernetes mounts is elsewhere.
    let is_elsewhere = configuration.is_dump || configuration.embedded.is_some();
    let is_here = meaning.reading.prefix.is_some()
        || !is_elsewhere && (is_in_place(meaning, configuration) || finds_files(configuration));
    let mut found = std::mem::take(&mut configuration.diagnostics);
    for missing in found.iter_mut().filter(|d| d.code == NOT_FOUND) {
        let name = included_name(configuration, missing);
        if configuration.is_dump {
            missing.level = Level::Info;
            missing.help = Some(
                "the dump does not hold it: what it defines is unknown; take the whole output of `nginx -T`"
                    .to_owned(),
            );
        } else if let Some(close) = close_name(configuration, &name, loader) {
            missing.help = Some(format!("did you mean `{close}`?"));
        } else if !is_here && (is_elsewhere || !has_directory(configuration, &name, loader)) {
            missing.level = Level::Info;
            missing.help = Some(
                "the tree that this file belongs to is not here; `--prefix DIR` names it, and a file missing there is an error"
                    .to_owned(),
            );
        }
    }
    configuration.diagnostics = found;
}

/// Makes errors again of the includes that are missing: for a command that does what nginx does.
pub(super) fn demand_includes(configuration: &mut Configuration) {
    let missing = configuration.diagnostics.iter_mut().filter(|d| d.code == NOT_FOUND);
    missing.for_each(|d| d.level = Level::Error);
}

/// Makes notes of what nginx would refuse for lack of a file, or because of a text that only stands in for a file.
pub(super) fn soften(configuration: &Configuration, compiled: &mut Compiled, is_in_place: bool) {
    for finding in compiled.diagnostics.iter_mut().filter(|d| d.level == Level::Error) {
        if finding.code == "no-events" && !is_in_place && fragment::is_part_of_main(configuration) {
            finding.level = Level::Info;
            finding.message =
                String::from("this file has no `events` block and is read as a part of a main file");
            finding.label = String::from("nginx itself demands `events { }`");
            finding.help = Some(
                "add `events { }`; or write `# ngxc: context(main)` at its top if another file has it"
                    .to_owned(),
            );
        }
        if finding.related.iter().any(|l| configuration.is_stand_in(l.span.file)) {
            finding.level = Level::Info;
            finding.message.push_str(", in the known text of a file that is not here");
        }
    }
}

/// True if an `include` led to a file of the configuration's own.
fn finds_files(configuration: &Configuration) -> bool {
    configuration.inclusions.values().flatten().any(|&file| !configuration.is_stand_in(file))
}

/// The argument of the `include` that a finding is about.
fn included_name(configuration: &Configuration, finding: &Diagnostic) -> String {
    let mut arguments = configuration.inclusions.keys().filter_map(|&id| configuration.directive(id)?.arg(0));
    let name = arguments.find(|word| word.span() == finding.span).map(|word| word.value().into_owned());
    String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
}

/// The path of a name beside the main file, and otherwise the path itself.
fn place(configuration: &Configuration, name: &str) -> std::path::PathBuf {
    let name = Path::new(name);
    let below = below_root(name).unwrap_or(name);
    main_file(configuration).parent().unwrap_or(Path::new("")).join(below)
}

/// True if files lie in the directory that an include names; the directory of the main file tells nothing.
fn has_directory(configuration: &Configuration, name: &str, loader: &dyn Loader) -> bool {
    let place = place(configuration, name);
    let Some(directory) = place.parent() else { return false };
    let own = main_file(configuration).parent().unwrap_or(Path::new(""));
    directory != own && loader.glob(&directory.join("*")).is_ok_and(|paths| !paths.is_empty())
}

/// The file beside the missing one that was probably meant, as it would have to be written.
fn close_name(configuration: &Configuration, name: &str, loader: &dyn Loader) -> Option<String> {
    let place = place(configuration, name);
    let last = place.file_name()?.to_str()?;
    let paths = loader.glob(&place.parent()?.join("*")).ok()?;
    let names = paths.iter().filter_map(|path| path.file_name()?.to_str()).filter(|other| *other != last);
    let close = catalog::closest(last.as_bytes(), names)?;
    Some(format!("{}{close}", name.strip_suffix(last)?))
}
