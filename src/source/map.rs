//! Source map: the files of one configuration, and places in them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

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
    filled: Vec<FilledValue>,
}

/// Filled-in value: its offset, its length, and the length of the replaced text in the file.
#[derive(Clone, Copy, Debug)]
struct FilledValue {
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
        self.files[id.index()].filled.push(FilledValue { at, length, written });
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
