//! A hash of short texts that costs little; its seed differs from run to run, so that no log is made to be slow.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Maker of hashers with one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fast(u64);

impl Default for Fast {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }
}

impl BuildHasher for Fast {
    type Hasher = FoldingHasher;

    fn build_hasher(&self) -> FoldingHasher {
        FoldingHasher { state: self.0, seed: self.0 }
    }
}

/// Multiplies eight bytes at a time and folds the product.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldingHasher {
    state: u64,
    seed: u64,
}

impl FoldingHasher {
    #[inline]
    fn word(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.seed ^ 0x9e37_79b9_7f4a_7c15 | 1);
        self.state = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for FoldingHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.word(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}
