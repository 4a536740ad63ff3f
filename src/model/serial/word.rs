//! `&'static str`, alone or in an `Option` or list: words that directives accept.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Word that a directive accepts. A type alias, as serde's derive would borrow a `&'static str`.
pub(crate) type AcceptedWord = &'static str;

/// The program's own copy of a word. Each is kept for ever; their number is limited by the words that directives
/// accept.
fn intern(word: &str) -> &'static str {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(word) {
        return known;
    }
    let word: &'static str = Box::leak(word.into());
    words.insert(word);
    word
}

pub(crate) trait Words: Serialize {
    type Loaded<'de>: Deserialize<'de>;
    fn interned(loaded: Self::Loaded<'_>) -> Self;
}

impl Words for &'static str {
    type Loaded<'de> = &'de str;
    fn interned(loaded: &str) -> Self {
        intern(loaded)
    }
}

impl Words for Option<&'static str> {
    type Loaded<'de> = Option<&'de str>;
    fn interned(loaded: Option<&str>) -> Self {
        loaded.map(intern)
    }
}

impl Words for Vec<&'static str> {
    type Loaded<'de> = Vec<&'de str>;
    fn interned(loaded: Vec<&str>) -> Self {
        loaded.into_iter().map(intern).collect()
    }
}

pub(crate) fn serialize<T: Words, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    value.serialize(to)
}

pub(crate) fn deserialize<'de, T: Words, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    T::Loaded::deserialize(from).map(T::interned)
}
