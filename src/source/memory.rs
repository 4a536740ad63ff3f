//! The loader of files in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::glob;
use super::loader::{Loader, paths};
use super::path::os_path;

/// Files in memory, for tests, editors and programs that use the library.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), text.into());
        self
    }
}

impl Loader for Memory {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(paths(self, pattern))
    }
}

/// Directories are implied by the paths of files; a pattern finds only files.
impl glob::Directories for Memory {
    fn names(&self, directory: &[u8], directories: bool) -> Vec<Vec<u8>> {
        let below = |path: &PathBuf| {
            let path = path.as_os_str().as_encoded_bytes();
            let rest = match directory {
                b"." if !path.starts_with(b"./") => Some(path),
                b"/" => path.strip_prefix(b"/"),
                _ => path.strip_prefix(directory).and_then(|rest| rest.strip_prefix(b"/")),
            }?;
            let (name, is_directory) = match memchr::memchr(b'/', rest) {
                Some(end) => (&rest[..end], true),
                None => (rest, false),
            };
            (is_directory == directories && !name.is_empty()).then(|| name.to_vec())
        };
        let mut names: Vec<Vec<u8>> = self.0.keys().filter_map(below).collect();
        names.sort();
        names.dedup();
        names
    }

    fn exists(&self, path: &[u8]) -> bool {
        let path = os_path(path);
        self.0.contains_key(&path) || path.strip_prefix(".").is_ok_and(|path| self.0.contains_key(path))
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        let path = os_path(path);
        self.0.keys().any(|file| file != &path && file.starts_with(&path))
    }
}
