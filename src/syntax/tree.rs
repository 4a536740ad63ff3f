//! Tree of one file: flat, in source order, with every byte of the text accounted for.
//!
//! Words and items lie in two vectors. The descendants of a directive follow it directly, so the children of a block are a
//! range of the items.

use std::ops::Range;
use std::sync::Arc;

use crate::source::{FileId, Span};

/// The syntax of one file.
pub struct Tree {
    pub(super) file: FileId,
    pub(super) text: Arc<[u8]>,
    pub(super) words: Vec<WordData>,
    pub(super) items: Vec<ItemData>,
}

/// Stored item. Offsets and positions are `u32`: a file is at most [`crate::source::MAX_FILE_SIZE`] long.
#[derive(Clone, Copy)]
pub(super) enum ItemData {
    Directive(DirectiveData),
    Comment { start: u32, end: u32 },
    Skipped { start: u32, end: u32 },
}

#[derive(Clone, Copy)]
pub(super) struct DirectiveData {
    pub(super) first_word: u32,
    pub(super) end_word: u32,
    /// Offset of the `;` or `{`, or of a missing terminator's place: after the last word.
    pub(super) at: u32,
    /// Offset of the closing `}`, [`NOWHERE`] if there is none.
    pub(super) close: u32,
    /// Position after the last descendant.
    pub(super) next: u32,
    pub(super) terminator: Terminator,
    /// The body is Lua source instead of items.
    pub(super) lua: bool,
}

pub(super) const NOWHERE: u32 = u32::MAX;

const _: () = assert!(size_of::<ItemData>() == 24 && size_of::<WordData>() == 8);

/// Terminator of a directive's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// `;`
    Semicolon,
    /// `{`
    Block,
    /// No terminator: a syntax error has been reported.
    Missing,
}

/// Word in eight bytes: its offset, its length, and the lexer's flags.
#[derive(Clone, Copy)]
pub(super) struct WordData {
    start: u32,
    /// Length in the upper 29 bits (files end at 2^28 bytes), then the three flags.
    bits: u32,
}

/// The word has a backslash.
pub(super) const ESCAPES: u32 = 1;
/// The word starts with a quote.
pub(super) const QUOTED: u32 = 2;
/// The quote is never closed.
pub(super) const UNTERMINATED: u32 = 4;
const FLAG_BITS: u32 = 3;

impl WordData {
    pub(super) fn new(start: usize, end: usize, flags: u32) -> Self {
        Self { start: start as u32, bits: ((end - start) as u32) << FLAG_BITS | flags }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end()
    }

    pub(super) fn end(self) -> usize {
        self.start as usize + (self.bits >> FLAG_BITS) as usize
    }

    pub(super) fn has(self, flag: u32) -> bool {
        self.bits & flag != 0
    }
}

impl Tree {
    /// File of the tree.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Text of the tree.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }
}
