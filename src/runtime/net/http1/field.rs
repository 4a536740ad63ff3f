//! One header line (`ngx_http_parse_header_line`), and the names the runtime knows.

use crate::runtime::net::http1::piece::Piece;

/// A header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Piece,
    pub(crate) value: Piece,
    pub(crate) known: KnownHeader,
}

impl Field {
    /// Appends the field as a line to `out`; `text` is the parsed head.
    pub(crate) fn copy(&self, text: &[u8], out: &mut Vec<u8>) {
        let (start, end) = (self.name.start as usize, self.value.end as usize);
        // As most are written: one copy instead of four.
        if text.get(self.name.end as usize..self.value.start as usize) == Some(b": ") {
            out.extend_from_slice(&text[start..end]);
        } else {
            out.extend_from_slice(self.name.of(text));
            out.extend_from_slice(b": ");
            out.extend_from_slice(self.value.of(text));
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The line at a position of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line; `valid` is false if nginx ignores it (`ignore_invalid_headers`).
    Field { field: Field, valid: bool, next: usize },
    /// The empty line.
    End { next: usize },
    /// A byte that may not stand here.
    Invalid { at: usize },
    /// The buffer ends within the line.
    Incomplete,
}

macro_rules! known {
    ($($name:ident = $text:literal,)*) => {
        /// A header name that some step looks at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum KnownHeader { Other, $($name,)* }

        impl KnownHeader {
            pub(crate) const COUNT: usize = [$(stringify!($name)),*].len() + 1;

            /// The name's entry, without regard to case.
            pub(crate) fn of(name: &[u8]) -> KnownHeader {
                let (text, known) = TABLE[slot(name)];
                if is_same(name, text) { known } else { KnownHeader::Other }
            }

            /// Bit of the name in a set of known names.
            pub(crate) const fn bit(self) -> u64 {
                1 << self as u64
            }
        }

        /// The names, each at its [`slot`].
        static TABLE: [(&[u8], KnownHeader); SLOTS] = {
            let mut table: [(&[u8], KnownHeader); SLOTS] = [(b"", KnownHeader::Other); SLOTS];
            $(
                let at = slot($text);
                assert!(table[at].0.is_empty(), "two names have one slot: change its factors");
                table[at] = ($text, KnownHeader::$name);
            )*
            table
        };
    };
}

/// Compares a name with one in lower case, eight bytes at a time. A bit makes letters lower case and leaves a hyphen;
/// what else it makes one of either of is no byte of a name.
fn is_same(name: &[u8], text: &[u8]) -> bool {
    const BIT: u64 = 0x2020_2020_2020_2020;
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
        u64::from_le_bytes(word.unwrap_or_default())
    };
    let length = text.len();
    if name.len() != length {
        return false;
    }
    if length < 8 {
        return name.eq_ignore_ascii_case(text);
    }
    let mut at = 0;
    while at + 8 < length {
        if word(name, at) | BIT != word(text, at) {
            return false;
        }
        at += 8;
    }
    // The last eight, some of them for the second time.
    word(name, length - 8) | BIT == word(text, length - 8)
}

const SLOTS: usize = 128;
/// Found by trying.
const FACTORS: (usize, usize, usize) = (1, 3, 32);

/// Slot of a header name in the table: length, first and last letter differ for all known names.
const fn slot(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    (name.len() * FACTORS.0 + (*first | 0x20) as usize * FACTORS.1 + (*last | 0x20) as usize * FACTORS.2)
        % SLOTS
}

known! {
    Host = b"host",
    Connection = b"connection",
    ContentLength = b"content-length",
    ContentType = b"content-type",
    TransferEncoding = b"transfer-encoding",
    UserAgent = b"user-agent",
    Date = b"date",
    Server = b"server",
    KeepAlive = b"keep-alive",
    Expect = b"expect",
    Upgrade = b"upgrade",
    Te = b"te",
    ProxyConnection = b"proxy-connection",
    Referer = b"referer",
    Authorization = b"authorization",
    IfModifiedSince = b"if-modified-since",
    IfUnmodifiedSince = b"if-unmodified-since",
    IfMatch = b"if-match",
    IfNoneMatch = b"if-none-match",
    ContentRange = b"content-range",
    AcceptEncoding = b"accept-encoding",
    Via = b"via",
    IfRange = b"if-range",
    Range = b"range",
    Location = b"location",
    LastModified = b"last-modified",
    Etag = b"etag",
    Expires = b"expires",
    Refresh = b"refresh",
    Status = b"status",
    SetCookie = b"set-cookie",
    AcceptRanges = b"accept-ranges",
    WwwAuthenticate = b"www-authenticate",
    ContentDisposition = b"content-disposition",
    CacheControl = b"cache-control",
    XPad = b"x-pad",
    XAccelExpires = b"x-accel-expires",
    XAccelRedirect = b"x-accel-redirect",
    XAccelLimitRate = b"x-accel-limit-rate",
    XAccelBuffering = b"x-accel-buffering",
    XAccelCharset = b"x-accel-charset",
}

/// The class of a byte in a name.
#[derive(Clone, Copy)]
enum Class {
    Name,
    /// The name ends.
    End,
    Underscore,
    Control,
    Other,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'0'..=b'9' => Class::Name,
            b':' | b'\r' | b'\n' => Class::End,
            b'_' => Class::Underscore,
            0..=0x20 | 0x7f => Class::Control,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

/// Parses the line at `start`. Underscores are accepted from upstreams, and from clients not.
pub(crate) fn parse(buffer: &[u8], start: usize, underscores: bool) -> Line {
    let mut i = start;
    let mut valid = true;
    match buffer.get(i) {
        None => return Line::Incomplete,
        Some(b'\n') => return Line::End { next: i + 1 },
        Some(b'\r') => {
            return match buffer.get(i + 1) {
                None => Line::Incomplete,
                Some(b'\n') => Line::End { next: i + 2 },
                Some(_) => Line::Invalid { at: i + 1 },
            };
        }
        Some(b':') => return Line::Invalid { at: i },
        Some(_) => {}
    }
    loop {
        let is_name = |byte: &u8| matches!(CLASSES[usize::from(*byte)], Class::Name);
        let Some(length) = buffer[i..].iter().position(|byte| !is_name(byte)) else {
            return Line::Incomplete;
        };
        i += length;
        match CLASSES[usize::from(buffer[i])] {
            Class::End => break,
            Class::Control => return Line::Invalid { at: i },
            Class::Underscore => valid &= underscores,
            Class::Name | Class::Other => valid = false,
        }
        i += 1;
    }
    let name = Piece::new(start, i);
    if buffer[i] == b':' {
        i += 1;
        while buffer.get(i) == Some(&b' ') {
            i += 1;
        }
    }
    let Some(length) = memchr::memchr3(b'\n', b'\r', 0, &buffer[i..]) else { return Line::Incomplete };
    let (value_start, mut value_end) = (i, i + length);
    i = value_end;
    while buffer.get(i) == Some(&b'\r') {
        i += 1;
    }
    match buffer.get(i) {
        None => return Line::Incomplete,
        Some(b'\n') => {}
        Some(_) => return Line::Invalid { at: value_end },
    }
    while value_end > value_start && buffer[value_end - 1] == b' ' {
        value_end -= 1;
    }
    let known = KnownHeader::of(name.of(buffer));
    Line::Field {
        field: Field { name, value: Piece::new(value_start, value_end), known },
        valid,
        next: i + 1,
    }
}

/// True if nginx takes a line of this name for valid.
pub(crate) fn is_valid(name: &[u8], underscores: bool) -> bool {
    name.iter().all(|byte| match CLASSES[usize::from(*byte)] {
        Class::Name => true,
        Class::Underscore => underscores,
        Class::End | Class::Control | Class::Other => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, name, value, is_valid) in [
            ("Host: a\r\n", "Host", "a", true),
            ("Host:a\n", "Host", "a", true),
            ("A:  b c  \r\r\n", "A", "b c", true),
            ("A:\r\n", "A", "", true),
            ("A\r\n", "A", "", true),
            ("A_b: c\r\n", "A_b", "c", false),
            ("A\"b: c\r\n", "A\"b", "c", false),
            ("A: \tb\r\n", "A", "\tb", true),
        ] {
            let Line::Field { field, valid, next } = parse(text.as_bytes(), 0, false) else {
                panic!("{text}")
            };
            assert_eq!(field.name.of(text.as_bytes()), name.as_bytes());
            assert_eq!(field.value.of(text.as_bytes()), value.as_bytes(), "{text}");
            assert_eq!((valid, next), (is_valid, text.len()), "{text}");
        }
        let text = b"A: b\r\nC:d\r\nE:  \r\nF\r\n";
        let (mut at, mut out) = (0, Vec::new());
        while let Line::Field { field, next, .. } = parse(text, at, false) {
            field.copy(text, &mut out);
            at = next;
        }
        assert_eq!(out, b"A: b\r\nC: d\r\nE: \r\nF: \r\n");
        for text in [": a\r\n", " a: b\r\n", "a b: c\r\n", "A: b\rc\r\n", "A: b\0\r\n", "\rx", "A \r\n"] {
            assert!(matches!(parse(text.as_bytes(), 0, false), Line::Invalid { .. }), "{text:?}");
        }
        for text in ["", "A", "A:", "A: b", "A: b\r", "\r"] {
            assert_eq!(parse(text.as_bytes(), 0, false), Line::Incomplete, "{text:?}");
        }
        assert_eq!(parse(b"\r\n", 0, false), Line::End { next: 2 });
        for (text, known) in [
            ("CONTENT-length", KnownHeader::ContentLength),
            ("Host", KnownHeader::Host),
            ("hosts", KnownHeader::Other),
            ("x-accel-redirect", KnownHeader::XAccelRedirect),
            ("X-Accel-Redirecu", KnownHeader::Other),
            ("Y-Accel-Redirect", KnownHeader::Other),
            ("If-Unmodified-Since", KnownHeader::IfUnmodifiedSince),
            ("If-Unmodifiex-Since", KnownHeader::Other),
            ("", KnownHeader::Other),
        ] {
            assert_eq!(KnownHeader::of(text.as_bytes()), known, "{text}");
        }
        for (text, known) in TABLE.iter().filter(|(text, _)| !text.is_empty()) {
            assert_eq!(KnownHeader::of(&text.to_ascii_uppercase()), *known);
        }
        const { assert!(KnownHeader::COUNT <= 64) };
    }
}
