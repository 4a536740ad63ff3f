//! Sets of bytes.

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::lint) struct Bytes([u64; 4]);

impl Bytes {
    /// No byte.
    pub(in crate::lint) const NONE: Bytes = Bytes([0; 4]);
    /// Every byte.
    pub(in crate::lint) const ALL: Bytes = Bytes([u64::MAX; 4]);

    /// The bytes of a text.
    pub(in crate::lint) fn of(text: &[u8]) -> Self {
        text.iter().fold(Self::NONE, |set, byte| set.with(*byte))
    }

    /// The bytes from one to another, both included.
    pub(in crate::lint) fn range(first: u8, last: u8) -> Self {
        (first..=last).fold(Self::NONE, Self::with)
    }

    /// The bytes for which something holds.
    pub(in crate::lint) fn such(holds: impl Fn(u8) -> bool) -> Self {
        (0..=255).filter(|byte| holds(*byte)).fold(Self::NONE, Self::with)
    }

    /// With one more.
    pub(in crate::lint) fn with(mut self, byte: u8) -> Self {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        self
    }

    /// Without some.
    pub(in crate::lint) fn without(self, text: &[u8]) -> Self {
        self.and(Self::of(text).not())
    }

    /// Union of two sets.
    pub(in crate::lint) fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Intersection of two sets.
    pub(in crate::lint) fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    /// All others.
    pub(in crate::lint) fn not(self) -> Self {
        Self(self.0.map(|part| !part))
    }

    /// True if a byte belongs to it.
    pub(in crate::lint) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// True if there is none.
    pub(in crate::lint) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// With the other case of each letter, as PCRE compares in the C locale.
    pub(super) fn folded(self) -> Self {
        let other = |byte: u8| if byte.is_ascii_alphabetic() { byte ^ 0x20 } else { byte };
        self.or(Self::such(|byte| self.has(other(byte))))
    }

    /// The byte that reads best: letters and digits before the rest, what can stand in a URL as it is before what cannot.
    pub(in crate::lint) fn best(self) -> Option<u8> {
        const FIRST: &[u8] =
            b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. !~=&;:,@+$*'()/?";
        let rest = (0x21..=0x7e).chain(0..=0x20).chain(0x7f..=0xff);
        FIRST.iter().copied().chain(rest).find(|byte| self.has(*byte))
    }
}
