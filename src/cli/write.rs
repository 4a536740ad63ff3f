//! Replaces a file, or leaves it as it was.

use std::io::{self, Write};
use std::path::Path;

/// Writes beside the file and renames over it, so that nobody ever reads half of it; mode and owner are kept, and a
/// link stays a link.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let meta = std::fs::metadata(&path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".ngxc").tempfile_in(directory)?;
    new.write_all(text)?;
    new.as_file().set_permissions(meta.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let ours = new.as_file().metadata()?;
        if (ours.uid(), ours.gid()) != (meta.uid(), meta.gid()) {
            fchown(new.as_file(), Some(meta.uid()), Some(meta.gid()))?;
        }
    }
    new.as_file().sync_all()?;
    new.persist(&path).map_err(|e| e.error)?;
    Ok(())
}

/// Writes a file that may be new.
pub(super) fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    if path.exists() {
        return write(path, text);
    }
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".ngxc").tempfile_in(directory)?;
    new.write_all(text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // A temporary file is private, a file that belongs to a repository is not.
        new.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    new.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Writes a file that only its owner may read, whoever could read the one before.
pub(super) fn create_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Temporary files are private.
    let mut new = tempfile::Builder::new().prefix(".ngxc").tempfile_in(directory)?;
    new.write_all(text)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|e| e.error)?;
    Ok(())
}
