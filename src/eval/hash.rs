//! The hash of `split_clients`: MurmurHash2 with seed 0 (`ngx_murmur_hash2`, `ngx_murmurhash.c`).

/// Hash of a key.
#[inline]
pub fn murmur2(data: &[u8]) -> u32 {
    murmur2::murmur2(data, 0)
}

/// A 64-bit hash to tell keys apart; nginx has none.
#[inline]
pub fn fingerprint(data: &[u8]) -> u64 {
    murmur2::murmur64a(data, 0)
}

#[cfg(test)]
mod tests {
    use super::murmur2;
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
            // Keys made for hashes at the borders of buckets.
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

    /// `ngx_murmur_hash2` line by line.
    fn as_nginx_writes_it(mut data: &[u8]) -> u32 {
        const M: u32 = 0x5bd1_e995;
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

    proptest! {
        #[test]
        fn equals_nginx(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(murmur2(&data), as_nginx_writes_it(&data));
        }
    }
}
