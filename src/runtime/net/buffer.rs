//! Buffers, and the list of free ones that each worker keeps: an idle connection owns none.

use std::cell::RefCell;

/// Room before the body of a response, into which its head is written: both leave in one write.
pub(crate) const HEADROOM: usize = 1 << 10;
/// Size of a buffer behind the headroom.
pub(crate) const SIZE: usize = 16 << 10;
/// Size of a large buffer, for responses that do not fit into an ordinary buffer: few system calls with many bytes cost
/// less than many calls with few bytes.
pub(crate) const LARGE: usize = 64 << 10;
/// Free buffers kept per worker.
const KEPT: usize = 256;
/// Free large buffers kept per worker.
const KEPT_LARGE: usize = 32;

/// A buffer of which `start .. end` is filled.
#[derive(Debug)]
pub(crate) struct Buffer {
    data: Vec<u8>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::of(SIZE)
    }
}

impl Buffer {
    fn of(size: usize) -> Self {
        Self { data: vec![0; HEADROOM + size], start: HEADROOM, end: HEADROOM }
    }

    /// An empty placeholder that owns no memory.
    pub(crate) const fn absent() -> Self {
        Self { data: Vec::new(), start: 0, end: 0 }
    }

    /// All bytes from the beginning to the filled end: positions of a parsed head count from there.
    pub(crate) fn all(&self) -> &[u8] {
        &self.data[..self.end]
    }

    /// The filled part.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.data[self.start..self.end]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// True for a large buffer, and for one that has grown.
    pub(crate) fn is_large(&self) -> bool {
        self.data.len() > HEADROOM + SIZE
    }

    /// Room behind the filled part.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.data[self.end..]
    }

    /// Empties the buffer.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (HEADROOM, HEADROOM);
    }

    /// Drops the filled bytes before `position` and moves the rest down.
    pub(crate) fn forget(&mut self, position: usize) {
        self.data.copy_within(position..self.end, self.start);
        self.end -= position - self.start;
    }

    /// Moves the filled part to the beginning, to have more room behind it.
    pub(crate) fn compact(&mut self) {
        if self.start > HEADROOM {
            self.data.copy_within(self.start..self.end, HEADROOM);
            self.end -= self.start - HEADROOM;
            self.start = HEADROOM;
        }
    }

    /// Grows up to `limit` bytes of content.
    pub(crate) fn grow(&mut self, limit: usize) {
        let size = (self.data.len() * 2).min(HEADROOM + limit);
        self.data.resize(size.max(self.data.len()), 0);
    }

    /// Puts `text` behind the filled part.
    pub(crate) fn append(&mut self, text: &[u8]) {
        let end = self.end + text.len();
        if end > self.data.len() {
            self.data.resize(end, 0);
        }
        self.data[self.end..end].copy_from_slice(text);
        self.end = end;
    }

    /// Puts `text` before the filled part; false if there is no room.
    pub(crate) fn prepend(&mut self, text: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(text.len()) else { return false };
        self.data[start..self.start].copy_from_slice(text);
        self.start = start;
        true
    }
}

/// The free buffers of a worker.
#[derive(Debug, Default)]
pub(crate) struct FreeList {
    free: RefCell<Vec<Buffer>>,
    large: RefCell<Vec<Buffer>>,
}

impl FreeList {
    /// An empty buffer.
    pub(crate) fn take(&self) -> Buffer {
        self.free.borrow_mut().pop().unwrap_or_default()
    }

    /// An empty large buffer.
    pub(crate) fn take_large(&self) -> Buffer {
        self.large.borrow_mut().pop().unwrap_or_else(|| Buffer::of(LARGE))
    }

    /// Takes a buffer back, unless it has grown.
    pub(crate) fn give(&self, mut buffer: Buffer) {
        let (free, most) = match buffer.data.len().checked_sub(HEADROOM) {
            Some(SIZE) => (&self.free, KEPT),
            Some(LARGE) => (&self.large, KEPT_LARGE),
            _ => return,
        };
        let mut free = free.borrow_mut();
        if free.len() < most {
            buffer.clear();
            free.push(buffer);
        }
    }
}
