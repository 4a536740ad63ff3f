//! Lists in lists, such as locations in locations, with a limit: a deeply nested file could exhaust the stack.

use std::cell::Cell;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Deepest nesting; greater than that of any file that can be compiled.
const DEEPEST: u32 = 128;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

pub(crate) fn serialize<T: Serialize, S: Serializer>(value: &[T], to: S) -> Result<S::Ok, S::Error> {
    value.serialize(to)
}

pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let depth = DEPTH.get();
    if depth == DEEPEST {
        return Err(D::Error::custom("locations are too deep"));
    }
    DEPTH.set(depth + 1);
    let inner = Vec::deserialize(from);
    DEPTH.set(depth);
    inner
}
