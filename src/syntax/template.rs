//! Templates: files with places that a program fills in before nginx reads them.
//!
//! What a place will hold is not known. It is read as a number of the same length, which fits wherever most values do,
//! and what is said of it is not told: [`Configuration::is_uncertain`](super::Configuration::is_uncertain).

mod envsubst;
mod language;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

pub use language::Language;
pub(super) use language::guess;

/// How templates are read.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// What `${NAME}` and `$NAME` stand for: `envsubst` of the official image does the same for the names of its
    /// environment.
    pub values: BTreeMap<String, String>,
    /// The language that every file is written in, if somebody says so.
    pub language: Option<Language>,
    /// Whether nginx has a variable of a name.
    pub is_variable: Option<fn(&[u8]) -> bool>,
}

impl Templates {
    /// Whether a text is a name that can have a value: letters, digits and `_`, not beginning with a digit.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
}

/// A value that was filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// Where the value begins in the text with values.
    pub(super) at: u32,
    /// Its length in bytes.
    pub(super) length: u32,
    /// The length in bytes of what stood there.
    pub(super) written: u32,
}

/// A file as it is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The text with the known values filled in, if there are any.
    pub(super) text: Option<Vec<u8>>,
    /// Where they are.
    pub(super) filled: Vec<Filled>,
    /// The text that is parsed, of the same length: unknown places are numbers or nothing.
    pub(super) parsed: Option<Vec<u8>>,
    /// The unknown places.
    pub(super) holes: Vec<Range<u32>>,
    /// Texts of which only one will be there.
    pub(super) alternatives: Vec<Range<u32>>,
    /// The file is written in this language, and nobody asked to look through it; where that shows.
    pub(super) unread: Option<(Language, Range<u32>)>,
}

/// How a file is to be read; `None` if as it stands.
pub(super) fn read(path: &Path, text: &[u8], templates: &Templates) -> Option<Reading> {
    let named = Language::of_name(path);
    let reading = match templates.language {
        Some(language) if language != Language::Envsubst => language::mask(language, text),
        _ => {
            let written = named.filter(|_| !matches!(templates.language, Some(Language::Envsubst)));
            match written.and_then(|language| language::tagged(language, text)) {
                Some(unread) => Reading { unread: Some(unread), ..Reading::default() },
                None => envsubst::read(path, text, templates)?,
            }
        }
    };
    Some(reading)
}

/// Puts a number of the same length in the place of what is not known; a line break inside of it stays.
fn put_number(parsed: &mut [u8], range: Range<usize>, number: usize) {
    let digits = number.to_string();
    let line = memchr::memchr(b'\n', &parsed[range.clone()]).unwrap_or(range.len());
    let (own, rest) = parsed[range].split_at_mut(line);
    let digits = &digits.as_bytes()[digits.len().saturating_sub(own.len())..];
    let zeros = own.len() - digits.len();
    own[..zeros].fill(b'0');
    own[zeros..].copy_from_slice(digits);
    blank(rest);
}

/// Leaves nothing but line breaks.
fn blank(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

/// Whether a place stands where a directive would begin, and alone on its line; then the end of what it takes with it,
/// which may be a `;`.
fn stands_alone(parsed: &[u8], range: &Range<usize>) -> Option<usize> {
    /// Lines of comments looked past.
    const MOST: usize = 100;
    let rest = &parsed[range.end..];
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let trimmed = line.trim_ascii();
    let takes = match trimmed.first() {
        None | Some(b'#') => 0,
        Some(b';') => line.iter().position(|&b| b == b';')? + 1,
        Some(_) => return None,
    };
    let mut before = &parsed[..range.start];
    for n in 0..MOST {
        let start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        let line = before[start..].trim_ascii();
        match line.first() {
            Some(b'#') if n > 0 => {}
            Some(_) => return matches!(line.last(), Some(b';' | b'{' | b'}')).then_some(range.end + takes),
            None => {}
        }
        if start == 0 {
            return Some(range.end + takes);
        }
        before = &before[..start - 1];
    }
    None
}
