//! A request body that is too long for its buffer, in a temporary file (`ngx_create_temp_file`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;

/// The file; it is deleted with the request unless it is to stay.
#[derive(Debug)]
pub(crate) struct BodyFile {
    file: File,
    path: PathBuf,
    length: u64,
    stays: bool,
}

impl BodyFile {
    /// A new file of that number; its directories are made when they are missing.
    pub(crate) fn create(
        mut directory: PathBuf,
        levels: &[usize],
        number: u64,
        stays: bool,
    ) -> io::Result<Self> {
        let name = format!("{number:010}");
        let mut end = name.len();
        for level in levels {
            let start = end.saturating_sub(*level);
            directory.push(&name[start..end]);
            end = start;
        }
        let path = directory.join(&name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path).or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            std::fs::create_dir_all(&directory)?;
            options.open(&path)
        })?;
        Ok(Self { file, path, length: 0, stays })
    }

    /// Adds to it.
    pub(crate) fn append(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.length += data.len() as u64;
        Ok(())
    }

    /// Reads from a position on.
    pub(crate) fn read(&self, out: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(out, at)
    }

    /// Fills `out` from a position on.
    pub(crate) fn read_all(&self, out: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(out, at)
    }

    /// The path of the file.
    pub(crate) fn os_path(&self) -> &std::path::Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// `$request_body_file`
    pub(crate) fn path(&self) -> &[u8] {
        use std::os::unix::ffi::OsStrExt;
        self.path.as_os_str().as_bytes()
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if !self.stays {
            // An error of the removal has no receiver.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
