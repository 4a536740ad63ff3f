//! A template as it is read: known values filled in, unknown text as numbers of the same length.

use std::collections::BTreeMap;
use std::ops::Range;

use super::language::Language;

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
    /// Test for a directive's name; with it configurations inside of YAML are found.
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
pub(crate) struct Filled {
    /// Offset of the value in the text with values.
    pub(crate) at: u32,
    /// Length of the value in bytes.
    pub(crate) length: u32,
    /// Length of the replaced text in bytes.
    pub(crate) written: u32,
}

/// Template as read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Text with the known values filled in, if there are any.
    pub(crate) text: Option<Vec<u8>>,
    /// Places of the values.
    pub(crate) filled: Vec<Filled>,
    /// Text for the parser, of the same length: unknown placeholders are numbers or blank.
    pub(crate) parsed: Option<Vec<u8>>,
    /// Unknown placeholders.
    pub(crate) holes: Vec<Range<u32>>,
    /// Alternative texts, of which the rendering keeps one.
    pub(crate) alternatives: Vec<Range<u32>>,
    /// Language of a template that is not to be rendered here, and the place that shows it.
    pub(crate) unread: Option<(Language, Range<u32>)>,
}

/// Replaces unknown text by a number of the same length; its line breaks stay.
pub(super) fn put_number(parsed: &mut [u8], range: Range<usize>, number: usize) {
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
pub(crate) fn blank(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

/// End of the text to blank if a placeholder is in the place of a directive and alone on its line; a `;` after it is
/// included.
pub(super) fn stands_alone(parsed: &[u8], range: &Range<usize>) -> Option<usize> {
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
