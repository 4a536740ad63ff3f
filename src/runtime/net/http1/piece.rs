//! A part of a buffer by position, so that a parsed head can move with its buffer.

/// Bytes `start .. end` of the buffer it was parsed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Piece {
    /// The part; an empty one, never another one, behind 4 GiB.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let position = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: position(start), end: position(end) }
    }

    /// The bytes; `buffer` is the one it was parsed from.
    pub(crate) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }
}
