//! Loaders open configuration files; nothing else in the crate opens one.

use std::io;
use std::path::{Path, PathBuf};

use super::glob;
use super::path::os_path;

/// Largest file a [`Loader`] reads, in bytes. Offsets are `u32`, so this must stay below 4 GiB.
pub const MAX_FILE_SIZE: u64 = 256 << 20;

/// Opener of configuration files.
pub trait Loader {
    /// Reads a whole file.
    ///
    /// # Errors
    /// Those of the operating system; also for a directory and for a file over [`MAX_FILE_SIZE`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Reads a whole file that an `include` names. Unlike the main file it is on the disk and has an end.
    ///
    /// # Errors
    /// As [`read`](Self::read); also for a FIFO or a socket, which would keep the reader waiting.
    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }

    /// Paths that match a pattern with `*`, `?` and `[…]`, in byte order: glob(3) without flags, as `ngx_open_glob`
    /// calls it. A name is bytes and need not be UTF-8; directories and dangling links are among the paths; an
    /// unreadable directory has no names.
    ///
    /// # Errors
    /// Those of the loader; the loaders of this module never fail. No match is an empty list.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;

    /// File that a dangling link into a directory such as `/etc/nginx` leads to in a tree that lies elsewhere.
    fn link_in_tree(&self, _path: &Path) -> Option<PathBuf> {
        None
    }
}

/// Paths that match a pattern in the directories of a loader.
pub(super) fn paths(directories: &dyn glob::Directories, pattern: &Path) -> Vec<PathBuf> {
    let found = glob::glob(directories, pattern.as_os_str().as_encoded_bytes());
    found.iter().map(|path| os_path(path)).collect()
}
