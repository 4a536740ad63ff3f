//! Templates: files with placeholders that a program fills in before nginx reads them.
//!
//! The content of a placeholder is unknown. The placeholder is read as a number of the same length, which is valid
//! where most values are, and findings about it are dropped:
//! [`Configuration::is_uncertain`](super::Configuration::is_uncertain).

mod envsubst;
mod language;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

pub(super) use envsubst::{guarded, unguarded};
pub use language::Language;
pub(super) use language::guess;

/// Reading of templates.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// Values of `${NAME}` and `$NAME`: `envsubst` of the official image replaces the names of its environment in the
    /// same way.
    pub values: BTreeMap<String, String>,
    /// Language of every file, if an option names it.
    pub language: Option<Language>,
    /// True if nginx has a variable of a name.
    pub is_variable: Option<fn(&[u8]) -> bool>,
    /// Whether there is a directive of a name: then configurations inside of YAML are found.
    pub is_directive: Option<fn(&[u8]) -> bool>,
}

impl Templates {
    /// True if a text is a name that can have a value: letters, digits and `_`, not beginning with a digit.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
}

/// Filled-in value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// Offset of the value in the text with values.
    pub(super) at: u32,
    /// Length of the value in bytes.
    pub(super) length: u32,
    /// Length of the replaced text in bytes.
    pub(super) written: u32,
}

/// Template as read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Text with the known values filled in, if there are any.
    pub(super) text: Option<Vec<u8>>,
    /// Places of the values.
    pub(super) filled: Vec<Filled>,
    /// Text for the parser, of the same length: unknown placeholders are numbers or blank.
    pub(super) parsed: Option<Vec<u8>>,
    /// Unknown placeholders.
    pub(super) holes: Vec<Range<u32>>,
    /// Alternative texts, of which the rendering keeps one.
    pub(super) alternatives: Vec<Range<u32>>,
    /// Language of a template that is not to be rendered here, and the place that shows it.
    pub(super) unread: Option<(Language, Range<u32>)>,
}

/// Reading of a file; `None` if the file is read unchanged.
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

/// Replaces unknown text by a number of the same length; its line breaks stay.
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

/// Replaces everything but line breaks by spaces.
pub(super) fn blank(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

/// End of the text to blank if a placeholder is in the place of a directive and alone on its line; a `;` after it is
/// included.
fn stands_alone(parsed: &[u8], range: &Range<usize>) -> Option<usize> {
    /// Most lines of comments that are skipped.
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
