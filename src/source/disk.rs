//! The loader of the file system, and standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::loader::{Loader, MAX_FILE_SIZE, paths};
use super::path::os_path;
use super::{glob, shipped};

/// A text of standard input, and how often it is to be given.
static KEPT: Mutex<Option<(Vec<u8>, usize)>> = Mutex::new(None);

/// Gives a text that was read from standard input back: [`Disk`] reads it `times` more.
pub fn put_back(text: Vec<u8>, times: usize) {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, times));
}

fn kept() -> Option<Vec<u8>> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    match kept.as_mut() {
        Some((text, times)) if *times > 1 => {
            *times -= 1;
            Some(text.clone())
        }
        _ => kept.take().map(|(text, _)| text),
    }
}

/// The file system. The path `-` is standard input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Loader for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("-") {
            return kept().map_or_else(|| read_bounded(io::stdin().lock(), 0), Ok);
        }
        read_file(path)
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Asked before the file is opened: the opening of a FIFO waits for a writer.
        let meta = std::fs::metadata(path)?;
        if meta.is_file() || meta.is_dir() {
            return read_file(path);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            let kind = meta.file_type();
            if kind.is_fifo() || kind.is_socket() {
                let kind = if kind.is_fifo() { "FIFO" } else { "socket" };
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a {kind}, not a file")));
            }
        }
        // As nginx, which reads as many bytes as the size says: a device has none.
        Ok(Vec::new())
    }

    fn link_in_tree(&self, path: &Path) -> Option<PathBuf> {
        let target = std::fs::read_link(path).ok().filter(|_| !path.exists())?;
        let below = shipped::below_root(&target)?;
        // The tree is a directory around the link, the nearest that has the file.
        path.ancestors().skip(1).map(|directory| directory.join(below)).find(|file| file.is_file())
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(paths(self, pattern))
    }
}

impl glob::Directories for Disk {
    fn names(&self, directory: &[u8], directories: bool) -> Vec<Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(os_path(directory)) else { return Vec::new() };
        // readdir(3) returns these two, and `.*` matches them.
        let mut names = vec![b".".to_vec(), b"..".to_vec()];
        for entry in entries.flatten() {
            // A link, or an entry of unknown type, may be a directory.
            let is_directory = || match entry.file_type() {
                Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
                Ok(kind) => kind.is_dir(),
                Err(_) => true,
            };
            if !directories || is_directory() {
                names.push(entry.file_name().as_encoded_bytes().to_vec());
            }
        }
        names
    }

    fn exists(&self, path: &[u8]) -> bool {
        os_path(path).symlink_metadata().is_ok()
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        os_path(path).is_dir()
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    read_bounded(file, meta.len())
}

fn read_bounded(from: impl Read, size_hint: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "larger than 256 MiB");
    if size_hint > MAX_FILE_SIZE {
        return Err(too_large());
    }
    let mut text = Vec::with_capacity(size_hint as usize + 1);
    from.take(MAX_FILE_SIZE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE_SIZE { Err(too_large()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn included_files_have_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("file"), "x;").unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("fifo")).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(Disk.read_included(&at("file")).unwrap(), b"x;");
        // The opening of a FIFO would wait for its writer.
        assert_eq!(Disk.read_included(&at("fifo")).unwrap_err().to_string(), "a FIFO, not a file");
        assert_eq!(Disk.read_included(&at("socket")).unwrap_err().to_string(), "a socket, not a file");
        assert_eq!(Disk.read_included(Path::new("/dev/zero")).unwrap(), b"");
        let missing = Disk.read_included(Path::new("-")).unwrap_err().kind();
        assert_eq!(missing, io::ErrorKind::NotFound, "`-` is a file's name, not standard input");
        assert_eq!(Disk.read_included(directory.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
