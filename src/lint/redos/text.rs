//! The shape of a text that a client chooses.

use super::set::Bytes;

/// A text that a client chooses, with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    /// The text before the client's part.
    pub(in crate::lint) before: Vec<u8>,
    /// The bytes that the client's part can contain.
    pub(in crate::lint) bytes: Bytes,
    /// The text behind the client's part.
    pub(in crate::lint) after: Vec<u8>,
    /// Bytes that the client has to escape, three bytes for one.
    pub(in crate::lint) escaped: Bytes,
    /// True if it is a path that nginx has normalized: no `/./`, no `/../`, and no `//` unless slashes are left.
    pub(in crate::lint) path: bool,
    /// Patterns that the text matches, each with whether case does not matter: those of the locations around.
    pub(in crate::lint) matching: Vec<(String, bool)>,
    /// The most bytes that the client can send for it.
    pub(in crate::lint) longest: usize,
}

impl Text {
    /// Any text of at most so many bytes.
    pub fn any(longest: usize) -> Self {
        let (before, after) = (Vec::new(), Vec::new());
        Self {
            before,
            bytes: Bytes::ALL,
            after,
            escaped: Bytes::NONE,
            path: false,
            matching: Vec::new(),
            longest,
        }
    }

    /// Text without some bytes.
    pub fn without(longest: usize, bytes: &[u8]) -> Self {
        Self { bytes: Bytes::ALL.without(bytes), ..Self::any(longest) }
    }

    /// The decoded path of a request.
    pub fn path(longest: usize) -> Self {
        // The bytes that a request line takes as they are: the rest has to be escaped.
        let raw = Bytes::range(0x21, 0xff).without(b"%?#\x7f");
        Self {
            before: b"/".to_vec(),
            bytes: Bytes::ALL.without(b"\0"),
            escaped: raw.not(),
            path: true,
            ..Self::any(longest)
        }
    }

    /// True if it can be such a text, of which the client chose its part from the right bytes.
    pub(super) fn is_possible(&self, text: &[u8]) -> bool {
        let has = |part: &[u8]| memchr::memmem::find(text, part).is_some();
        !self.path
            || !has(b"//")
                && !has(b"/./")
                && !has(b"/../")
                && !text.ends_with(b"/.")
                && !text.ends_with(b"/..")
    }

    /// The number of bytes that the client sends for a text.
    pub(super) fn sent(&self, text: &[u8]) -> usize {
        text.iter().map(|byte| if self.escaped.has(*byte) { 3 } else { 1 }).sum()
    }
}

/// A part of a text for reading: in backticks, with escapes for what cannot be read.
pub fn shown(text: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..=0x7e => char::from(*byte).to_string(),
        other => format!("\\x{other:02x}"),
    };
    format!("`{}`", text.iter().map(byte).collect::<String>())
}
