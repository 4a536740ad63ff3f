//! A file that appears under its name when it is complete (`ngx_ext_rename_file`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::SystemTime;

/// The file; it is removed unless it is completed.
#[derive(Debug)]
pub(crate) struct Writer {
    file: Rc<File>,
    temporary: Option<PathBuf>,
    length: u64,
}

impl Writer {
    /// A new file; its directories are made when they are missing.
    pub(crate) fn create(temporary: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&temporary).or_else(|error| {
            match (error.kind(), temporary.parent()) {
                (io::ErrorKind::NotFound, Some(directory)) => std::fs::create_dir_all(directory)?,
                // Left by a program that ended.
                (io::ErrorKind::AlreadyExists, _) => std::fs::remove_file(&temporary)?,
                _ => return Err(error),
            }
            options.open(&temporary)
        })?;
        Ok(Self { file: Rc::new(file), temporary: Some(temporary), length: 0 })
    }

    /// Adds to it.
    pub(crate) fn append(&mut self, data: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(data)?;
        self.length += data.len() as u64;
        Ok(())
    }

    /// The file, which can be read as far as it has been written.
    pub(crate) fn file(&self) -> &Rc<File> {
        &self.file
    }

    /// Bytes that have been written.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Gives it its name; its length.
    pub(crate) fn complete(mut self, name: &std::path::Path) -> io::Result<u64> {
        if let Some(temporary) = &self.temporary {
            std::fs::rename(temporary, name)?;
        }
        self.temporary = None;
        Ok(self.length)
    }

    /// Permissions, and the time of the last change if it is known.
    pub(crate) fn stamp(&self, mode: u32, modified: Option<SystemTime>) -> io::Result<()> {
        self.file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        modified.map_or(Ok(()), |time| self.file.set_modified(time))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // An error of the removal has no receiver.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
