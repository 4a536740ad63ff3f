//! Paths from bytes, as nginx has them.

use std::path::PathBuf;

/// Path from its bytes; on systems whose paths are not bytes, invalid UTF-8 is replaced.
#[cfg(unix)]
pub fn os_path(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(name))
}

/// Path from its bytes; on systems whose paths are not bytes, invalid UTF-8 is replaced.
#[cfg(not(unix))]
pub fn os_path(name: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(name).into_owned())
}
