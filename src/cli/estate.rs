//! From files and directories to configurations: a directory stands for the configurations in it, not for the
//! fragments that those include.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::source::Disk;
use crate::syntax::{LoadOptions, load};

/// The configurations that `files` name, in order.
pub(super) fn configurations(
    files: &[PathBuf],
    excluded: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for file in files {
        if file.is_dir() {
            let inside = inside(file)?;
            if inside.is_empty() {
                return Err(Failure::new(format!("`{}` holds no configuration", file.display()))
                    .help("a directory is searched for files that end in `.conf`"));
            }
            found.extend(inside.into_iter().filter(|f| !excluded(f)));
        } else {
            found.push(file.clone());
        }
    }
    Ok(found)
}

/// The `.conf` files of a directory without those that others of them include.
fn inside(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory)
            .map_err(|e| Failure::new(format!("cannot read `{}`: {e}", directory.display())))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            // A link to a directory may lead round in circles.
            if entry.file_type().is_ok_and(|t| t.is_dir()) && !hidden {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "conf") && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut included = HashSet::new();
    for file in &files {
        let Ok(configuration) = load(&Disk, file, &LoadOptions::default()) else { continue };
        let others = configuration.sources.files().filter(|(id, _)| *id != configuration.main);
        included.extend(others.filter_map(|(_, f)| f.path.canonicalize().ok()));
    }
    files.retain(|file| file.canonicalize().is_ok_and(|path| !included.contains(&path)));
    Ok(files)
}
