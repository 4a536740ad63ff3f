//! Ends of tags: what closes a tag does not stand in a quoted text, in a comment or in braces of the tag.

use memchr::memmem;

use super::language::Language;

/// End of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Length behind the mark, with what closes it.
    At(usize),
    /// Another tag begins first: it was never closed.
    Again,
    /// A quoted text does not end on its line: the language refuses it, and the first mark may close the tag.
    Unquoted,
    /// The end of the text comes first.
    Never,
}

/// Looks for the end of a tag in the text behind its mark. In ERB and in comments of Jinja the first mark closes a tag,
/// wherever it stands.
pub(super) fn end(language: Language, mark: &str, close: &str, inside: &[u8]) -> End {
    let trimmed = inside.strip_prefix(b"-").unwrap_or(inside).trim_ascii_start();
    if mark == "{{" && trimmed.starts_with(b"/*") {
        return of_comment(close, inside);
    }
    let (mut depth, mut is_passed) = (0_usize, false);
    let mut at = 0;
    while let Some(&byte) = inside.get(at) {
        let rest = &inside[at..];
        match byte {
            b'"' | b'\'' | b'`' => match quoted(byte, rest) {
                Some(length) if length < rest.len() => at += length,
                Some(_) => return End::Never,
                None => return End::Unquoted,
            },
            _ if rest.starts_with(mark.as_bytes()) => return End::Again,
            _ if depth == 0 && rest.starts_with(close.as_bytes()) => return End::At(at + close.len()),
            b'{' if language == Language::Jinja => depth += 1,
            b'}' if language == Language::Jinja => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_passed |= rest.starts_with(close.as_bytes());
        at += 1;
    }
    // Braces that do not match are no braces.
    if depth > 0 || is_passed { End::Unquoted } else { End::Never }
}

/// Position of the quote that ends a text, the length of the rest without one, `None` if a line ends first: only raw texts
/// of Go go over lines.
fn quoted(quote: u8, text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' if quote != b'`' => at += 1,
            b'\n' if quote != b'`' => return None,
            _ if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    Some(text.len())
}

/// `{{/* … */}}`
fn of_comment(close: &str, inside: &[u8]) -> End {
    let Some(end) = memmem::find(inside, b"*/").map(|at| at + 2) else { return End::Never };
    let gap = inside[end..].iter().take_while(|b| b.is_ascii_whitespace() || **b == b'-').count();
    let closes = inside[end + gap..].starts_with(close.as_bytes());
    if closes { End::At(end + gap + close.len()) } else { End::Unquoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_outside_of_quotes_comments_and_braces() {
        let cases: [(Language, &[u8], End); 12] = [
            (Language::Go, b" \"}}\" }} b", End::At(8)),
            (Language::Go, b" `{{\n}}` }}", End::At(11)),
            (Language::Go, b" `\\` }}", End::At(7)),
            (Language::Go, b"- /* it's }} */ -}}x", End::At(19)),
            (Language::Go, b" printf \"\\\"}}\" }}", End::At(17)),
            (Language::Jinja, b" {'a': {'b': '}}'}} }}", End::At(22)),
            (Language::Jinja, b" a }} {{ b }}", End::At(5)),
            (Language::Jinja, b" a {{ b }}", End::Again),
            (Language::Jinja, b" don't }}\n it's }}", End::Unquoted),
            (Language::Jinja, b" { }}", End::Unquoted),
            (Language::Jinja, b" \"a }}", End::Never),
            (Language::Go, b"/* a", End::Never),
        ];
        for (language, inside, expected) in cases {
            let found = end(language, "{{", "}}", inside);
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(inside));
        }
    }
}
