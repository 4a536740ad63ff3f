//! A template as it is read: known values filled in, unknown text as numbers of the same length.

use std::collections::BTreeMap;
use std::ops::Range;

use super::language::Language;
use crate::syntax::uncertain::Uncertain;

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
pub(crate) struct FilledValue {
    /// Offset of the value in the text with values.
    pub(crate) at: u32,
    /// Length of the value in bytes.
    pub(crate) length: u32,
    /// Length of the replaced text in bytes.
    pub(crate) written: u32,
}

/// Template as read.
#[derive(Debug, Default)]
pub(crate) struct ReadTemplate {
    /// Text with the known values filled in, if there are any.
    pub(crate) text: Option<Vec<u8>>,
    /// Places of the values.
    pub(crate) filled: Vec<FilledValue>,
    /// Text for the parser, of the same length: unknown placeholders are numbers or blank.
    pub(crate) parsed: Option<Vec<u8>>,
    /// Texts that only the rendering decides.
    pub(crate) uncertain: Uncertain,
    /// Language of a template that is not to be rendered here, and the place that shows it.
    pub(crate) unread: Option<(Language, Range<u32>)>,
    /// Mark of the first tag that never closes, in a template that is looked through.
    pub(crate) unclosed: Option<Unclosed>,
}

/// Tag that never closes.
#[derive(Clone, Debug)]
pub(crate) struct Unclosed {
    /// Place of its mark.
    pub(crate) range: Range<u32>,
    /// Mark that should close it.
    pub(crate) close: &'static str,
}

/// Replaces everything but line breaks by spaces.
pub(crate) fn blank(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')) {
        *byte = b' ';
    }
}
