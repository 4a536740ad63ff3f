//! A new directory with files in it: all of them, or none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::super::Failure;

/// Writes files, named by their paths below `directory`, which is new or empty. They are written into a directory
/// beside it, which is then renamed: nobody ever finds half of the tree.
///
/// # Errors
/// If the directory has something in it, and as the operating system says.
pub(in super::super) fn tree(directory: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::new(format!("cannot write `{}`: {e}", directory.display()));
    if is_taken(directory).map_err(failed)? {
        return Err(Failure::new(format!("`{}` exists already; nothing was written", directory.display()))
            .help("name a directory that is new or empty"));
    }
    let parent = super::directory(directory);
    let new = tempfile::Builder::new().prefix(".ngxc").tempdir_in(parent).map_err(failed)?;
    for (path, text) in files {
        let path = new.path().join(path);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        super::create(&path, text, super::Readers::Everybody).map_err(failed)?;
    }
    // A temporary directory is private, a tree to work on is not.
    #[cfg(unix)]
    fs::set_permissions(new.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).map_err(failed)?;
    fs::rename(new.path(), directory).map_err(failed)?;
    // The temporary directory is renamed, so nothing is left to remove.
    let _ = new.keep();
    Ok(())
}

/// True if the path exists and is anything but an empty directory.
fn is_taken(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(found) => Ok(!found.is_dir() || fs::read_dir(path)?.next().is_some()),
    }
}
