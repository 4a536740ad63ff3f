//! Paths as they are compared, whatever way they were written.

use std::path::{Component, Path, PathBuf};

/// An absolute path without `.` and `..`; links are left as they are.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    for component in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// Identity of a file: links are followed; a file that is not there is known by its path.
pub(super) fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| absolute(path))
}

/// Names of files in a diff: those behind symbolic links, which `patch` refuses to follow, and all absolute if one is, so that
/// one call of `patch` finds all of them.
pub(super) fn of_diff<'p>(paths: impl Iterator<Item = &'p Path>) -> Vec<PathBuf> {
    let names: Vec<PathBuf> = paths.map(behind_link).collect();
    let is_mixed = names.iter().any(|name| name.is_absolute());
    if is_mixed { names.iter().map(|name| absolute(name)).collect() } else { names }
}

/// The file that a path names; of a symbolic link the file that it leads to.
fn behind_link(path: &Path) -> PathBuf {
    let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    let Some(real) = is_link.then(|| path.canonicalize().ok()).flatten() else { return path.to_owned() };
    if path.is_absolute() { real } else { relative(&real, Path::new(".")) }
}

/// The path relative to a directory, as it would be written there.
pub(super) fn relative(path: &Path, directory: &Path) -> PathBuf {
    let (path, directory) = (absolute(path), absolute(directory));
    let same = path.components().zip(directory.components()).take_while(|(a, b)| a == b).count();
    let up = directory.components().skip(same).map(|_| Component::ParentDir);
    up.chain(path.components().skip(same)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_leads_from_one_place_to_the_other() {
        let cases = [
            ("/a/b/c.conf", "/a/b", "c.conf"),
            ("/a/./x/../b/c.conf", "/a/d", "../b/c.conf"),
            ("/c.conf", "/a/b", "../../c.conf"),
        ];
        for (path, directory, expected) in cases {
            assert_eq!(relative(Path::new(path), Path::new(directory)), Path::new(expected), "{path}");
        }
    }
}
