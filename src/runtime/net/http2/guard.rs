//! The frames of a client on their way to h2: header blocks are looked at as a whole, everything else passes.

use std::collections::VecDeque;

use crate::runtime::net::http2::hpack;

/// Length of the preface, which comes before the first frame.
const PREFACE: usize = 24;
const HEAD: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;
/// Most bytes that are held until a block is whole; a longer one passes as it is, and h2 refuses it.
const MOST: usize = 256 << 10;
/// Most lengths of blocks that are noted.
const MOST_BLOCKS: usize = 1024;

/// Progress through the client's bytes: frames pass, header blocks are held until they are whole.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Bytes that pass without a look.
    skip: usize,
    /// The beginning of a frame or of a header block that is not whole yet.
    held: Vec<u8>,
    /// Nothing is looked at any more.
    is_off: bool,
    /// Streams, and the lengths of their header blocks, that nobody has asked for yet.
    blocks: VecDeque<(u32, u64)>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { skip: PREFACE, held: Vec::new(), is_off: false, blocks: VecDeque::new() }
    }
}

impl Guard {
    /// True if the next bytes have to be put behind [`Guard::with_held`].
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Held bytes, followed by the bytes that were read now.
    pub(crate) fn with_held(&mut self, data: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(data);
        all
    }

    /// Length of the header block with which a stream began, as it was compressed.
    pub(crate) fn block_length(&mut self, stream: u32) -> Option<u64> {
        let at = self.blocks.iter().position(|(other, _)| *other == stream)?;
        self.blocks.drain(..=at).last().map(|(_, length)| length)
    }

    /// Looks at bytes; so many of them may pass, and the others are held.
    pub(crate) fn pass(&mut self, data: &mut [u8]) -> usize {
        let mut at = 0;
        while at < data.len() && !self.is_off {
            if self.skip > 0 {
                let n = self.skip.min(data.len() - at);
                (self.skip, at) = (self.skip - n, at + n);
                continue;
            }
            match frame(&data[at..]) {
                Some((length, kind, _)) if kind != HEADERS => self.skip = HEAD + length,
                Some(_) => match block(&data[at..]) {
                    Some(end) => {
                        let length = clean(&mut data[at..at + end]);
                        let stream = stream(&data[at..]);
                        // An ordinary client has far fewer requests that are not served yet.
                        if self.blocks.len() == MOST_BLOCKS {
                            self.blocks.pop_front();
                        }
                        self.blocks.push_back((stream, length));
                        at += end;
                    }
                    None if data.len() - at > MOST => self.is_off = true,
                    None => break,
                },
                None => break,
            }
        }
        if self.is_off {
            return data.len();
        }
        self.held.extend_from_slice(&data[at..]);
        at
    }
}

/// Number of the stream of the frame at the start.
fn stream(data: &[u8]) -> u32 {
    let number = data.get(5..HEAD).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(number.unwrap_or_default()) & (u32::MAX >> 1)
}

/// Length, type and flags of the frame at the start.
fn frame(data: &[u8]) -> Option<(usize, u8, u8)> {
    let head = data.get(..HEAD)?;
    Some((usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]), head[3], head[4]))
}

/// End of the header block that starts with the first frame of `data`; `None`: a part of it is missing.
fn block(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let (length, kind, flags) = frame(&data[at..])?;
        if at > 0 && kind != CONTINUATION {
            // h2 minds it.
            return Some(at);
        }
        at += HEAD + length;
        if at > data.len() {
            return None;
        }
        if flags & END_HEADERS != 0 {
            return Some(at);
        }
    }
}

/// Cleans a header block, the frames of which are all there; its length without heads of frames and padding.
fn clean(frames: &mut [u8]) -> u64 {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some((length, kind, flags)) = frame(&frames[at..]) {
        let (mut start, mut end) = (at + HEAD, at + HEAD + length);
        at = end;
        if kind == HEADERS {
            if flags & PADDED != 0 {
                let padding = frames[start..end].first().map_or(0, |n| usize::from(*n));
                (start, end) = (start + 1, end.saturating_sub(padding));
            }
            start += if flags & PRIORITY != 0 { 5 } else { 0 };
        }
        if start > end {
            // h2 minds it.
            return 0;
        }
        parts.push(start..end);
    }
    let length = parts.iter().map(|part| part.len() as u64).sum();
    if let [whole] = &parts[..] {
        hpack::clean(&mut frames[whole.clone()]);
        return length;
    }
    let mut all = parts.iter().flat_map(|part| &frames[part.clone()]).copied().collect::<Vec<u8>>();
    hpack::clean(&mut all);
    let mut rest = &all[..];
    for part in parts {
        let (this, next) = rest.split_at(part.len());
        frames[part].copy_from_slice(this);
        rest = next;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// All that passes, in whatever pieces it comes.
    fn passed(data: &[u8], size: usize) -> Vec<u8> {
        let (mut guard, mut out) = (Guard::default(), Vec::new());
        for piece in data.chunks(size) {
            let mut all = if guard.holds() { guard.with_held(piece) } else { piece.to_vec() };
            let n = guard.pass(&mut all);
            out.extend_from_slice(&all[..n]);
        }
        out
    }

    #[test]
    fn blocks_are_cleaned_however_they_come() {
        let (bad, good) = (&b"\x00\x01x\x02b\n"[..], &b"\x00\x01x\x02\xff\xff"[..]);
        let text = |block: &[u8]| {
            let padded = [&[2, 0, 0, 0, 0, 7][..], block, &[0, 0]].concat();
            [
                vec![b'p'; PREFACE],
                frame(4, 0, b""),
                frame(HEADERS, END_HEADERS, block),
                frame(0, 0, b"\x00\x01x\x02b\n"),
                frame(HEADERS, END_HEADERS | PADDED | PRIORITY, &padded),
                frame(HEADERS, 0, &block[..1]),
                frame(CONTINUATION, 0, &block[1..4]),
                frame(CONTINUATION, END_HEADERS, &block[4..]),
                frame(6, 0, b"12345678"),
            ]
            .concat()
        };
        for size in [1, 2, 7, 30, 1000] {
            assert_eq!(passed(&text(bad), size), text(good), "{size}");
        }
    }

    #[test]
    fn what_is_broken_passes() {
        let preface = [b'p'; PREFACE];
        for broken in [
            frame(HEADERS, END_HEADERS | PADDED, b"\xff"),
            frame(HEADERS, END_HEADERS | PRIORITY, b"ab"),
            [frame(HEADERS, 0, b"\x00"), frame(6, 0, b"12345678")].concat(),
        ] {
            let data = [&preface[..], &broken].concat();
            assert_eq!(passed(&data, 5), data);
        }
        // A header block without an end is not held for ever.
        let endless =
            [&preface[..], &frame(HEADERS, 0, b""), &frame(CONTINUATION, 0, &[0; 200]).repeat(3000)].concat();
        assert!(passed(&endless, 4096).len() > endless.len() / 2);
    }
}
