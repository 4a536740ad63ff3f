//! Escapes and classes of PCRE2.

use super::set::Bytes;
use super::syntax::{Node, Reader};

/// The item behind `\`.
pub(super) fn escape(reader: &mut Reader<'_>) -> Option<Node> {
    let next = reader.peek()?;
    if let Some(set) = shorthand(next) {
        reader.at += 1;
        return Some(Node::Byte(set));
    }
    reader.at += 1;
    Some(match next {
        b'A' => Node::Start,
        b'z' | b'Z' => Node::End,
        b'b' | b'B' | b'G' | b'K' | b'E' => Node::Empty,
        b'R' => Node::Either(vec![
            Node::Row(vec![Node::Byte(Bytes::of(b"\r")), Node::Byte(Bytes::of(b"\n"))]),
            Node::Byte(Bytes::range(0x0a, 0x0d).with(0x85)),
        ]),
        b'X' => Node::Repeat { body: Box::new(Node::Byte(Bytes::ALL)), least: 1, most: Some(1) },
        b'C' => Node::Byte(Bytes::ALL),
        b'p' | b'P' => {
            if reader.take(b"{") {
                reader.until(b'}')?;
            } else {
                reader.at += 1;
            }
            Node::Byte(Bytes::ALL)
        }
        b'k' => {
            let end = match reader.peek()? {
                b'{' => b'}',
                b'<' => b'>',
                b'\'' => b'\'',
                _ => return None,
            };
            reader.at += 1;
            let name = reader.until(end)?;
            Node::Again(reader.named(&name)?)
        }
        b'g' => return again(reader),
        b'1'..=b'9' => {
            let start = reader.at - 1;
            let end = reader.text[start..].iter().position(|b| !b.is_ascii_digit());
            let digits = &reader.text[start..end.map_or(reader.text.len(), |n| start + n)];
            let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            if number < 10 || number <= reader.groups() {
                reader.at = start + digits.len();
                return Some(Node::Again(number));
            }
            reader.at = start;
            Node::Byte(Bytes::of(&[octal(reader, 3)?]))
        }
        _ => {
            reader.at -= 1;
            Node::Byte(Bytes::of(&[code(reader)?]))
        }
    })
}

/// `\g{-1}`, `\g2`, `\g{name}`; `\g<1>` calls a group, which is not understood.
fn again(reader: &mut Reader<'_>) -> Option<Node> {
    let name = if reader.take(b"{") {
        reader.until(b'}')?
    } else {
        let length = reader.rest().iter().position(|b| !b.is_ascii_digit() && !b"-+".contains(b));
        let name = reader.rest()[..length.unwrap_or(reader.rest().len())].to_vec();
        reader.at += name.len();
        name
    };
    let text = std::str::from_utf8(&name).ok()?;
    let number = match text.strip_prefix('-') {
        Some(back) => (reader.groups() + 1).checked_sub(back.parse().ok()?)?,
        None => text.parse().ok().or_else(|| reader.named(&name))?,
    };
    Some(Node::Again(number))
}

/// `\d` and the like: a set by one letter.
fn shorthand(letter: u8) -> Option<Bytes> {
    let set = match letter.to_ascii_lowercase() {
        b'd' => Bytes::range(b'0', b'9'),
        b'w' => Bytes::such(|b| b.is_ascii_alphanumeric() || b == b'_'),
        b's' => Bytes::of(b" \t\n\x0b\x0c\r"),
        b'h' => Bytes::of(b" \t\xa0"),
        b'v' => Bytes::range(0x0a, 0x0d).with(0x85),
        b'n' if letter == b'N' => return Some(Bytes::ALL.without(b"\n")),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { set.not() } else { set })
}

/// One byte, however it is written.
fn code(reader: &mut Reader<'_>) -> Option<u8> {
    let next = reader.peek()?;
    reader.at += 1;
    Some(match next {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'f' => 0x0c,
        b'e' => 0x1b,
        b'a' => 0x07,
        b'c' => {
            let letter = reader.peek()?;
            reader.at += 1;
            letter.to_ascii_uppercase() ^ 0x40
        }
        b'x' if reader.take(b"{") => {
            let digits = reader.until(b'}')?;
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        }
        b'x' => digits(reader, 2, 16)?,
        b'o' if reader.take(b"{") => {
            let digits = reader.until(b'}')?;
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?
        }
        b'0' => octal(reader, 2)?,
        letter if letter.is_ascii_alphanumeric() => return None,
        other => other,
    })
}

fn octal(reader: &mut Reader<'_>, most: usize) -> Option<u8> {
    digits(reader, most, 8)
}

fn digits(reader: &mut Reader<'_>, most: usize, radix: u32) -> Option<u8> {
    let length = reader.rest().iter().take(most).take_while(|b| char::from(**b).is_digit(radix)).count();
    let text = std::str::from_utf8(&reader.rest()[..length]).ok()?;
    let value = if text.is_empty() { 0 } else { u8::from_str_radix(text, radix).ok()? };
    reader.at += length;
    Some(value)
}

/// The item behind `[`.
pub(super) fn class(reader: &mut Reader<'_>) -> Option<Bytes> {
    let negated = reader.take(b"^");
    let mut set = Bytes::NONE;
    let mut is_first = true;
    loop {
        let next = reader.peek()?;
        if next == b']' && !is_first {
            reader.at += 1;
            return Some(if negated { set.not() } else { set });
        }
        is_first = false;
        if let Some(posix) = posix(reader)? {
            set = set.or(posix);
            continue;
        }
        let first = match item(reader)? {
            Item::Set(of) => {
                set = set.or(of);
                continue;
            }
            Item::Byte(byte) => byte,
        };
        let is_range =
            reader.peek() == Some(b'-') && reader.text.get(reader.at + 1).is_some_and(|b| *b != b']');
        if !is_range {
            set = set.with(first);
            continue;
        }
        reader.at += 1;
        match item(reader)? {
            Item::Byte(last) if first <= last => set = set.or(Bytes::range(first, last)),
            Item::Byte(_) => return None,
            Item::Set(of) => set = set.with(first).with(b'-').or(of),
        }
    }
}

enum Item {
    Byte(u8),
    Set(Bytes),
}

fn item(reader: &mut Reader<'_>) -> Option<Item> {
    let next = reader.peek()?;
    reader.at += 1;
    if next != b'\\' {
        return Some(Item::Byte(next));
    }
    let next = reader.peek()?;
    if let Some(set) = shorthand(next) {
        reader.at += 1;
        return Some(Item::Set(set));
    }
    match next {
        b'b' => {
            reader.at += 1;
            Some(Item::Byte(0x08))
        }
        b'p' | b'P' => Some(Item::Set(match escape(reader)? {
            Node::Byte(set) => set,
            _ => return None,
        })),
        b'1'..=b'7' => Some(Item::Byte(octal(reader, 3)?)),
        b'E' => {
            reader.at += 1;
            Some(Item::Set(Bytes::NONE))
        }
        _ => Some(Item::Byte(code(reader)?)),
    }
}

/// `[:alpha:]`
#[expect(clippy::option_option, reason = "outside: an unknown name; inside: no such class here")]
fn posix(reader: &mut Reader<'_>) -> Option<Option<Bytes>> {
    if !reader.rest().starts_with(b"[:") {
        return Some(None);
    }
    let Some(length) = memchr::memmem::find(reader.rest(), b":]") else { return Some(None) };
    let name = reader.rest()[2..length].to_vec();
    let (negated, word) = name.strip_prefix(b"^").map_or((false, &name[..]), |word| (true, word));
    if !word.iter().all(u8::is_ascii_lowercase) {
        return Some(None);
    }
    let holds: fn(&u8) -> bool = match word {
        b"alpha" => u8::is_ascii_alphabetic,
        b"digit" => u8::is_ascii_digit,
        b"alnum" => u8::is_ascii_alphanumeric,
        b"upper" => u8::is_ascii_uppercase,
        b"lower" => u8::is_ascii_lowercase,
        b"space" => |b| b" \t\n\x0b\x0c\r".contains(b),
        b"blank" => |b| b" \t".contains(b),
        b"punct" => u8::is_ascii_punctuation,
        b"print" => |b| matches!(b, 0x20..=0x7e),
        b"graph" => u8::is_ascii_graphic,
        b"cntrl" => u8::is_ascii_control,
        b"xdigit" => u8::is_ascii_hexdigit,
        b"word" => |b| b.is_ascii_alphanumeric() || *b == b'_',
        b"ascii" => u8::is_ascii,
        _ => return None,
    };
    reader.at += length + 2;
    let set = Bytes::such(|byte| holds(&byte));
    Some(Some(if negated { set.not() } else { set }))
}
