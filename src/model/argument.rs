//! Arguments that several modules' directives share.

use serde::{Deserialize, Serialize};

use super::serial::word::AcceptedWord;

/// Number and size of buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buffers {
    /// Number of buffers.
    pub number: u32,
    /// Size of one buffer in bytes.
    pub size: u64,
}

/// A directory for temporary files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempPath {
    /// Path as written.
    pub path: String,
    /// Lengths of the subdirectories' names, which are taken from the end of the file's name.
    pub levels: Vec<usize>,
}

/// One of the words that a directive accepts, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word(#[serde(with = "super::serial::word")] pub AcceptedWord);

/// Several of the words that a directive accepts.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Words(#[serde(with = "super::serial::word")] pub Vec<AcceptedWord>);

impl Words {
    /// True if the list has `word`.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}
