//! Text from one charset into another, by the tables of `charset_map`.

use std::collections::HashMap;

use crate::model::content::CharsetMap;
use crate::runtime::net::text::put;

/// A table between two charsets.
#[derive(Debug)]
pub(crate) struct Recoder {
    pub(crate) from: String,
    to: String,
    table: Table,
}

#[derive(Debug)]
enum Table {
    /// Byte by byte.
    Bytes(Box<[u8; 256]>),
    /// Each byte is a character of UTF-8.
    ToUtf8(Vec<Vec<u8>>),
    /// The byte of a character.
    FromUtf8(HashMap<u32, u8>),
}

impl Recoder {
    /// The two directions of a `charset_map`.
    pub(crate) fn both(map: &CharsetMap) -> [Self; 2] {
        let (there, back) = if map.to.eq_ignore_ascii_case("utf-8") { utf8(map) } else { bytes(map) };
        let (from, to) = (map.from.clone(), map.to.clone());
        [Self { from: from.clone(), to: to.clone(), table: there }, Self { from: to, to: from, table: back }]
    }

    /// True if the table leads from one charset to the other.
    pub(crate) fn fits(&self, from: &[u8], to: &[u8]) -> bool {
        self.from.as_bytes().eq_ignore_ascii_case(from) && self.to.as_bytes().eq_ignore_ascii_case(to)
    }

    /// True if what comes out is of another length.
    pub(crate) fn changes_length(&self) -> bool {
        !matches!(self.table, Table::Bytes(_))
    }

    /// Recodes a piece; `rest` is what has begun of a character in the piece before.
    pub(crate) fn recode(&self, data: &[u8], rest: &mut Vec<u8>, out: &mut Vec<u8>) {
        match &self.table {
            Table::Bytes(table) => out.extend(data.iter().map(|b| table[usize::from(*b)])),
            Table::ToUtf8(table) => {
                for byte in data {
                    out.extend_from_slice(&table[usize::from(*byte)]);
                }
            }
            Table::FromUtf8(table) => from_utf8(table, data, rest, out),
        }
    }
}

fn bytes(map: &CharsetMap) -> (Table, Table) {
    let mut tables = [Box::new([b'?'; 256]), Box::new([b'?'; 256])];
    for i in 0..128u8 {
        tables[0][usize::from(i)] = i;
        tables[1][usize::from(i)] = i;
    }
    for (left, right) in &map.entries {
        if let [right] = right[..] {
            tables[0][usize::from(*left)] = right;
            tables[1][usize::from(right)] = *left;
        }
    }
    let [there, back] = tables;
    (Table::Bytes(there), Table::Bytes(back))
}

fn utf8(map: &CharsetMap) -> (Table, Table) {
    let mut there: Vec<Vec<u8>> = (0..=255u8).map(|b| vec![if b < 128 { b } else { b'?' }]).collect();
    let mut back: HashMap<u32, u8> = HashMap::new();
    for (byte, character) in &map.entries {
        if let (Decoded::Character(number), _) = decode(character) {
            there[usize::from(*byte)].clone_from(character);
            back.insert(number, *byte);
        }
    }
    (Table::ToUtf8(there), Table::FromUtf8(back))
}

/// `ngx_http_charset_recode_from_utf8`: what has no byte becomes an entity.
fn from_utf8(table: &HashMap<u32, u8>, data: &[u8], rest: &mut Vec<u8>, out: &mut Vec<u8>) {
    let before = rest.len();
    let joined;
    let mut data = data;
    if before > 0 {
        rest.extend_from_slice(data);
        joined = std::mem::take(rest);
        data = &joined;
    }
    let mut is_first = before > 0;
    while let Some(first) = data.first() {
        if *first < 0x80 {
            out.push(*first);
            data = &data[1..];
            continue;
        }
        let (decoded, mut used) = decode(data);
        match decoded {
            Decoded::Character(n) => match table.get(&n) {
                Some(byte) => out.push(*byte),
                None => put(out, format_args!("&#{n};")),
            },
            Decoded::Invalid => {
                // The waiting bytes were wrong as a whole.
                used = used.max(if is_first { before } else { 0 });
                out.push(b'?');
            }
            Decoded::Incomplete => return rest.extend_from_slice(data),
        }
        is_first = false;
        data = &data[used..];
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Decoded {
    Character(u32),
    Invalid,
    Incomplete,
}

/// The first character that takes more than a byte, and how many it takes (`ngx_utf8_decode`).
fn decode(data: &[u8]) -> (Decoded, usize) {
    let Some(&first) = data.first() else { return (Decoded::Incomplete, 0) };
    let (bits, above, more) = match first {
        0xf8.. => return (Decoded::Invalid, 1),
        0xf0.. => (first & 0x07, 0xffff, 3),
        0xe0.. => (first & 0x0f, 0x7ff, 2),
        0xc2.. => (first & 0x1f, 0x7f, 1),
        _ => return (Decoded::Invalid, 1),
    };
    let Some(rest) = data.get(1..=more) else { return (Decoded::Incomplete, 0) };
    let mut number = u32::from(bits);
    for (i, byte) in rest.iter().enumerate() {
        if *byte < 0x80 {
            return (Decoded::Invalid, i + 2);
        }
        number = number << 6 | u32::from(byte & 0x3f);
    }
    let is_good = number > above && number <= 0x0010_ffff;
    (if is_good { Decoded::Character(number) } else { Decoded::Invalid }, more + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceMap, Span};

    fn map(to: &str, entries: Vec<(u8, Vec<u8>)>) -> [Recoder; 2] {
        let span = Span::new(SourceMap::default().add("a", *b"a"), 0, 0);
        Recoder::both(&CharsetMap { from: "B".into(), to: to.into(), entries, span })
    }

    fn recoded(recoder: &Recoder, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut rest, mut out) = (Vec::new(), Vec::new());
        for piece in pieces {
            recoder.recode(piece, &mut rest, &mut out);
        }
        out
    }

    #[test]
    fn both_directions() {
        let [there, back] = map("A", vec![(0x58, vec![0x59])]);
        assert!(there.fits(b"b", b"a") && back.fits(b"A", b"B") && !there.fits(b"a", b"b"));
        assert_eq!(recoded(&there, &[b"aXY\xff"]), b"aYY?");
        assert_eq!(recoded(&back, &[b"aYY?"]), b"aXX?");
        assert!(!there.changes_length());
    }

    #[test]
    fn utf8_and_back() {
        let [there, back] = map("UTF-8", vec![(0x80, "\u{20ac}".into()), (0xe9, "\u{e9}".into())]);
        assert!(there.changes_length() && back.changes_length());
        assert_eq!(recoded(&there, &[b"a\x80\xe9\x81z"]), "a\u{20ac}\u{e9}?z".as_bytes());
        for (pieces, expected) in [
            (&["a\u{20ac}\u{e9}z".as_bytes()][..], &b"a\x80\xe9z"[..]),
            // Characters without a byte, also those of four.
            (&["\u{416}\u{1f600}".as_bytes()], b"&#1046;&#128512;"),
            (&[b"a\xe2", b"\x82", b"\xacb"], b"a\x80b"),
            (&[b"\xf0\x9f", b"\x98\x80"], b"&#128512;"),
            (&[b"\xffx\xc1y"], b"?x?y"),
            // The byte that is no part of it is lost.
            (&[b"\xe2Ax"], b"?x"),
            (&[b"\xe2", b"Ax"], b"?x"),
            (&[b"\xf0AB", b"CD"], b"?CD"),
            // Longer than necessary, or too large.
            (&[b"\xe0\x80\x80\xf7\xbf\xbf\xbf"], b"??"),
            (&[b"end\xe2\x82"], b"end"),
        ] {
            let out = recoded(&back, pieces);
            assert_eq!(out, expected, "{pieces:?}: {}", String::from_utf8_lossy(&out));
        }
    }
}
