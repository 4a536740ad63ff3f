//! `--extract DIR`: the output of `nginx -T` becomes the files that it was made of, all of them or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::meaning::Meaning;
use super::{Failure, note, paths, write};
use crate::source::{Disk, Loader};
use crate::syntax::Dump;

/// Arguments about the extraction of a dump.
#[derive(Args, Clone, Debug)]
pub(super) struct Extract {
    /// FILE is the output of `nginx -T`: write the files in it below this new directory, and work on them there.
    #[arg(long = "extract", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Extract {
    /// True if a file may be changed: with `--extract` only the files below its directory may.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let directory = self.directory.as_deref();
        directory.is_none_or(|directory| paths::identity(path).starts_with(paths::identity(directory)))
    }

    /// Writes the dump's files if that is wanted; the configuration is then the one that was written.
    pub(super) fn files(&self, files: &mut [PathBuf], meaning: &mut Meaning) -> Result<(), Failure> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let [file] = files else {
            return Err(Failure::new(format!("--extract takes one dump, found {} files", files.len()))
                .help("extract each of them into a directory of its own"));
        };
        let (main, original) = extract(file, directory)?;
        *file = main;
        if original.is_absolute() {
            // Names in the files are those of the machine that they come from.
            meaning.reading.prefix = original.parent().map(Path::to_owned);
            meaning.reading.map_path.push((PathBuf::from("/"), directory.clone()));
        }
        Ok(())
    }
}

/// Error of a command that would change a dump in place.
pub(super) fn refused(dump: &Path) -> Failure {
    let name = dump.display();
    Failure::new(format!("`{name}` is a dump of `nginx -T`; the files in it cannot be changed there"))
        .help(format!("write them into a directory first: `ngxc lint --extract DIR --fix {name}`"))
}

/// Writes the files of a dump below a directory that is new or empty; the main file's path there and in
/// the dump.
fn extract(dump: &Path, directory: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let name = dump.display();
    let text = Disk.read(dump).map_err(|e| Failure::new(format!("cannot read `{name}`: {e}")))?;
    let Some(found) = Dump::read(&text) else {
        return Err(Failure::new(format!(
            "`{name}` is no dump: expected a line `# configuration file PATH:`"
        ))
        .help("make one with `nginx -T`"));
    };
    if !found.ambiguous.is_empty() {
        let twice = found.ambiguous[0].display();
        return Err(Failure::new(format!("`{name}` holds `{twice}` twice with different texts"))
            .help("write the output of one `nginx -T` into a file of its own"));
    }
    let mut files = BTreeMap::new();
    for file in found.files() {
        let inside = below(&file.path).ok_or_else(|| {
            Failure::new(format!("`{}` in `{name}` leads out of every directory", file.path.display()))
        })?;
        match files.insert(inside, file.text.clone()) {
            Some(other) if other != file.text => {
                return Err(Failure::new(format!(
                    "`{}` is another path to a file of `{name}` with a different text",
                    file.path.display()
                )));
            }
            _ => {}
        }
    }
    if let Some(both) = file_and_directory(&files) {
        return Err(Failure::new(format!("`{}` is a file and a directory in `{name}`", both.display())));
    }
    let main = below(found.main()).unwrap_or_default();
    write::tree(directory, &files)?;
    for inner in passed(&found) {
        let inner = directory.join(inner);
        std::fs::create_dir_all(&inner)
            .map_err(|e| Failure::new(format!("cannot make `{}`: {e}", inner.display())))?;
    }
    let main = directory.join(main);
    let (count, noun) = (files.len(), if files.len() == 1 { "file" } else { "files" });
    note(&format!(
        "{count} {noun} written below {}; the main file is {}",
        directory.display(),
        main.display()
    ));
    Ok((main, found.main().to_owned()))
}

/// The path below the directory: `..` is resolved by its words, and none is left.
fn below(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => inside.push(name),
            Component::ParentDir if !inside.pop() && path.is_relative() => return None,
            Component::ParentDir | Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    (!inside.as_os_str().is_empty()).then_some(inside)
}

/// The directories that paths of a dump leave again with `..`: they were there, and without them no file is found.
fn passed(dump: &Dump) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in dump.files() {
        let mut path = PathBuf::new();
        for component in file.path.components() {
            if component == Component::ParentDir {
                found.extend(below(&path));
            }
            path.push(component);
        }
    }
    found
}

fn file_and_directory(files: &BTreeMap<PathBuf, Vec<u8>>) -> Option<&PathBuf> {
    let directories: BTreeSet<&Path> = files.keys().flat_map(|f| f.ancestors().skip(1)).collect();
    files.keys().find(|f| directories.contains(f.as_path()))
}
