//! Header blocks of clients before h2 sees them (RFC 7541). h2 ends a connection with all its streams for one header that is no
//! header; nginx answers 400 on that stream (`ngx_http_v2_validate_header`). So such names and values are overwritten by
//! others of the same length that h2 takes, and by which `head` knows them.
//!
//! Nothing is decoded for use here: a block is walked through, and the strings in it are looked at.

use std::ops::Range;

use crate::runtime::net::http2::huffman;

/// Byte that overwrites a header name that nginx refuses.
pub(crate) const REFUSED_NAME: u8 = b'~';
/// Byte that overwrites a header value that nginx refuses.
pub(crate) const REFUSED_VALUE: u8 = 0xff;
/// Byte that overwrites a header name that nginx may ignore (`ignore_invalid_headers`): `!` is invalid in nginx's names too.
const IGNORED_NAME: u8 = b'!';
/// Byte that overwrites control bytes in a header value: h2 refuses them, nginx passes them on.
const CONTROL: u8 = b'?';
/// A value that ends the stream if it is a path, a scheme or an authority.
const NO_URI: u8 = b' ';
/// No method, but one that h2 takes.
const NO_METHOD: u8 = b'x';

/// Pseudo-headers of the static table by their positions.
const METHOD: [u64; 2] = [2, 3];
const URI: [u64; 5] = [1, 4, 5, 6, 7];

/// True if a name or value was overwritten because nginx refuses it.
pub(crate) fn is_refused(text: &[u8], by: u8) -> bool {
    !text.is_empty() && text.iter().all(|b| *b == by)
}

/// A string in a block: where its length begins, where its bytes are, and whether they are packed.
struct Text {
    head: usize,
    bytes: Range<usize>,
    is_packed: bool,
}

/// The kinds of headers whose values h2 treats in different ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Field,
    Method,
    Uri,
}

/// Overwrites what h2 would end the connection for. A block that is broken in itself stays as it is.
pub(crate) fn clean(block: &mut [u8]) {
    let mut at = 0;
    while let Some(first) = block.get(at) {
        let (prefix, is_literal) = match first {
            0x80.. => (7, false),
            0x40..=0x7f => (6, true),
            0x20..=0x3f => (5, false),
            _ => (4, true),
        };
        let Some((index, next)) = number(block, at, prefix) else { return };
        at = next;
        if !is_literal {
            continue;
        }
        let kind = if index == 0 {
            let Some(name) = text(block, at) else { return };
            at = name.bytes.end;
            let Some(kind) = clean_name(block, &name) else { return };
            kind
        } else if METHOD.contains(&index) {
            Kind::Method
        } else if URI.contains(&index) {
            Kind::Uri
        } else {
            Kind::Field
        };
        let Some(value) = text(block, at) else { return };
        at = value.bytes.end;
        if clean_value(block, &value, kind).is_none() {
            return;
        }
    }
}

/// An integer with a prefix of some bits, and where it ends (section 5.1).
fn number(block: &[u8], at: usize, prefix: u32) -> Option<(u64, usize)> {
    let most = (1u64 << prefix) - 1;
    let mut value = u64::from(*block.get(at)?) & most;
    let mut next = at + 1;
    if value < most {
        return Some((value, next));
    }
    for shift in [0, 7, 14, 21, 28] {
        let byte = u64::from(*block.get(next)?);
        next += 1;
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, next));
        }
    }
    None
}

/// The string at a position (section 5.2).
fn text(block: &[u8], at: usize) -> Option<Text> {
    let (length, start) = number(block, at, 7)?;
    let end = start.checked_add(usize::try_from(length).ok()?).filter(|end| *end <= block.len())?;
    Some(Text { head: at, bytes: start..end, is_packed: block[at] & 0x80 != 0 })
}

/// Shows all bytes of a string; `None`: it is none.
fn each(block: &[u8], text: &Text, mut see: impl FnMut(u8)) -> Option<()> {
    let bytes = &block[text.bytes.clone()];
    if text.is_packed {
        return huffman::unpack(bytes, see);
    }
    for b in bytes {
        see(*b);
    }
    Some(())
}

/// Overwrites all bytes of a string, which is not packed any more.
fn fill(block: &mut [u8], text: &Text, by: u8) {
    block[text.head] &= 0x7f;
    block[text.bytes.clone()].fill(by);
}

/// Looks at a name, and says of what kind it is.
fn clean_name(block: &mut [u8], name: &Text) -> Option<Kind> {
    let (mut length, mut is_pseudo, mut is_refused, mut is_valid) = (0, false, false, true);
    let mut pseudo = [0; 10];
    each(block, name, |b| {
        match b {
            b':' if length == 0 => is_pseudo = true,
            0..=0x20 | 0x7f | b':' | b'A'..=b'Z' => is_refused = true,
            b'a'..=b'z' | b'0'..=b'9' => {}
            // Further bytes of a name that h2 accepts; nginx calls such a name invalid.
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`'
            | b'|' | b'~' => {}
            _ => is_valid = false,
        }
        if let Some(slot) = pseudo.get_mut(length) {
            *slot = b;
        }
        length += 1;
    })?;
    let kind = match pseudo.get(..length).unwrap_or_default() {
        b":method" => Kind::Method,
        b":path" | b":scheme" | b":authority" => Kind::Uri,
        _ => {
            is_refused |= is_pseudo;
            Kind::Field
        }
    };
    if is_refused {
        fill(block, name, REFUSED_NAME);
    } else if !is_valid {
        fill(block, name, IGNORED_NAME);
    }
    Some(kind)
}

/// Looks at a value.
fn clean_value(block: &mut [u8], value: &Text, kind: Kind) -> Option<()> {
    let (mut is_refused, mut has_control, mut is_token, mut is_ascii) = (false, false, true, true);
    each(block, value, |b| {
        is_refused |= matches!(b, 0 | b'\r' | b'\n');
        has_control |= matches!(b, 0..=8 | 10..=31 | 127);
        is_token &= b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        is_ascii &= b.is_ascii();
    })?;
    match kind {
        Kind::Field if is_refused => fill(block, value, REFUSED_VALUE),
        Kind::Field if has_control && value.is_packed => fill(block, value, CONTROL),
        Kind::Field if has_control => {
            let controls =
                block[value.bytes.clone()].iter_mut().filter(|b| matches!(b, 0..=8 | 10..=31 | 127));
            for b in controls {
                *b = CONTROL;
            }
        }
        Kind::Method if !is_token => fill(block, value, NO_METHOD),
        Kind::Uri if has_control => fill(block, value, NO_URI),
        Kind::Uri if !is_ascii => {
            let mut bytes = Vec::new();
            each(block, value, |b| bytes.push(b))?;
            if std::str::from_utf8(&bytes).is_err() {
                fill(block, value, NO_URI);
            }
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
        [&[0, name.len() as u8], name, &[value.len() as u8], value].concat()
    }

    #[test]
    fn what_h2_minds_is_overwritten() {
        // Name and value before, name and value after.
        let cases: &[[&[u8]; 4]] = &[
            [b"x-a", b"b", b"x-a", b"b"],
            [b"x-a", b"\x01b\x7f\tc", b"x-a", b"?b?\tc"],
            [b"x-a", b"b\0", b"x-a", b"\xff\xff"],
            [b"x-a", b"b\nc", b"x-a", b"\xff\xff\xff"],
            [b"X-a", b"b", b"~~~", b"b"],
            [b"x a", b"b", b"~~~", b"b"],
            [b"x(a", b"b", b"!!!", b"b"],
            [b"x_a", b"\xe9", b"x_a", b"\xe9"],
            [b":x", b"b", b"~~", b"b"],
            [b":path", b"/\x01", b":path", b"  "],
            [b":path", b"/\xe9", b":path", b"  "],
            [b":path", "/é".as_bytes(), b":path", "/é".as_bytes()],
            [b":method", b"G T", b":method", b"xxx"],
            [b":method", b"GET", b":method", b"GET"],
        ];
        for &[name, value, clean_name, clean_value] in cases {
            let mut block = [&[0x82, 0x3f, 0xe1, 0x1f], &literal(name, value)[..], &[0xbe]].concat();
            clean(&mut block);
            let expected =
                [&[0x82, 0x3f, 0xe1, 0x1f], &literal(clean_name, clean_value)[..], &[0xbe]].concat();
            assert_eq!(block, expected, "{}", String::from_utf8_lossy(name));
        }
        // A name out of the static table, with indexing and never indexed.
        for first in [0x44, 0x14] {
            let mut block = vec![first, 2, b'/', 1];
            clean(&mut block);
            assert_eq!(block, [first, 2, b' ', b' ']);
        }
    }

    #[test]
    fn packed_strings() {
        // "www.example.com" of RFC 7541, C.4.1.
        let example = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        let mut block = [&[0x41, 0x8c], &example[..]].concat();
        let before = block.clone();
        clean(&mut block);
        assert_eq!(block, before);
        // NUL has 13 bits: eight of them ones, then 11000; three ones fill the second byte.
        let mut block = vec![0, 1, b'x', 0x82, 0xff, 0xc7];
        clean(&mut block);
        assert_eq!(block, [0, 1, b'x', 2, 0xff, 0xff]);
    }

    #[test]
    fn broken_blocks_stay_as_they_are() {
        for block in [
            &b"\x00\x05ab"[..],
            b"\x00\x01A",
            b"\x7f\xff\xff\xff\xff\xff\xff",
            b"\x00\x81\x00\x01a",
            b"\x40",
            b"",
        ] {
            let mut cleaned = block.to_vec();
            clean(&mut cleaned);
            assert_eq!(cleaned.len(), block.len());
        }
    }
}
