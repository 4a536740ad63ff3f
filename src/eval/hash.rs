//! The hash of `split_clients`: MurmurHash2 with seed 0 (`ngx_murmur_hash2`, `ngx_murmurhash.c`).

/// Hash of a key.
#[inline]
pub fn murmur2(data: &[u8]) -> u32 {
    murmur2::murmur2(data, 0)
}

const M: u32 = 0x5bd1_e995;

/// Longest part of a key after its [`Prefix`], in bytes.
pub const MAX_SUFFIX: usize = 13;

#[inline]
fn mix(h: u32, word: u32) -> u32 {
    let k = word.wrapping_mul(M);
    h.wrapping_mul(M) ^ (k ^ (k >> 24)).wrapping_mul(M)
}

#[inline]
fn finish(mut h: u32) -> u32 {
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ (h >> 15)
}

/// Hash state of keys with the same beginning and the same length: the words of the common beginning are hashed once,
/// as the hash starts with the length of the whole key.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    state: u32,
    /// Up to three bytes after the common words, and their number.
    rest: u32,
    rest_length: usize,
    suffix: usize,
}

impl Prefix {
    /// State for keys that begin with `shared` and have `suffix` further bytes, from one to [`MAX_SUFFIX`].
    pub fn new(shared: &[u8], suffix: usize) -> Self {
        let words = shared.chunks_exact(4);
        let mut rest = [0; 4];
        let rest_length = words.remainder().len();
        rest[..rest_length].copy_from_slice(words.remainder());
        let length = (shared.len() + suffix) as u32;
        let state = words.fold(length, |h, w| mix(h, u32::from_le_bytes([w[0], w[1], w[2], w[3]])));
        Self { state, rest: u32::from_le_bytes(rest), rest_length, suffix }
    }

    /// Hashes of the keys with these ends: the low bytes of each number, the first byte lowest, the other bits 0.
    #[inline]
    pub fn hashes(&self, ends: impl Iterator<Item = u128>, out: &mut [u32]) {
        let length = self.rest_length + self.suffix;
        // One loop for each number of words: the loop body has no branches.
        match (length / 4, !length.is_multiple_of(4)) {
            (0, _) => self.each::<0, true>(ends, out),
            (1, false) => self.each::<1, false>(ends, out),
            (1, true) => self.each::<1, true>(ends, out),
            (2, false) => self.each::<2, false>(ends, out),
            (2, true) => self.each::<2, true>(ends, out),
            (3, false) => self.each::<3, false>(ends, out),
            (3, true) => self.each::<3, true>(ends, out),
            _ => self.each::<4, false>(ends, out),
        }
    }

    fn each<const WORDS: usize, const MORE: bool>(&self, ends: impl Iterator<Item = u128>, out: &mut [u32]) {
        for (end, out) in ends.zip(out) {
            // In registers: words that are loaded right after byte stores would wait for the stores.
            let mut words = u128::from(self.rest) | end << (8 * self.rest_length);
            let mut h = self.state;
            for _ in 0..WORDS {
                h = mix(h, words as u32);
                words >>= 32;
            }
            if MORE {
                h = (h ^ words as u32).wrapping_mul(M);
            }
            *out = finish(h);
        }
    }

    /// Hashes like [`Self::hashes`], for ends of four to eight bytes.
    #[inline]
    pub fn short_hashes(&self, ends: impl Iterator<Item = u64>, out: &mut [u32]) {
        match self.rest_length {
            0 => self.each_short::<0>(ends, out),
            1 => self.each_short::<1>(ends, out),
            2 => self.each_short::<2>(ends, out),
            _ => self.each_short::<3>(ends, out),
        }
    }

    fn each_short<const REST: usize>(&self, ends: impl Iterator<Item = u64>, out: &mut [u32]) {
        let length = REST + self.suffix;
        for (end, out) in ends.zip(out) {
            let low = u64::from(self.rest) | end << (8 * REST);
            // Two shifts: a shift by all 64 bits would shift by none.
            let high = (end >> 32) >> (32 - 8 * REST);
            let mut h = mix(self.state, low as u32);
            let second = (low >> 32) as u32;
            h = match length {
                4 => h,
                5..=7 => (h ^ second).wrapping_mul(M),
                8 => mix(h, second),
                _ => (mix(h, second) ^ high as u32).wrapping_mul(M),
            };
            *out = finish(h);
        }
    }
}

/// Key of eight letters and digits whose hash is `wanted`; different `seed`s give different keys.
pub fn make_key(wanted: u32, seed: u32) -> [u8; 8] {
    const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    // Each step of the hash is invertible: M is odd, and the shifts are of a half or more, or repeated.
    const M_INVERSE: u32 = 0xe59b_19bd;
    let mut h = wanted ^ (wanted >> 15) ^ (wanted >> 30);
    h = h.wrapping_mul(M_INVERSE);
    h = h ^ (h >> 13) ^ (h >> 26);
    let mut number = seed;
    loop {
        let mut key = [0; 8];
        let mut n = number;
        for byte in &mut key[..4] {
            *byte = LETTERS[(n % 62) as usize];
            n /= 62;
        }
        let state = mix(8, u32::from_le_bytes([key[0], key[1], key[2], key[3]]));
        // Required second word: the inverse of its mixing.
        let k = (h ^ state.wrapping_mul(M)).wrapping_mul(M_INVERSE);
        let word = (k ^ (k >> 24)).wrapping_mul(M_INVERSE).to_le_bytes();
        if word.iter().all(u8::is_ascii_alphanumeric) {
            key[4..].copy_from_slice(&word);
            return key;
        }
        // One of 290 first words fits, of 62^4.
        number = number.wrapping_add(1);
    }
}

/// 64-bit hash that distinguishes keys; nginx has none.
#[inline]
pub fn fingerprint(data: &[u8]) -> u64 {
    murmur2::murmur64a(data, 0)
}

#[cfg(test)]
mod tests {
    use super::{MAX_SUFFIX, Prefix, make_key, murmur2};
    use proptest::prelude::*;

    #[test]
    fn literal_vectors() {
        // From nginx 1.31.5's own function, compiled alone.
        let cases: &[(&[u8], u32)] = &[
            (b"", 0),
            (b"a", 2_456_313_694),
            (b"ab", 446_775_395),
            (b"abc", 324_500_635),
            (b"abcd", 646_393_889),
            (b"abcde", 1_594_468_574),
            (b"192.0.2.1", 3_369_748_723),
            (b"127.0.0.1", 3_054_706_065),
            (b"203.0.113.740001", 1_265_451_290),
            (b"10.0.0.2542768", 687_177_156),
            (b"2001:db8::1", 4_051_387_920),
            (b"\xff\xfe\xfd\xfc\xfb", 4_209_270_460),
            (b"nginx", 2_217_402_021),
            (b"/index.html?q=1", 1_246_808_731),
            (b"The quick brown fox jumps over the lazy dog", 556_214_736),
            // Keys whose hashes are at the borders of buckets.
            (b"aafzVfou", 0),
            (b"aabfCXE0", 4_294_967_295),
            (b"aahlY3MS", 150_000_000),
            (b"aae9T3Ss", 1_500_000_000),
            (b"aau7Z5rC", 429_496_728),
            (b"aaa7Runw", 429_496_729),
            (b"aaaeb1PC", 858_993_457),
            (b"aahi5B0k", 858_993_458),
            (b"aaueizX5", 3_865_470_560),
            (b"aak6iB4W", 3_865_470_561),
            (b"aaqttImM", 4_294_967_289),
            (b"aafi3oV2", 4_294_967_290),
            (b"aafch0wO", 2_147_483_646),
            (b"aae3m7fs", 2_147_483_647),
            (b"aaetL4jk", 429_495),
            (b"aaooZfyK", 429_496),
        ];
        for (data, expected) in cases {
            assert_eq!(murmur2(data), *expected, "{:?}", data.escape_ascii().to_string());
        }
    }

    /// `ngx_murmur_hash2`, transcribed line by line.
    fn as_nginx_writes_it(mut data: &[u8]) -> u32 {
        const M: u32 = super::M;
        let mut h = data.len() as u32;
        while data.len() >= 4 {
            let mut k = u32::from(data[0]);
            k |= u32::from(data[1]) << 8;
            k |= u32::from(data[2]) << 16;
            k |= u32::from(data[3]) << 24;
            k = k.wrapping_mul(M);
            k ^= k >> 24;
            k = k.wrapping_mul(M);
            h = h.wrapping_mul(M);
            h ^= k;
            data = &data[4..];
        }
        if data.len() >= 3 {
            h ^= u32::from(data[2]) << 16;
        }
        if data.len() >= 2 {
            h ^= u32::from(data[1]) << 8;
        }
        if !data.is_empty() {
            h ^= u32::from(data[0]);
            h = h.wrapping_mul(M);
        }
        h ^= h >> 13;
        h = h.wrapping_mul(M);
        h ^ (h >> 15)
    }

    #[test]
    fn made_keys_have_the_hash() {
        for hash in [0, 1, 150_000_000, 1_500_000_000, 429_496_728, 429_496_729, u32::MAX - 1, u32::MAX] {
            let key = make_key(hash, 0);
            assert_eq!(murmur2(&key), hash, "{}", key.escape_ascii());
            assert_ne!(make_key(hash, 12_345), key);
        }
    }

    proptest! {
        #[test]
        fn prefixes_change_nothing(
            shared in proptest::collection::vec(any::<u8>(), 0..40),
            suffix in proptest::collection::vec(any::<u8>(), 1..=MAX_SUFFIX),
        ) {
            let prefix = Prefix::new(&shared, suffix.len());
            let mut bytes = [0; 16];
            bytes[..suffix.len()].copy_from_slice(&suffix);
            let end = u128::from_le_bytes(bytes);
            let mut hashes = [0; 2];
            prefix.hashes([end, end].into_iter(), &mut hashes);
            let expected = murmur2(&[&shared[..], &suffix].concat());
            prop_assert_eq!(hashes, [expected; 2]);
            if (4..=8).contains(&suffix.len()) {
                prefix.short_hashes([end as u64].into_iter(), &mut hashes[..1]);
                prop_assert_eq!(hashes[0], expected);
            }
        }

        #[test]
        fn equals_nginx(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(murmur2(&data), as_nginx_writes_it(&data));
        }
    }
}
