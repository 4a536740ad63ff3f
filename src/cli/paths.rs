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
