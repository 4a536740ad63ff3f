//! fnmatch(3) of the GNU C library in the C locale: one pattern against one name, byte by byte.

/// Longest name in `[:name:]` that glibc accepts.
const LONGEST_CLASS: usize = 2048;

/// Class of bytes: its name in `[:name:]`, and the test for its members.
type Class = (&'static [u8], fn(u8) -> bool);

/// The classes of bytes of the C locale. `space` has the vertical tabulator, unlike Rust's.
const CLASSES: &[Class] = &[
    (b"alnum", |b| b.is_ascii_alphanumeric()),
    (b"alpha", |b| b.is_ascii_alphabetic()),
    (b"blank", |b| b == b' ' || b == b'\t'),
    (b"cntrl", |b| b.is_ascii_control()),
    (b"digit", |b| b.is_ascii_digit()),
    (b"graph", |b| b.is_ascii_graphic()),
    (b"lower", |b| b.is_ascii_lowercase()),
    (b"print", |b| b.is_ascii_graphic() || b == b' '),
    (b"punct", |b| b.is_ascii_punctuation()),
    (b"space", |b| b.is_ascii_whitespace() || b == 0x0b),
    (b"upper", |b| b.is_ascii_uppercase()),
    (b"xdigit", |b| b.is_ascii_hexdigit()),
];

/// True if `name` matches `pattern`, with `FNM_PERIOD`: only a dot matches a dot at the start of the name.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    matches_from(pattern, name, true)
}

/// The same as [`matches`] without `FNM_PERIOD`: `*` and `?` match any byte.
pub(super) fn matches_any(pattern: &[u8], name: &[u8]) -> bool {
    matches_from(pattern, name, false)
}

/// Steps through pattern and name; a mismatch goes back to the last `*`, which takes one byte more. Earlier `*` need
/// not be tried again, so the cost is at most the product of the lengths.
fn matches_from(pattern: &[u8], name: &[u8], period: bool) -> bool {
    let (mut p, mut n) = (0, 0);
    // Resume point after the last `*`: the pattern behind it, and the byte of the name to try next.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let hidden = period && n == 0 && name.first() == Some(&b'.');
        let next = match pattern.get(p) {
            Some(b'*') if !hidden => {
                retry = Some((p + 1, n));
                Next::Pattern(p + 1)
            }
            Some(_) if n < name.len() => step(pattern, p, name[n], hidden),
            None if n == name.len() => return true,
            _ => Next::Differs,
        };
        match next {
            Next::Pattern(next) => {
                n += usize::from(pattern[p] != b'*');
                p = next;
            }
            Next::Differs => match &mut retry {
                Some((after, from)) if *from < name.len() => {
                    *from += 1;
                    (p, n) = (*after, *from);
                }
                _ => return false,
            },
        }
    }
}

/// Result of matching one pattern element with one byte.
enum Next {
    /// Match: the pattern goes on at this offset.
    Pattern(usize),
    Differs,
}

fn step(pattern: &[u8], p: usize, byte: u8, hidden: bool) -> Next {
    let plain = |at: usize, expected: Option<&u8>| match expected {
        Some(&expected) if expected == byte => Next::Pattern(at),
        _ => Next::Differs,
    };
    match pattern[p] {
        b'?' | b'[' | b'*' if hidden => Next::Differs,
        b'?' => Next::Pattern(p + 1),
        b'\\' => plain(p + 2, pattern.get(p + 1)),
        b'[' => match bracket(pattern, p + 1, byte) {
            Bracket::Matches(end) => Next::Pattern(end),
            Bracket::Differs => Next::Differs,
            Bracket::Unterminated => plain(p + 1, Some(&b'[')),
        },
        ref other => plain(p + 1, Some(other)),
    }
}

/// Result of matching a bracket expression with a byte.
enum Bracket {
    /// Match: the pattern goes on at this offset.
    Matches(usize),
    Differs,
    /// Without a closing bracket, `[` is a literal.
    Unterminated,
}

/// One element of a bracket expression.
enum Element {
    /// Class: true if the byte is a member, and the offset behind the class.
    Class(bool, usize),
    /// Byte, which may begin a range, and the offset behind it.
    Byte(u8, usize),
    /// Malformed in glibc's sense: the whole pattern matches nothing.
    Malformed,
}

/// Bracket expression from behind its `[`. Elements behind a matching one are skipped, so malformed ones do no harm
/// there.
fn bracket(pattern: &[u8], start: usize, byte: u8) -> Bracket {
    let negated = matches!(pattern.get(start), Some(b'!' | b'^'));
    let mut at = start + usize::from(negated);
    // A closing bracket right after the opening one is an element.
    let mut is_first = true;
    loop {
        match pattern.get(at) {
            None => return Bracket::Unterminated,
            Some(b']') if !is_first => {
                return if negated { Bracket::Matches(at + 1) } else { Bracket::Differs };
            }
            Some(_) => {}
        }
        is_first = false;
        let found = match element(pattern, at, byte) {
            Element::Malformed => return Bracket::Differs,
            Element::Class(is_in, next) => {
                at = next;
                is_in
            }
            Element::Byte(low, next) => match range_end(pattern, next) {
                RangeEnd::None => {
                    at = next;
                    low == byte
                }
                RangeEnd::Byte(high, next) => {
                    at = next;
                    low <= byte && byte <= high
                }
                RangeEnd::Malformed => return Bracket::Differs,
            },
        };
        if found {
            return match skip(pattern, at) {
                Skip::End(end) if !negated => Bracket::Matches(end),
                Skip::Unterminated => Bracket::Unterminated,
                _ => Bracket::Differs,
            };
        }
    }
}

fn element(pattern: &[u8], at: usize, byte: u8) -> Element {
    match (pattern[at], pattern.get(at + 1)) {
        (b'\\', None) => Element::Malformed,
        (b'\\', Some(&escaped)) => Element::Byte(escaped, at + 2),
        (b'[', Some(b':')) => match class_name(pattern, at + 2) {
            ClassName::Named(end) => {
                let name = &pattern[at + 2..end];
                match CLASSES.iter().find(|(known, _)| *known == name) {
                    Some((_, contains)) => Element::Class(contains(byte), end + 2),
                    None => Element::Malformed,
                }
            }
            ClassName::TooLong => Element::Malformed,
            ClassName::None => Element::Byte(b'[', at + 1),
        },
        (b'[', Some(b'=')) => match pattern.get(at + 2..at + 5) {
            Some([same, b'=', b']']) => Element::Class(*same == byte, at + 5),
            _ => Element::Byte(b'[', at + 1),
        },
        (b'[', Some(b'.')) => match symbol(pattern, at + 2) {
            Some((symbol, next)) => Element::Byte(symbol, next),
            None => Element::Malformed,
        },
        (other, _) => Element::Byte(other, at + 1),
    }
}

enum ClassName {
    /// Name of lower-case letters up to this offset, where `:]` stands.
    Named(usize),
    TooLong,
    None,
}

fn class_name(pattern: &[u8], start: usize) -> ClassName {
    for at in start.. {
        match (pattern.get(at), pattern.get(at + 1)) {
            _ if at - start == LONGEST_CLASS => return ClassName::TooLong,
            (Some(b':'), Some(b']')) => return ClassName::Named(at),
            // glibc leaves out `z`; no class name has one.
            (Some(b'a'..=b'y'), _) => {}
            _ => return ClassName::None,
        }
    }
    ClassName::None
}

/// Collating symbol from behind `[.`: the C locale has only the bytes' own names.
fn symbol(pattern: &[u8], start: usize) -> Option<(u8, usize)> {
    let length = pattern.get(start..)?.windows(2).position(|two| two == b".]")?;
    (length == 1).then(|| (pattern[start], start + 3))
}

enum RangeEnd {
    None,
    /// Last byte of the range, and the offset behind it.
    Byte(u8, usize),
    Malformed,
}

/// End of a range: `-x` behind a byte; before the closing bracket, `-` is a literal.
fn range_end(pattern: &[u8], at: usize) -> RangeEnd {
    match (pattern.get(at), pattern.get(at + 1), pattern.get(at + 2)) {
        (Some(b'-'), Some(b']'), _) => RangeEnd::None,
        (Some(b'-'), Some(b'['), Some(b'.')) => match symbol(pattern, at + 3) {
            Some((high, next)) => RangeEnd::Byte(high, next),
            None => RangeEnd::Malformed,
        },
        (Some(b'-'), Some(b'\\'), Some(&high)) => RangeEnd::Byte(high, at + 3),
        (Some(b'-'), Some(b'\\') | None, None) => RangeEnd::Malformed,
        (Some(b'-'), Some(&high), _) => RangeEnd::Byte(high, at + 2),
        _ => RangeEnd::None,
    }
}

enum Skip {
    /// Offset behind the closing bracket.
    End(usize),
    Unterminated,
    Malformed,
}

/// Skips the rest of a bracket expression after a matching element.
fn skip(pattern: &[u8], mut at: usize) -> Skip {
    while let Some(&byte) = pattern.get(at) {
        at += match (byte, pattern.get(at + 1)) {
            (b']', _) => return Skip::End(at + 1),
            (b'\\', None) => return Skip::Malformed,
            (b'\\', Some(_)) => 2,
            (b'[', Some(b':')) => match class_name(pattern, at + 2) {
                ClassName::Named(end) => end + 2 - at,
                ClassName::TooLong => return Skip::Malformed,
                ClassName::None => 1,
            },
            (b'[', Some(b'=')) => match pattern.get(at + 2..at + 5) {
                Some([_, b'=', b']']) => 5,
                _ => return Skip::Malformed,
            },
            (b'[', Some(b'.')) => match pattern[at + 2..].windows(2).position(|two| two == b".]") {
                Some(length) => length + 4,
                None => return Skip::Malformed,
            },
            _ => 1,
        };
    }
    Skip::Unterminated
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pattern, a name that matches, a name that does not. `tests/it/glob.rs` compares with the C library.
    const CASES: &[(&str, &str, &str)] = &[
        ("*.conf", "a.conf", ".conf"),
        ("**.conf", "a.conf", "a.con"),
        ("[^x]*", "y", "x"),
        ("[!x]*", "yx", ".y"),
        ("[[:lower:]]", "a", "A"),
        ("[[:alpha:]1]", "1", "2"),
        ("[]a]", "]", "b"),
        ("[a-c]", "b", "d"),
        ("[a\\-c]", "-", "b"),
        ("[c-]", "-", "d"),
        ("[[.-.]-0]", "0", "1"),
        ("[[=a=]b]", "a", "="),
        ("[a", "[a", "a"),
        ("\\*", "*", "x"),
        ("a*b*c", "aXbXbXc", "aXbXb"),
        ("\\.a", ".a", "a"),
    ];

    #[test]
    fn elements() {
        for (pattern, fits, differs) in CASES {
            assert!(matches(pattern.as_bytes(), fits.as_bytes()), "{pattern} {fits}");
            assert!(!matches(pattern.as_bytes(), differs.as_bytes()), "{pattern} {differs}");
        }
        assert!(matches_any(b"*.conf", b".conf"));
        assert!(matches(b"\xe9*", b"\xe9\xff"));
    }

    #[test]
    fn stars_cost_no_exponent() {
        let pattern = b"*a".repeat(5_000);
        assert!(!matches(&pattern, &b"a".repeat(4_999)));
    }
}
