//! A word of a directive: its spelling, and its value as nginx sees it.

use std::borrow::Cow;
use std::fmt;

use super::tree::{ESCAPES, QUOTED, Tree, UNTERMINATED, WordData};
use crate::source::Span;

/// Quotes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quote {
    /// `word`
    None,
    /// `'word'`
    Single,
    /// `"word"`
    Double,
}

/// Word: the name of a directive or one of its arguments.
#[derive(Clone, Copy)]
pub struct Word<'t> {
    tree: &'t Tree,
    data: WordData,
}

impl<'t> Word<'t> {
    pub(super) fn new(tree: &'t Tree, data: WordData) -> Self {
        Self { tree, data }
    }

    /// Span of the word, quotes included.
    pub fn span(self) -> Span {
        self.tree.span(self.data.range())
    }

    /// Text as written, quotes and backslashes included.
    pub fn raw(self) -> &'t [u8] {
        &self.tree.text()[self.data.range()]
    }

    /// Text between the quotes, or the whole word; backslashes included.
    pub fn content(self) -> &'t [u8] {
        let raw = self.raw();
        match (self.data.has(QUOTED), self.data.has(UNTERMINATED)) {
            (false, _) => raw,
            (true, false) => &raw[1..raw.len() - 1],
            (true, true) => &raw[1..],
        }
    }

    /// Text that nginx passes to the directive: quotes removed, escapes resolved.
    pub fn value(self) -> Cow<'t, [u8]> {
        let content = self.content();
        if self.data.has(ESCAPES) { Cow::Owned(unescape(content)) } else { Cow::Borrowed(content) }
    }

    /// True if [`value`](Self::value) equals `text`.
    pub fn is(self, text: impl AsRef<[u8]>) -> bool {
        let text = text.as_ref();
        if self.data.has(ESCAPES) { unescape(self.content()) == text } else { self.content() == text }
    }

    /// Quotes of the word.
    pub fn quote(self) -> Quote {
        match (self.data.has(QUOTED), self.raw().first()) {
            (true, Some(b'\'')) => Quote::Single,
            (true, _) => Quote::Double,
            (false, _) => Quote::None,
        }
    }

    /// True if a backslash makes [`value`](Self::value) differ from [`content`](Self::content).
    pub fn has_escapes(self) -> bool {
        self.data.has(ESCAPES)
    }
}

impl fmt::Display for Word<'_> {
    /// The value, with � for bytes that are not UTF-8.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.value()))
    }
}

impl fmt::Debug for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", ShownText(self.raw()))
    }
}

/// Text on one line: control characters escaped, � for bytes that are not UTF-8.
pub(super) struct ShownText<'t>(pub(super) &'t [u8]);

impl fmt::Display for ShownText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in String::from_utf8_lossy(self.0).chars() {
            if c.is_control() || c == '\u{feff}' {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Resolves backslashes like the copying loop of `ngx_conf_read_token`, the same in all three forms: `\" \' \\ \t \r
/// \n` convert, any other backslash stays.
fn unescape(content: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(i) = memchr::memchr(b'\\', rest) {
        value.extend_from_slice(&rest[..i]);
        let converted = match rest.get(i + 1) {
            Some(&c @ (b'"' | b'\'' | b'\\')) => Some(c),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'n') => Some(b'\n'),
            _ => None,
        };
        value.push(converted.unwrap_or(b'\\'));
        rest = &rest[i + 1 + usize::from(converted.is_some())..];
    }
    value.extend_from_slice(rest);
    value
}

/// Consecutive words of one directive.
#[derive(Clone)]
pub struct Words<'t> {
    tree: &'t Tree,
    data: std::slice::Iter<'t, WordData>,
}

impl<'t> Words<'t> {
    pub(super) fn new(tree: &'t Tree, data: &'t [WordData]) -> Self {
        Self { tree, data: data.iter() }
    }

    /// Word at a position among the remaining ones.
    pub fn get(&self, index: usize) -> Option<Word<'t>> {
        self.data.as_slice().get(index).map(|&data| Word { tree: self.tree, data })
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        self.data.next().map(|&data| Word { tree: self.tree, data })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.data.size_hint()
    }
}

impl DoubleEndedIterator for Words<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.data.next_back().map(|&data| Word { tree: self.tree, data })
    }
}

impl ExactSizeIterator for Words<'_> {}

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
