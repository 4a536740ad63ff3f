//! Encodings that nginx cannot read, and files that are no text at all.

/// Byte order mark of UTF-8.
pub const MARK: &[u8] = b"\xef\xbb\xbf";

/// An encoding with two or four bytes for a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    width: usize,
    is_big: bool,
}

/// Bytes that are looked at where no mark says what the encoding is.
const LOOKED_AT: usize = 64;

impl Encoding {
    /// Encoding of a text: by its byte order mark, or by zeros where an ASCII character has none of its bits.
    pub fn of(text: &[u8]) -> Option<Self> {
        let encoding = |width, is_big| Some(Self { width, is_big });
        match text {
            [0xff, 0xfe, 0, 0, ..] => return encoding(4, false),
            [0, 0, 0xfe, 0xff, ..] => return encoding(4, true),
            [0xff, 0xfe, ..] => return encoding(2, false),
            [0xfe, 0xff, ..] => return encoding(2, true),
            _ => {}
        }
        let begin = &text[..text.len().min(LOOKED_AT) / 4 * 4];
        let is_wide = |width: usize, own: usize| {
            begin.len() >= 8
                && begin
                    .chunks(width)
                    .all(|c| c[own] != 0 && c.iter().enumerate().all(|(n, b)| n == own || *b == 0))
        };
        [(4, false), (4, true), (2, false), (2, true)]
            .into_iter()
            .find(|&(width, is_big)| is_wide(width, if is_big { width - 1 } else { 0 }))
            .map(|(width, is_big)| Self { width, is_big })
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match (self.width, self.is_big) {
            (2, false) => "UTF-16 (little endian)",
            (2, true) => "UTF-16 (big endian)",
            (_, false) => "UTF-32 (little endian)",
            (_, true) => "UTF-32 (big endian)",
        }
    }

    /// Its name for `iconv`.
    pub fn iconv(self) -> &'static str {
        match (self.width, self.is_big) {
            (2, false) => "UTF-16LE",
            (2, true) => "UTF-16BE",
            (_, false) => "UTF-32LE",
            (_, true) => "UTF-32BE",
        }
    }

    /// The text in UTF-8, without its mark; `None` if the bytes are not in this encoding.
    pub fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        let unit = |bytes: &[u8]| {
            let fold = |all: u32, byte: &u8| (all << 8) | u32::from(*byte);
            if self.is_big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
        };
        // PowerShell appends to a file with a line feed of one byte at times: it is no unit.
        let units = text.chunks_exact(self.width).map(unit);
        let decoded: Option<String> = if self.width == 2 {
            char::decode_utf16(units.map(|u| u as u16)).collect::<Result<_, _>>().ok()
        } else {
            units.map(char::from_u32).collect()
        };
        let mut decoded = decoded?.into_bytes();
        if decoded.starts_with(MARK) {
            decoded.drain(..MARK.len());
        }
        Some(decoded)
    }
}

/// Something that is no configuration, by its first bytes.
pub struct Kind {
    begins: &'static [u8],
    /// Offset of these bytes.
    at: usize,
    /// Name for people.
    pub name: &'static str,
    /// The text to type, or what to look for.
    pub help: &'static str,
}

const fn kind(begins: &'static [u8], name: &'static str, help: &'static str) -> Kind {
    Kind { begins, at: 0, name, help }
}

const UNPACK: &str = "unpack it first, and name the `nginx.conf` in it";
const OTHER: &str = "name the configuration, as `nginx -t` prints its path";
const PAGE: &str =
    "this is what a web server answered: download the file itself (on GitHub its `Raw` address)";

const KINDS: [Kind; 26] = [
    kind(b"\x1f\x8b", "data packed by gzip", "unpack it first: `zcat FILE | ngxc lint -`"),
    kind(b"BZh", "data packed by bzip2", "unpack it first: `bzcat FILE | ngxc lint -`"),
    kind(b"\xfd7zXZ\0", "data packed by xz", "unpack it first: `xzcat FILE | ngxc lint -`"),
    kind(b"\x28\xb5\x2f\xfd", "data packed by zstd", "unpack it first: `zstdcat FILE | ngxc lint -`"),
    kind(b"\x04\x22\x4d\x18", "data packed by lz4", "unpack it first: `lz4cat FILE | ngxc lint -`"),
    kind(b"PK\x03\x04", "a zip archive, as office programs write too", UNPACK),
    kind(b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    kind(b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    Kind { begins: b"ustar", at: 257, name: "a tar archive", help: "unpack it first: `tar -xf FILE`" },
    kind(b"!<arch>\n", "an archive of a package", UNPACK),
    kind(b"\xed\xab\xee\xdb", "an RPM package", "unpack it first: `rpm2cpio FILE | cpio -id`"),
    kind(b"\x7fELF", "a program", OTHER),
    kind(b"MZ", "a program for Windows", OTHER),
    kind(b"\xcf\xfa\xed\xfe", "a program for macOS", OTHER),
    kind(b"%PDF-", "a PDF document", "copy the text out of it into a file of its own"),
    kind(b"\xd0\xcf\x11\xe0", "an office document", "save it as plain text"),
    kind(b"{\\rtf", "a document in RTF", "save it as plain text"),
    kind(b"\x89PNG", "an image", OTHER),
    kind(b"\xff\xd8\xff", "an image", OTHER),
    kind(b"GIF8", "an image", OTHER),
    kind(b"SQLite format 3\0", "a database", OTHER),
    kind(b"-----BEGIN ", "a certificate or a key in PEM", "name the configuration that names it"),
    kind(b"<!DOCTYPE", "a web page", PAGE),
    kind(b"<!doctype", "a web page", PAGE),
    kind(b"<html", "a web page", PAGE),
    kind(b"<?xml", "XML", OTHER),
];

/// Bytes at the start of a file that tell if it is a text.
const BEGIN: usize = 4096;

/// Kind of a file that cannot be a configuration; `None` for a text. No directive begins with these bytes.
pub fn not_text(text: &[u8]) -> Option<&'static Kind> {
    const BINARY: Kind = kind(b"", "data that is no text", OTHER);
    let begins = |kind: &Kind| text.get(kind.at..).is_some_and(|rest| rest.starts_with(kind.begins));
    // A letter may follow `MZ` or `BZh` in a name, control characters do not.
    let is_word = |kind: &Kind| {
        kind.begins.iter().all(u8::is_ascii_alphanumeric)
            && text[..text.len().min(BEGIN)].iter().all(|b| !is_control(*b))
    };
    if let Some(kind) = KINDS.iter().find(|kind| begins(kind) && !is_word(kind)) {
        return Some(kind);
    }
    let begin = &text[..text.len().min(BEGIN)];
    let controls = begin.iter().filter(|b| is_control(**b)).count();
    (begin.contains(&0) && controls * 10 > begin.len()).then_some(&BINARY)
}

/// True for a byte that texts do not have.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, width: usize, is_big: bool) -> Vec<u8> {
        let unit = |unit: u32| {
            let big = unit.to_be_bytes();
            let own = &big[4 - width..];
            if is_big { own.to_vec() } else { own.iter().rev().copied().collect() }
        };
        if width == 2 {
            text.encode_utf16().flat_map(|u| unit(u32::from(u))).collect()
        } else {
            text.chars().flat_map(|c| unit(u32::from(c))).collect()
        }
    }

    #[test]
    fn wide_encodings_are_known_with_and_without_a_mark() {
        for (width, is_big) in [(2, false), (2, true), (4, false), (4, true)] {
            for text in ["\u{feff}events { } # \u{1f600}", "events { }\nhttp { }"] {
                let encoding = Encoding::of(&wide(text, width, is_big));
                assert_eq!(encoding, Some(Encoding { width, is_big }), "{text}");
                let decoded = encoding.and_then(|e| e.decode(&wide(text, width, is_big)));
                assert_eq!(decoded.as_deref(), Some(text.trim_start_matches('\u{feff}').as_bytes()));
            }
        }
        assert_eq!(Encoding::of(b"events { }"), None);
        assert_eq!(Encoding::of(b""), None);
    }

    #[test]
    fn what_is_no_text_is_named() {
        let mut tar = vec![b'a'; 257];
        tar.extend_from_slice(b"ustar\0");
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\0"[..], Some("data packed by gzip")),
            (&tar, Some("a tar archive")),
            (b"\x7fELF\x02", Some("a program")),
            (b"\0\0\x01\x02", Some("data that is no text")),
            (b"MZone on;\n", None),
            (b"MZ\x90\0", Some("a program for Windows")),
            (b"# caf\xe9\nevents { }", None),
            (b"events { }\n\0", None),
        ] {
            assert_eq!(not_text(bytes).map(|kind| kind.name), expected, "{}", bytes.escape_ascii());
        }
    }
}
