//! The hash of `split_clients`: MurmurHash2 with seed 0 (`ngx_murmur_hash2`, src/core/ngx_murmurhash.c).

/// Hash of a key.
#[inline]
pub fn murmur2(data: &[u8]) -> u32 {
    murmur2::murmur2(data, 0)
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
            (b"a", 2456313694),
            (b"ab", 446775395),
            (b"abc", 324500635),
            (b"abcd", 646393889),
            (b"abcde", 1594468574),
            (b"192.0.2.1", 3369748723),
            (b"127.0.0.1", 3054706065),
            (b"203.0.113.740001", 1265451290),
            (b"10.0.0.2542768", 687177156),
            (b"2001:db8::1", 4051387920),
            (b"\xff\xfe\xfd\xfc\xfb", 4209270460),
            (b"nginx", 2217402021),
            (b"/index.html?q=1", 1246808731),
            (b"The quick brown fox jumps over the lazy dog", 556214736),
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
