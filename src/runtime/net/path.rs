//! Paths as the operating system has them, and what its errors say of a file.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path of the operating system.
pub(crate) fn os(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// True if nothing is there, as opposed to something that cannot be reached.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENOENT | ENOTDIR | ENAMETOOLONG))
}

/// True if something is there that may not be opened.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EACCES | ELOOP | EMLINK))
}

pub(crate) const ENOENT: i32 = 2;

pub(crate) const EACCES: i32 = 13;

pub(crate) const ENOTDIR: i32 = 20;

pub(crate) const ENAMETOOLONG: i32 = 36;

pub(crate) const ELOOP: i32 = 40;

pub(crate) const EMLINK: i32 = 31;
