//! Prints of texts: 128 bits that stand for a text in tables. The seed differs from run to run, so that no log is made to
//! be slow, or to have two texts of one print: for a million texts the chance of such a pair is below one in 10^26.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// Table whose keys are prints.
pub(super) type Table<V> = HashMap<u128, V, BuildHasherDefault<Low>>;

/// Odd numbers without a pattern.
const ONE: u64 = 0x9e37_79b9_7f4a_7c15;
const TWO: u64 = 0xbf58_476d_1ce4_e5b9;

/// Seed of all prints of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64, u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0), RandomState::new().hash_one(1))
    }
}

impl Seed {
    /// The print of nothing, to which texts are added.
    pub(super) fn print(self) -> Print {
        Print { one: self.0, two: self.1 }
    }
}

/// Print of the texts that were added to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    one: u64,
    two: u64,
}

impl Print {
    /// Adds eight bytes: both halves of a product are folded, each into a state of its own.
    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        let product = u128::from(self.one ^ word ^ ONE) * u128::from(self.two ^ word.rotate_left(32) ^ TWO);
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.one = (self.one ^ high).wrapping_add(low.rotate_left(29)).wrapping_add(word);
        self.two = (self.two.rotate_left(17) ^ low).wrapping_add(high).wrapping_mul(ONE) ^ word;
    }

    /// Adds a text and its length.
    #[inline]
    pub(super) fn add(&mut self, text: &[u8]) {
        let (words, rest) = text.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        // The length in the last word tells a text from the same text with zeros behind.
        let length = (text.len() as u64) << 56;
        let last = match rest {
            [] => 0,
            [a] => u64::from(*a),
            [a, b] => u64::from(u16::from_le_bytes([*a, *b])),
            [a, b, c] => u64::from(u32::from_le_bytes([*a, *b, *c, 0])),
            [a, b, c, d, more @ ..] => {
                let more = more.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
                u64::from(u32::from_le_bytes([*a, *b, *c, *d])) | more << 32
            }
        };
        self.word(last ^ length);
    }

    /// The print as a key.
    #[inline]
    pub(super) fn key(mut self) -> u128 {
        self.word(0);
        u128::from(self.one) << 64 | u128::from(self.two)
    }
}

/// The lower half of a print is a hash.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Low(u64);

impl Hasher for Low {
    fn write(&mut self, _: &[u8]) {}

    #[inline]
    fn write_u128(&mut self, print: u128) {
        self.0 = print as u64;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Seed;

    #[test]
    fn prints_of_texts_differ() {
        let seed = Seed::default();
        let print = |texts: &[&[u8]]| {
            let mut print = seed.print();
            for text in texts {
                print.add(text);
            }
            print.key()
        };
        let mut seen = HashSet::new();
        let mut halves = (HashSet::new(), HashSet::new());
        let long: Vec<u8> = (0..=255).collect();
        let mut texts: Vec<Vec<&[u8]>> = (0..=255).map(|end| vec![&long[..end]]).collect();
        texts.extend((0..20).map(|at| vec![&long[..at], &long[at..20]]));
        let zeros = [0; 20];
        texts.extend((1..20).map(|end| vec![&zeros[..end], b"x"]));
        let numbers: Vec<String> = (0..50_000).map(|n| format!("/a/{n}")).collect();
        texts.extend(numbers.iter().map(|text| vec![text.as_bytes()]));
        for texts in &texts {
            let print = print(texts);
            assert!(seen.insert(print), "{texts:?}");
            halves.0.insert(print as u64);
            halves.1.insert((print >> 64) as u64);
        }
        // Each half alone has them apart too.
        assert_eq!((halves.0.len(), halves.1.len()), (texts.len(), texts.len()));
        assert_eq!(print(&[b"a", b"b"]), print(&[b"a", b"b"]));
    }
}
