//! Places in the protocol, lines and UTF-16 code units, and places in files.

use lsp_types::{Position, Range};

use crate::source::{SourceFile, SourceMap, Span};

/// Range of a span. Of a template with filled-in values it is the range of the text as written.
pub(super) fn range(sources: &SourceMap, span: Span) -> Range {
    let file = sources.file(span.file);
    Range::new(of_offset(file, span.start), of_offset(file, span.end.max(span.start)))
}

/// Position of an offset.
pub(super) fn of_offset(file: &SourceFile, offset: u32) -> Position {
    let place = file.position(offset);
    let start = file.line_start(place.line);
    let before = &file.text[start..(offset as usize).clamp(start, file.text.len())];
    let units = if file.is_filled() {
        // The text between is not the one that the client has; its columns count characters.
        place.column - 1
    } else {
        units(before)
    };
    Position::new(place.line - 1, units)
}

/// Offset of a position in a file.
pub(super) fn to_offset(file: &SourceFile, position: Position) -> u32 {
    let start = file.line_start(position.line.saturating_add(1));
    let line = file.line(position.line.saturating_add(1));
    if file.is_filled() {
        let column = position.character + 1;
        let inside = (start..=start + line.len()).rev();
        return inside
            .map(|offset| offset as u32)
            .find(|offset| file.position(*offset).column <= column)
            .unwrap_or(start as u32);
    }
    (start + bytes(line, position.character)) as u32
}

/// UTF-16 code units of a text; a byte that is not UTF-8 counts as the character that editors show for it.
fn units(text: &[u8]) -> u32 {
    if text.is_ascii() {
        return text.len() as u32;
    }
    String::from_utf8_lossy(text).encode_utf16().count() as u32
}

/// Number of bytes of a line before a code unit; all bytes if the line has fewer units.
fn bytes(line: &[u8], character: u32) -> usize {
    let mut left = character as usize;
    let mut at = 0;
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left < c.len_utf16() {
                return at;
            }
            left -= c.len_utf16();
            at += c.len_utf8();
        }
        if !chunk.invalid().is_empty() {
            if left == 0 {
                return at;
            }
            left -= 1;
            at += chunk.invalid().len();
        }
    }
    at
}

/// Offset of a position in the text of an open document; a position behind the end of its line is the end of the line.
pub(super) fn in_text(text: &str, position: Position) -> usize {
    let mut start = 0;
    for _ in 0..position.line {
        match memchr::memchr(b'\n', &text.as_bytes()[start..]) {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line = &text.as_bytes()[start..];
    let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
    start + bytes(line, position.character)
}

/// Position of an offset in the text of an open document.
pub(super) fn of_text(text: &str, offset: usize) -> Position {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    Position::new(memchr::memchr_iter(b'\n', before).count() as u32, units(&before[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_as_the_protocol_counts_them() {
        let text = "a\né𝄞b\r\n";
        let mut sources = SourceMap::default();
        let id = sources.add("a", text.as_bytes().to_vec());
        let file = sources.file(id);
        for (offset, line, character) in [(0, 0, 0), (2, 1, 0), (4, 1, 1), (8, 1, 3), (9, 1, 4), (11, 2, 0)] {
            let position = Position::new(line, character);
            assert_eq!((of_text(text, offset), of_offset(file, offset as u32)), (position, position));
            assert_eq!((in_text(text, position), to_offset(file, position) as usize), (offset, offset));
        }
        // A position in the middle of a surrogate pair, and those that are not in the text.
        assert_eq!(in_text(text, Position::new(1, 2)), 4);
        assert_eq!(in_text(text, Position::new(0, 9)), 1);
        assert_eq!((in_text(text, Position::new(9, 9)), to_offset(file, Position::new(9, 9))), (11, 11));
    }

    #[test]
    fn a_byte_that_is_no_text_is_one_character() {
        let mut sources = SourceMap::default();
        let id = sources.add("a", b"# \xff\xfe x".to_vec());
        assert_eq!(of_offset(sources.file(id), 5), Position::new(0, 5));
        assert_eq!(to_offset(sources.file(id), Position::new(0, 5)), 5);
    }
}
