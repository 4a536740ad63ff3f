//! Characters that look like a space, a quote or nothing, and are ordinary letters to nginx: they come from web pages
//! and word processors. Files in UTF-16 too, which nginx cannot read.

use memchr::memchr3_iter;

use super::error::{self, SyntaxError};
use super::tree::Tree;
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::source::Span;

/// Most findings in one file.
const MOST: usize = 100;

/// Character, its name, and the text to write instead; `None` if nothing replaces it.
struct Odd {
    character: char,
    name: &'static str,
    instead: &'static str,
}

const ODD: [Odd; 21] = [
    Odd { character: '\u{a0}', name: "a no-break space", instead: " " },
    Odd { character: '\u{2007}', name: "a figure space", instead: " " },
    Odd { character: '\u{2002}', name: "an en space", instead: " " },
    Odd { character: '\u{2003}', name: "an em space", instead: " " },
    Odd { character: '\u{2009}', name: "a thin space", instead: " " },
    Odd { character: '\u{202f}', name: "a narrow no-break space", instead: " " },
    Odd { character: '\u{3000}', name: "an ideographic space", instead: " " },
    Odd { character: '\u{2028}', name: "a line separator", instead: "\n" },
    Odd { character: '\u{2029}', name: "a paragraph separator", instead: "\n" },
    Odd { character: '\u{200b}', name: "a zero-width space", instead: "" },
    Odd { character: '\u{200c}', name: "a zero-width non-joiner", instead: "" },
    Odd { character: '\u{200d}', name: "a zero-width joiner", instead: "" },
    Odd { character: '\u{2060}', name: "a word joiner", instead: "" },
    Odd { character: '\u{feff}', name: "a byte order mark", instead: "" },
    Odd { character: '\u{ad}', name: "a soft hyphen", instead: "" },
    Odd { character: '\u{201c}', name: "a typographic quote", instead: "\"" },
    Odd { character: '\u{201d}', name: "a typographic quote", instead: "\"" },
    Odd { character: '\u{201e}', name: "a typographic quote", instead: "\"" },
    Odd { character: '\u{2018}', name: "a typographic quote", instead: "'" },
    Odd { character: '\u{2019}', name: "a typographic quote", instead: "'" },
    Odd { character: '\u{ff1b}', name: "a full-width semicolon", instead: ";" },
];

/// Odd character at the start of a text.
fn odd(text: &[u8]) -> Option<(&'static Odd, usize)> {
    let first = text[..text.len().min(4)].utf8_chunks().next()?.valid().chars().next()?;
    let odd = ODD.iter().find(|o| o.character == first)?;
    Some((odd, first.len_utf8()))
}

/// Reports characters that nginx takes as part of a word and a person sees as something else. Comments and quoted words
/// may contain them.
pub(super) fn check(tree: &Tree) -> Vec<Diagnostic> {
    let text = tree.text();
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut word = 0;
    // Lead bytes of the characters above; no other byte of UTF-8 looks like one.
    let bytes = memchr3_iter(0xc2, 0xe2, 0xef, text).chain(memchr::memchr_iter(0xe3, text));
    for at in bytes {
        let Some((odd, length)) = odd(&text[at..]) else { continue };
        // A byte order mark at the start has its own message.
        if at == 0 && odd.character == '\u{feff}' {
            continue;
        }
        if tree.words.get(word).is_none_or(|w| w.range().start > at) {
            word = 0;
        }
        word += tree.words[word..].partition_point(|w| w.end() <= at);
        let Some(own) = tree.words.get(word).filter(|w| w.range().contains(&at)) else { continue };
        if matches!(text[own.range().start], b'"' | b'\'')
            || !stands_for_another(odd, text, &own.range(), at, length)
        {
            continue;
        }
        found.push(diagnostic(odd, Span::new(tree.file(), at, at + length)));
        if found.len() >= MOST {
            break;
        }
    }
    found.sort_by_key(|d| d.span);
    found
}

/// A quote is part of a word unless the word begins or ends with it; an apostrophe inside a word is a letter.
fn stands_for_another(
    odd: &Odd,
    text: &[u8],
    word: &std::ops::Range<usize>,
    at: usize,
    length: usize,
) -> bool {
    let is_quote = matches!(odd.instead, "\"" | "'");
    // A regular expression may need such a character.
    let is_pattern =
        text[word.start] == b'~' || text[word.start] == b'^' || text[word.clone()].ends_with(b"$");
    !is_pattern && (!is_quote || at == word.start || at + length == word.end)
}

fn diagnostic(odd: &Odd, span: Span) -> Diagnostic {
    let code = format!("U+{:04X}", u32::from(odd.character));
    let (shown, title) = match odd.instead {
        "" => ("nothing".to_owned(), format!("remove {}", odd.name)),
        " " => ("a space".to_owned(), format!("replace {} by a space", odd.name)),
        "\n" => ("a line break".to_owned(), format!("replace {} by a line break", odd.name)),
        other => (format!("`{other}`"), format!("replace {} by `{other}`", odd.name)),
    };
    Diagnostic::warning(
        "odd-character",
        span,
        format!("expected {shown}, found {} ({code}), which is part of a word to nginx", odd.name),
    )
    .label(odd.name)
    .help("text from a web page or a word processor often has it; `ngxc lint --fix` repairs it")
    .fix(Fix::safe(title, vec![Edit::replace(span, odd.instead)]))
}

/// Name of the encoding of a UTF-16 file, recognised by its byte order mark, or by zeros in every other byte.
fn utf16(text: &[u8]) -> Option<&'static str> {
    let begin = &text[..text.len().min(64)];
    let zeros = |from: usize| begin.len() >= 8 && begin.iter().skip(from).step_by(2).all(|&b| b == 0);
    match begin {
        [0xff, 0xfe, ..] => Some("UTF-16 (little endian)"),
        [0xfe, 0xff, ..] => Some("UTF-16 (big endian)"),
        _ if zeros(1) => Some("UTF-16 (little endian)"),
        _ if zeros(0) => Some("UTF-16 (big endian)"),
        _ => None,
    }
}

/// The only error of a file in UTF-16.
pub(super) fn encoding(tree: &Tree) -> Option<SyntaxError> {
    let name = utf16(tree.text())?;
    Some(error::encoding(name, Span::new(tree.file(), 0, tree.text().len().min(2))))
}
