//! Arguments that directives of several modules take.

use serde::{Deserialize, Serialize};

use super::serial::word::Known;

/// Number and size of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffers {
    /// How many.
    pub number: u32,
    /// Bytes of each.
    pub size: u64,
}

/// A directory for temporary files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempPath {
    /// As written.
    pub path: String,
    /// Characters of the file's name that name directories, from its end.
    pub levels: Vec<usize>,
}

/// One word of several that a directive knows, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word(#[serde(with = "super::serial::word")] pub Known);

/// Some of the words that a directive knows.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Words(#[serde(with = "super::serial::word")] pub Vec<Known>);

impl Words {
    /// Whether the word is among them.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}
