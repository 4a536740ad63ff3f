//! Source text: the files a configuration is made of, places in them, and the only way to open them.
//!
//! Text is bytes, as nginx reads it: a comment in latin-1 is no error.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

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

    /// From the start of `self` to the end of `other`, both in one file.
    #[must_use]
    pub fn to(self, other: Span) -> Self {
        Self { end: other.end, ..self }
    }

    /// The empty range at the end of `self`: where something is missing.
    #[must_use]
    pub fn after(self) -> Self {
        Self { start: self.end, ..self }
    }

    /// The offsets as a range for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place as a person names it; both numbers count from 1, columns count characters (a byte that is
/// not UTF-8 counts as one).
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
}

impl SourceFile {
    /// Name for messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn line_starts(&self) -> &[u32] {
        // Computed when the first message needs it: a clean configuration never pays.
        self.line_starts.get_or_init(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', &self.text).map(|i| i as u32 + 1)).collect()
        })
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let starts = self.line_starts();
        let line = starts.partition_point(|&s| s <= offset) - 1;
        let before = &self.text[starts[line] as usize..(offset as usize).min(self.text.len())];
        Position { line: line as u32 + 1, column: characters(before) + 1 }
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
        self.files.push(SourceFile { path: path.into(), text: text.into(), line_starts: OnceLock::new() });
        id
    }

    /// The file of an id that this map gave out.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.index()]
    }

    /// Every file, in the order they were read.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u32), f))
    }

    /// The bytes a span covers.
    pub fn text(&self, span: Span) -> &[u8] {
        &self.file(span.file).text[span.range()]
    }

    /// Where a span starts.
    pub fn position(&self, span: Span) -> Position {
        self.file(span.file).position(span.start)
    }

    /// `path:line`, as nginx ends its messages.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}", self.file(span.file).name(), self.position(span).line)
    }
}

/// glob(3) without flags: a pattern does not match `/`, nor a dot that a name begins with.
pub(crate) const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// What opens configuration files. Nothing else in the crate does.
pub trait Loader {
    /// Reads a whole file.
    ///
    /// # Errors
    /// As the operating system says; also for a directory and for a file over [`MAX_FILE_SIZE`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Paths that match a glob pattern with `*`, `?` and `[…]`, in byte order, dot files left out:
    /// glob(3) without flags, as `ngx_open_glob` calls it. Directories are included.
    ///
    /// # Errors
    /// If the pattern is malformed. No match is an empty list.
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>>;
}

/// The file system. The path `-` is standard input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Loader for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("-") {
            return read_bounded(io::stdin().lock(), 0);
        }
        let file = std::fs::File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        read_bounded(file, meta.len())
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let pattern = pattern
            .to_str()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the pattern is not UTF-8"))?;
        let paths =
            glob::glob_with(pattern, GLOB).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let mut paths: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
        paths.sort();
        Ok(paths)
    }
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
        let pattern = glob::Pattern::new(&pattern.to_string_lossy())
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        Ok(self.0.keys().filter(|p| pattern.matches_path_with(p, GLOB)).cloned().collect())
    }
}
