//! Characters that look like a space, a quote, a sign of the syntax or a letter, and are other letters to nginx: they come
//! from web pages, word processors and other keyboards.

mod table;

use std::ops::Range;

use super::tree::Tree;
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::source::Span;
use table::{ODD, Odd, SyntaxRole, letter};

/// Most findings in one file.
const MOST: usize = 100;

/// Code of a finding about a character.
pub(crate) const ODD_CHARACTER: &str = "odd-character";

/// Reports characters that nginx takes as part of a word and a person sees as something else. Comments and quoted words
/// may contain them.
pub(super) fn check(tree: &Tree) -> Vec<Diagnostic> {
    let text = tree.text();
    let is_usual = |text: &[u8]| text.is_ascii() && memchr::memchr2(0x0b, 0x0c, text).is_none();
    if is_usual(text) {
        return Vec::new();
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut closed = 0;
    for word in tree.words.iter().map(|word| word.range()) {
        let own = &text[word.clone()];
        if is_usual(own) || matches!(own[0], b'"' | b'\'') {
            continue;
        }
        for (at, character) in characters(text, &word) {
            let Some(odd) = ODD.iter().find(|odd| odd.character == character) else { continue };
            // A byte order mark at the start has its own message, and the half of a pair is told with the other.
            if at < closed || at == 0 && character == '\u{feff}' || !stands_for_another(odd, text, &word, at)
            {
                continue;
            }
            let other = (odd.looks == SyntaxRole::Quote && at == word.start)
                .then(|| other_half(text, at, odd))
                .flatten();
            closed = other.as_ref().map_or(closed, |other| other.end);
            found.push(diagnostic(odd, tree, at, other));
        }
        found.extend(mixed(tree, &word));
        if found.len() >= MOST {
            break;
        }
    }
    found.truncate(MOST);
    found.sort_by_key(|d| d.span);
    found
}

/// The characters of a word with their places; bytes that are not UTF-8 are left out.
fn characters<'t>(text: &'t [u8], word: &Range<usize>) -> impl Iterator<Item = (usize, char)> + 't {
    let mut at = word.start;
    text[word.clone()].utf8_chunks().flat_map(move |chunk| {
        let start = at;
        at += chunk.valid().len() + chunk.invalid().len();
        chunk.valid().char_indices().map(move |(n, c)| (start + n, c))
    })
}

/// A quote is part of a word unless the word begins or ends with it; an apostrophe inside a word is a letter.
fn stands_for_another(odd: &Odd, text: &[u8], word: &Range<usize>, at: usize) -> bool {
    let (first, end) = (at == word.start, at + odd.character.len_utf8());
    let last = ends_word(text, end);
    // A regular expression may need such a character.
    let is_pattern = matches!(text[word.start], b'~' | b'^') || text[word.clone()].ends_with(b"$");
    match odd.looks {
        SyntaxRole::Blank => !is_pattern,
        SyntaxRole::Quote => !is_pattern && (first || last),
        SyntaxRole::Dash => first,
        SyntaxRole::Sign if odd.instead == "#" => first,
        SyntaxRole::Sign => !is_pattern || last,
    }
}

/// True if a word ends at an offset, or would if it were quoted.
fn ends_word(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')'))
}

/// The quote on the same line that closes the one at an offset.
fn other_half(text: &[u8], at: usize, opening: &Odd) -> Option<Range<usize>> {
    let start = at + opening.character.len_utf8();
    let line = start + memchr::memchr(b'\n', &text[start..]).unwrap_or(text.len() - start);
    let mut quotes = characters(text, &(start..line)).filter_map(|(at, character)| {
        let is_quote = |odd: &&Odd| odd.character == character && odd.instead == opening.instead;
        ODD.iter().find(is_quote).map(|odd| at..at + odd.character.len_utf8())
    });
    quotes.find(|quote| ends_word(text, quote.end) || text[quote.end..].starts_with("；".as_bytes()))
}

fn diagnostic(odd: &Odd, tree: &Tree, at: usize, other: Option<Range<usize>>) -> Diagnostic {
    let span = Span::new(tree.file(), at, at + odd.character.len_utf8());
    let code = format!("U+{:04X}", u32::from(odd.character));
    let (shown, title) = match odd.instead {
        "" => ("nothing".to_owned(), format!("remove {}", odd.name)),
        " " => ("a space".to_owned(), format!("replace {} by a space", odd.name)),
        "\n" => ("a line break".to_owned(), format!("replace {} by a line break", odd.name)),
        other => (format!("`{other}`"), format!("replace {} by `{other}`", odd.name)),
    };
    let mut edits = vec![Edit::replace(span, odd.instead)];
    let mut diagnostic = Diagnostic::warning(
        ODD_CHARACTER,
        span,
        format!("expected {shown}, found {} ({code}), which is part of a word to nginx", odd.name),
    )
    .label(odd.name)
    .help("text from a web page or a word processor often has it; `ngxc lint --fix` repairs it");
    if let Some(other) = other {
        let other = Span::new(tree.file(), other.start, other.end);
        edits.push(Edit::replace(other, odd.instead));
        diagnostic = diagnostic.related(other, "and this one, which should close it");
    }
    diagnostic.fix(Fix::safe(title, edits))
}

/// A word in our letters but for some of another alphabet that look the same.
fn mixed(tree: &Tree, word: &Range<usize>) -> Option<Diagnostic> {
    let text = tree.text();
    let written = std::str::from_utf8(&text[word.clone()]).ok()?;
    let (at, first) = written.char_indices().find(|(_, c)| letter(*c).is_some())?;
    let meant: String = written.chars().map(|c| letter(c).map_or(c, |(_, ours)| ours)).collect();
    if !meant.is_ascii() || !written.bytes().any(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let (alphabet, ours) = letter(first)?;
    let whole = Span::new(tree.file(), word.start, word.end);
    let span = Span::new(tree.file(), word.start + at, word.start + at + first.len_utf8());
    let message = format!(
        "expected `{meant}`, found the {alphabet} letter U+{:04X} in it, which looks like `{ours}` and is another letter to \
         nginx",
        u32::from(first)
    );
    let fix = Fix::safe(format!("write `{meant}` in ASCII"), vec![Edit::replace(whole, meant)]);
    let diagnostic = Diagnostic::warning(ODD_CHARACTER, span, message).label(format!("a {alphabet} letter"));
    Some(
        diagnostic
            .help("another keyboard or a web page has put it there; `ngxc lint --fix` repairs it")
            .fix(fix),
    )
}

/// The text as it was meant, of the same length: what the fixes of findings would write, and blanks.
pub(super) fn meant(tree: &Tree, found: &[Diagnostic]) -> Vec<u8> {
    let mut meant = tree.text().to_vec();
    for edit in found.iter().filter_map(|d| d.fix.as_ref()).flat_map(|fix| &fix.edits) {
        let range = edit.span.range();
        let own = edit.text.as_bytes();
        // A character that stands for nothing may be inside of a word, which stays one word.
        let Some(left_over) = range.len().checked_sub(own.len()).filter(|_| !own.is_empty()) else {
            continue;
        };
        meant[range.clone()].fill(b' ');
        let opens = own.len() == 1 && !ends_word(tree.text(), range.end);
        let start = if opens { range.start + left_over } else { range.start };
        meant[start..start + own.len()].copy_from_slice(own);
    }
    meant
}
