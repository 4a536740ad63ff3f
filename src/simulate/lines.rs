//! Lines of logs and key lists: plain or gzip, any number of gigabytes, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

/// Longest line in bytes; longer ones are counted and skipped.
pub const MAX_LINE: usize = 64 << 10;

/// Size of one read in bytes.
const BLOCK: usize = 1 << 20;

/// Decompresses gzip, recognised by its first bytes, also with several members.
///
/// # Errors
/// If reading fails.
pub fn decompressed<'r>(input: impl Read + Send + 'r) -> io::Result<Box<dyn Read + Send + 'r>> {
    let mut input = BufReader::with_capacity(64 << 10, input);
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    Ok(Box::new(input))
}

/// Calls `see` with blocks of whole lines in order; the last may lack its line end. A line longer than a block is cut,
/// and its rest is dropped.
///
/// # Errors
/// If reading fails; `see` has had the blocks before.
pub fn blocks(input: impl Read, see: impl FnMut(Vec<u8>)) -> io::Result<()> {
    blocks_in(input, Vec::new, see)
}

/// The same in memory that `spare` gives, empty and of any capacity.
///
/// # Errors
/// If reading fails; `see` has had the blocks before.
pub fn blocks_in(
    mut input: impl Read,
    mut spare: impl FnMut() -> Vec<u8>,
    mut see: impl FnMut(Vec<u8>),
) -> io::Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    let mut is_cut = false;
    loop {
        let mut block = spare();
        block.reserve(BLOCK + rest.len());
        block.append(&mut rest);
        let before = block.len();
        let read = input.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let ended = block.len() == before;
        if is_cut && !ended {
            let Some(end) = memchr::memchr(b'\n', &block) else { continue };
            block.drain(..=end);
            is_cut = false;
        }
        if ended || read.is_err() {
            if !block.is_empty() {
                see(block);
            }
            return read.map(|_| ());
        }
        if let Some(end) = memchr::memrchr(b'\n', &block) {
            rest.extend_from_slice(&block[end + 1..]);
            block.truncate(end + 1);
        } else if block.len() > MAX_LINE {
            is_cut = true;
        } else {
            rest = block;
            continue;
        }
        see(block);
    }
}

/// Calls `see` with each line of a block, without line feed and carriage return; `None` for a line longer than
/// [`MAX_LINE`].
#[inline]
pub fn of_block<'b>(block: &'b [u8], mut see: impl FnMut(Option<&'b [u8]>)) {
    let mut start = 0;
    while start < block.len() {
        let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |n| start + n);
        let line = &block[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        see((line.len() <= MAX_LINE).then_some(line));
        start = end + 1;
    }
}

/// Calls `see` with each line.
///
/// # Errors
/// If reading fails; `see` has had the lines before.
pub fn each(input: impl Read, mut see: impl FnMut(Option<&[u8]>)) -> io::Result<()> {
    blocks(input, |block| of_block(&block, &mut see))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut all = Vec::new();
        each(decompressed(bytes).unwrap(), |line| all.push(line.map(<[u8]>::to_vec))).unwrap();
        all
    }

    #[test]
    fn lines_of_plain_and_compressed_text() {
        let text = b"a\r\n\nb\xff\nlast";
        let expected: Vec<_> = [&b"a"[..], b"", b"b\xff", b"last"].iter().map(|l| Some(l.to_vec())).collect();
        assert_eq!(lines(text), expected);
        let mut packed = Vec::new();
        for part in text.chunks(5) {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            packed.extend(encoder.finish().unwrap());
        }
        assert_eq!(lines(&packed), expected);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn many_blocks_are_one_text() {
        let mut text = Vec::new();
        for i in 0..400_000 {
            text.extend(format!("line {i}\n").bytes());
        }
        let all = lines(&text);
        assert_eq!(all.len(), 400_000);
        assert!(all.iter().enumerate().all(|(i, l)| l.as_deref() == Some(format!("line {i}").as_bytes())));
    }

    #[test]
    fn long_lines_are_passed_over() {
        let mut text = vec![b'x'; 3 * BLOCK];
        text.extend(b"tail\nshort\n");
        assert_eq!(lines(&text), [None, Some(b"short".to_vec())]);
    }

    #[test]
    fn a_broken_archive_is_an_error_after_what_was_read() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(b"one\ntwo\n").unwrap();
        let mut packed = encoder.finish().unwrap();
        packed.truncate(packed.len() - 4);
        let mut seen = 0;
        assert!(each(decompressed(&packed[..]).unwrap(), |_| seen += 1).is_err());
        assert_eq!(seen, 2);
    }
}
