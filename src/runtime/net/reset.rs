//! New state in the memory of the old: each field is set in its place.

/// Sets fields, which a pattern has taken out of their struct, to one value.
macro_rules! set {
    ($value:expr, $($field:ident)*) => {{ $(*$field = $value;)* }};
}
pub(crate) use set;

/// Empties a buffer that is used again, and keeps at most 64 KiB of its memory.
pub(crate) fn empty(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.shrink_to(64 << 10);
}
