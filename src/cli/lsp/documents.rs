//! The files that the client has open: their texts come before those on disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use lsp_types::{DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, Uri};

use super::position;
use crate::cli::paths;
use crate::source::{Disk, Loader};

/// Length in bytes of the largest file that is judged: an analysis should end before the next keystroke, and has some
/// twenty times the length in memory.
const MAX_LENGTH: usize = 16 << 20;

/// A file that the client has open.
pub(super) struct Document {
    pub(super) uri: Uri,
    /// Path as the client names it.
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// The text changed since the last analysis.
    pub(super) is_changed: bool,
    /// Number that the client gives each state of the text.
    pub(super) version: i32,
}

/// Open files by [`paths::identity`].
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<PathBuf, Document>,
}

impl Documents {
    pub(super) fn open(&mut self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        // A document that is no file (`untitled:`) has no place among includes.
        let Some(path) = path(&document.uri) else { return };
        let (uri, text, version) = (document.uri, document.text, document.version);
        self.open.insert(paths::identity(&path), Document { uri, path, text, version, is_changed: true });
    }

    /// Changes a text; true if an `include` is among the text that came or went, so that other files may belong to the
    /// configuration.
    pub(super) fn change(&mut self, params: DidChangeTextDocumentParams) -> bool {
        let includes = |text: &str| memchr::memmem::find_iter(text.as_bytes(), b"include").count();
        let Some(document) =
            path(&params.text_document.uri).and_then(|path| self.open.get_mut(&paths::identity(&path)))
        else {
            return false;
        };
        let before = includes(&document.text);
        let mut is_near = false;
        for change in params.content_changes {
            let Some(range) = change.range else {
                document.text = change.text;
                continue;
            };
            let start = position::in_text(&document.text, range.start);
            let end = position::in_text(&document.text, range.end).max(start);
            document.text.replace_range(start..end, &change.text);
            let line = document.text[..start].rfind('\n').map_or(0, |at| at + 1);
            is_near |= document.text[line..].lines().next().is_some_and(|line| line.contains("include"));
        }
        document.version = params.text_document.version;
        document.is_changed = true;
        is_near || includes(&document.text) != before
    }

    pub(super) fn close(&mut self, params: &DidCloseTextDocumentParams) {
        if let Some(path) = path(&params.text_document.uri) {
            self.open.remove(&paths::identity(&path));
        }
    }

    /// Notes that an analysis has all texts.
    pub(super) fn settle(&mut self) {
        self.open.values_mut().for_each(|document| document.is_changed = false);
    }

    /// The open file of a URI.
    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.of_path(&path(uri)?)
    }

    /// The open file of a path.
    pub(super) fn of_path(&self, path: &Path) -> Option<&Document> {
        self.open.get(&paths::identity(path))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Document> {
        self.open.values()
    }

    /// URI of a path: as the client names it if the file is open.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.of_path(path) {
            Some(document) => Some(document.uri.clone()),
            None => uri(path),
        }
    }
}

impl Documents {
    /// The text of a file: that of the client if the file is open.
    fn text(&self, path: &Path, disk: impl FnOnce(&Path) -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
        let text = match self.of_path(path) {
            Some(document) => document.text.clone().into_bytes(),
            None => disk(path)?,
        };
        if text.len() > MAX_LENGTH {
            let text = "larger than 16 MiB, which is too much to be judged while it is written; \
                        `ngxc lint` judges the file";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(text)
    }
}

impl Loader for Documents {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.text(path, |path| Disk.read(path))
    }

    fn read_included(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.text(path, |path| Disk.read_included(path))
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.glob(pattern)
    }

    fn link_in_tree(&self, path: &Path) -> Option<PathBuf> {
        Disk.link_in_tree(path)
    }
}

/// Path of a `file:` URI.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    uri.scheme().filter(|scheme| scheme.as_str() == "file")?;
    let bytes = uri.path().as_estr().decode().into_bytes();
    Some(crate::source::os_path(&bytes))
}

/// `file:` URI of a path.
fn uri(path: &Path) -> Option<Uri> {
    let mut text = String::from("file://");
    for &byte in paths::absolute(path).as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris_are_each_other() {
        for name in ["/etc/nginx/nginx.conf", "/a b/é#?%20.conf"] {
            let uri = uri(Path::new(name)).unwrap();
            assert_eq!(path(&uri).as_deref(), Some(Path::new(name)), "{}", uri.as_str());
        }
        assert_eq!(path(&"untitled:Untitled-1".parse().unwrap()), None);
    }
}
