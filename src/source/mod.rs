//! Source text: the files a configuration is made of, places in them, and the only way to open them.
//!
//! Text is bytes, as nginx reads it: a comment in latin-1 is not an error.

pub mod encoding;
mod glob;
mod pattern;
pub mod shipped;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

/// Largest file a [`Loader`] reads, in bytes. Offsets are `u32`, so this must stay below 4 GiB.
pub const MAX_FILE_SIZE: u64 = 256 << 20;

/// One file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(u32);

impl FileId {
    /// Position of the file in its [`SourceMap`], from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start: start as u32, end: end as u32 }
    }

    /// Range from the start of `self` to the end of `other`, both in one file.
    #[must_use]
    pub fn to(self, other: Span) -> Self {
        Self { end: other.end, ..self }
    }

    /// Empty range at the end of `self`: the place of missing text.
    #[must_use]
    pub fn after(self) -> Self {
        Self { start: self.end, ..self }
    }

    /// The offsets as a range for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Line and column for a message; both count from 1, columns count characters (a byte that is not UTF-8 counts as one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line number.
    pub line: u32,
    /// Column number.
    pub column: u32,
}

/// A file with its text.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as nginx would print it: as given on the command line, or joined to the prefix.
    pub path: PathBuf,
    /// The bytes of the file; shared with the syntax tree made from it.
    pub text: Arc<[u8]>,
    line_starts: OnceLock<Vec<u32>>,
    /// Values that were filled in (templates): in the file as written, other text stands in their place.
    filled: Vec<Filled>,
}

/// Filled-in value: its offset, its length, and the length of the replaced text in the file.
#[derive(Clone, Copy, Debug)]
struct Filled {
    at: u32,
    length: u32,
    written: u32,
}

impl SourceFile {
    /// File name for messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn line_starts(&self) -> &[u32] {
        // Computed for the first message only: a clean configuration never pays.
        self.line_starts.get_or_init(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', &self.text).map(|i| i as u32 + 1)).collect()
        })
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let starts = self.line_starts();
        let line = starts.partition_point(|&s| s <= offset) - 1;
        let before = &self.text[starts[line] as usize..(offset as usize).min(self.text.len())];
        let column = characters(before) + 1;
        Position { line: line as u32 + 1, column: self.written_column(starts[line], offset, column) }
    }

    /// Column in the file as written; a place inside a filled-in value becomes the place of the replaced text.
    fn written_column(&self, line: u32, offset: u32, mut column: u32) -> u32 {
        let first = self.filled.partition_point(|f| f.at < line);
        for filled in self.filled[first..].iter().take_while(|f| f.at < offset) {
            let end = (filled.at + filled.length).min(offset).min(self.text.len() as u32);
            column -= characters(&self.text[filled.at as usize..end as usize]);
            if filled.at + filled.length <= offset {
                column += filled.written;
            }
        }
        column
    }

    /// True if values were filled in: the text then differs from the file's.
    pub fn is_filled(&self) -> bool {
        !self.filled.is_empty()
    }

    /// Offset of the first byte of a line (counted from 1); the end of the text past the last line.
    pub fn line_start(&self, line: u32) -> usize {
        self.line_starts().get(line as usize - 1).map_or(self.text.len(), |&start| start as usize)
    }

    /// The bytes of a line (counted from 1) without its line end; empty past the end.
    pub fn line(&self, line: u32) -> &[u8] {
        let starts = self.line_starts();
        let Some(&start) = starts.get(line as usize - 1) else { return &[] };
        let end = starts.get(line as usize).map_or(self.text.len(), |&e| e as usize - 1);
        let text = &self.text[start as usize..end];
        text.strip_suffix(b"\r").unwrap_or(text)
    }
}

fn characters(bytes: &[u8]) -> u32 {
    bytes.utf8_chunks().map(|c| c.valid().chars().count() + c.invalid().len()).sum::<usize>() as u32
}

/// All files of one configuration.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<[u8]>>) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(SourceFile {
            path: path.into(),
            text: text.into(),
            line_starts: OnceLock::new(),
            filled: Vec::new(),
        });
        id
    }

    /// Records a filled-in value at an offset, in place of `written` bytes. Calls are in order of the offsets; a value
    /// has no line break.
    pub(crate) fn set_filled(&mut self, id: FileId, at: u32, length: u32, written: u32) {
        self.files[id.index()].filled.push(Filled { at, length, written });
    }

    /// Gives a file another name for messages.
    pub fn rename(&mut self, id: FileId, path: impl Into<PathBuf>) {
        self.files[id.index()].path = path.into();
    }

    /// File of an id that this map gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// Every file, in the order they were read.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), f))
    }

    /// Bytes that a span covers.
    pub fn text(&self, span: Span) -> &[u8] {
        &self.file(span.file).text[span.range()]
    }

    /// Position of a span's start.
    pub fn position(&self, span: Span) -> Position {
        self.file(span.file).position(span.start)
    }

    /// `path:line`, as nginx ends its messages.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}", self.file(span.file).name(), self.position(span).line)
    }
}

/// Opener of configuration files; nothing else in the crate opens one.
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

fn paths(directories: &dyn glob::Directories, pattern: &Path) -> Vec<PathBuf> {
    let found = glob::glob(directories, pattern.as_os_str().as_encoded_bytes());
    found.iter().map(|path| os_path(path)).collect()
}

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

/// True if a name matches a pattern of `*`, `?` and `[…]` with the rules of fnmatch(3) without flags: the wildcards
/// match slashes and dots too.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    pattern::matches_any(pattern, name)
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
