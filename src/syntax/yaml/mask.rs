//! The text of a scalar in the places of the file: as nginx would read it, in as many bytes as it is written in.
//!
//! An escape is longer than what it stands for. What is left over becomes blank where the word ends, so that a word begins
//! where it is written and no word becomes another.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

/// A block of `>`: lines of the same depth are one.
pub(super) fn folded(written: &[u8], indent: usize, into: &mut [u8]) {
    into.copy_from_slice(written);
    let depth = |line: &[u8]| line.iter().take_while(|&&b| b == b' ').count();
    let mut at = 0;
    let lines: Vec<&[u8]> = written.split(|&b| b == b'\n').collect();
    for pair in lines.windows(2) {
        at += pair[0].len();
        let folds =
            |line: &[u8]| depth(line) == indent && !line.trim_ascii().is_empty() && line[indent] != b'\t';
        if folds(pair[0]) && folds(pair[1]) {
            into[at] = b' ';
        }
        at += 1;
    }
}

/// A scalar in quotes, or a plain one.
pub(super) fn flow(written: &[u8], style: ScalarStyle, into: &mut [u8]) {
    let is_quoted = style != ScalarStyle::Plain;
    let (mut rest, end) = if is_quoted { (1, written.len().saturating_sub(1)) } else { (0, written.len()) };
    let mut out = Out { into, at: rest, left_over: 0, word: Word::Between };
    while rest < end {
        let (decoded, taken) = match written[rest] {
            b'\\' if style == ScalarStyle::DoubleQuoted => escape(&written[rest..end]),
            b'\'' if style == ScalarStyle::SingleQuoted => (Decoded::of(b"'"), 2),
            b' ' | b'\t' | b'\r' | b'\n' => blanks(&written[rest..end]),
            byte => (Decoded::of(&[byte]), 1),
        };
        let taken = taken.min(end - rest);
        out.put(decoded.bytes(), taken);
        rest += taken;
    }
    out.pad();
}

/// A text as compose interpolates it: `$$` is `$`, a name with a value is its value, and `${NAME:-value}` that value. The
/// places of the other names are returned; only the one who starts the containers knows them.
pub(super) fn interpolated(
    written: &[u8],
    value: impl Fn(&str) -> Option<Vec<u8>>,
    into: &mut [u8],
) -> Vec<Range<usize>> {
    let mut out = Out { into, at: 0, left_over: 0, word: Word::Between };
    let mut places = Vec::new();
    let mut rest = 0;
    while rest < written.len() {
        let Some(Name { own: name, length, or_else }) = name(&written[rest..]) else {
            let taken = if written[rest..].starts_with(b"$$") { 2 } else { 1 };
            out.put(&written[rest..=rest], taken);
            rest += taken;
            continue;
        };
        let known = std::str::from_utf8(name).ok().and_then(&value).or_else(|| or_else.map(<[u8]>::to_vec));
        if let Some(known) = known.filter(|known| known.len() <= length) {
            out.put(&known, length);
        } else {
            let start = out.at;
            out.put(&vec![b'0'; length], length);
            places.push(start..out.at);
        }
        rest += length;
    }
    out.pad();
    places
}

/// `$NAME` or `${NAME…}`.
struct Name<'t> {
    own: &'t [u8],
    /// Of the whole place.
    length: usize,
    /// The value that stands behind the name.
    or_else: Option<&'t [u8]>,
}

/// The name that a text begins with, in the forms of compose.
fn name(text: &[u8]) -> Option<Name<'_>> {
    let inside = text.strip_prefix(b"$")?;
    let braces = inside.strip_prefix(b"{");
    let rest = braces.unwrap_or(inside);
    let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let (name, behind) = rest.split_at(length);
    if name.first().is_none_or(u8::is_ascii_digit) {
        return None;
    }
    if braces.is_none() {
        return Some(Name { own: name, length: 1 + length, or_else: None });
    }
    let line = &behind[..memchr::memchr(b'\n', behind).unwrap_or(behind.len())];
    let (mut depth, mut end) = (0_usize, None);
    for (n, byte) in line.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                end = Some(n);
                break;
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    let end = end?;
    let or_else = behind[..end].strip_prefix(b":").unwrap_or(&behind[..end]).strip_prefix(b"-");
    Some(Name {
        own: name,
        length: 2 + length + end + 1,
        or_else: or_else.filter(|value| !value.contains(&b'$')),
    })
}

/// At most four bytes.
struct Decoded([u8; 4], usize);

impl Decoded {
    fn of(bytes: &[u8]) -> Self {
        let mut own = [0; 4];
        own[..bytes.len()].copy_from_slice(bytes);
        Self(own, bytes.len())
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// Blanks, and what a line break among them stands for: a blank, or one line break for every further one.
fn blanks(text: &[u8]) -> (Decoded, usize) {
    let length = text.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
    match memchr::memchr_iter(b'\n', &text[..length]).count() {
        0 => (Decoded::of(&text[..1]), 1),
        1 => (Decoded::of(b" "), length),
        // However many: empty lines mean nothing to nginx.
        _ => (Decoded::of(b"\n"), length),
    }
}

/// Escape that begins with a backslash, and its length in bytes.
fn escape(text: &[u8]) -> (Decoded, usize) {
    let hexadecimal = |digits: usize| {
        let number = text.get(2..2 + digits).and_then(|d| std::str::from_utf8(d).ok());
        let character = number.and_then(|n| u32::from_str_radix(n, 16).ok()).and_then(char::from_u32);
        let mut bytes = [0; 4];
        let length = character.unwrap_or('?').encode_utf8(&mut bytes).len();
        (Decoded(bytes, length), 2 + digits)
    };
    let one = |byte: u8| (Decoded::of(&[byte]), 2);
    match text.get(1) {
        Some(b'n') => one(b'\n'),
        Some(b't' | b'\t') => one(b'\t'),
        Some(b'r') => one(b'\r'),
        Some(b'0') => one(0),
        Some(b'a') => one(7),
        Some(b'b') => one(8),
        Some(b'v') => one(11),
        Some(b'f') => one(12),
        Some(b'e') => one(27),
        Some(b'x') => hexadecimal(2),
        Some(b'u') => hexadecimal(4),
        Some(b'U') => hexadecimal(8),
        Some(b'N') => (Decoded::of("\u{85}".as_bytes()), 2),
        Some(b'_') => (Decoded::of("\u{a0}".as_bytes()), 2),
        // A line or a paragraph separator is longer than its escape: nginx takes it for letters, and so is this.
        Some(b'L' | b'P') => (Decoded::of(b"??"), 2),
        // The line goes on, without the blanks around the break.
        Some(b'\n' | b'\r') => {
            let blank = text[1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
            (Decoded::of(b""), 1 + blank)
        }
        Some(&byte) => one(byte),
        None => (Decoded::of(b"\\"), 1),
    }
}

/// State of nginx's lexer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Between,
    Inside,
    Quoted(u8),
    /// In quotes, after a backslash.
    Escaped(u8),
    Comment,
}

/// The places of a scalar as they are filled.
struct Out<'o> {
    into: &'o mut [u8],
    at: usize,
    /// Bytes that were read and have nothing in their place.
    left_over: usize,
    word: Word,
}

impl Out<'_> {
    /// Puts what `taken` bytes of the file stand for.
    fn put(&mut self, decoded: &[u8], taken: usize) {
        self.left_over += taken - decoded.len().min(taken);
        for &byte in &decoded[..decoded.len().min(taken)] {
            self.byte(byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.word = match self.word {
            Word::Between if is_blank || matches!(byte, b';' | b'{' | b'}') => Word::Between,
            Word::Between if byte == b'#' => Word::Comment,
            Word::Between if matches!(byte, b'"' | b'\'') => Word::Quoted(byte),
            Word::Comment if byte != b'\n' => Word::Comment,
            Word::Quoted(quote) if byte == quote => Word::Inside,
            Word::Quoted(quote) if byte == b'\\' => Word::Escaped(quote),
            Word::Quoted(quote) | Word::Escaped(quote) => Word::Quoted(quote),
            Word::Between | Word::Inside if !is_blank && !matches!(byte, b';' | b'{') => Word::Inside,
            Word::Between | Word::Inside | Word::Comment => Word::Between,
        };
        if is_blank && self.word == Word::Between {
            self.pad();
        }
        self.into[self.at] = byte;
        self.at += 1;
    }

    /// Leaves the rest blank, as it is.
    fn pad(&mut self) {
        self.into[self.at..self.at + self.left_over].fill(b' ');
        self.at += self.left_over;
        self.left_over = 0;
    }
}
