//! The code of packed strings in header blocks (RFC 7541, appendix B): canonical, so its lengths say everything.

/// Bits of each byte's code.
#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// Longest and shortest code.
const LONGEST: usize = 30;
const SHORTEST: usize = 5;

/// The bytes in the order of their codes, and for each length the first code and the position of its byte.
struct Codes {
    bytes: [u8; 256],
    first: [u32; LONGEST + 2],
    start: [u32; LONGEST + 2],
}

const CODES: Codes = {
    let mut codes = Codes { bytes: [0; 256], first: [0; LONGEST + 2], start: [0; LONGEST + 2] };
    let (mut length, mut count, mut code) = (1, 0, 0);
    while length <= LONGEST {
        codes.first[length] = code;
        codes.start[length] = count;
        let mut byte = 0;
        while byte < 256 {
            if LENGTHS[byte] as usize == length {
                codes.bytes[count as usize] = byte as u8;
                count += 1;
                code += 1;
            }
            byte += 1;
        }
        code <<= 1;
        length += 1;
    }
    codes.start[LONGEST + 1] = count;
    codes
};

static TABLE: Codes = CODES;

/// Length of a text as a string of a header block, packed if that is shorter (`ngx_http_v2_string_encode`).
pub(super) fn packed_length(text: &[u8]) -> u64 {
    let bits: usize = text.iter().map(|byte| usize::from(LENGTHS[usize::from(*byte)])).sum();
    string_length(bits.div_ceil(8).min(text.len()))
}

/// Bytes of a string of so many bytes, with the number before them (7 bits and more, RFC 7541, 5.1).
pub(super) fn string_length(length: usize) -> u64 {
    let number = match length {
        0..127 => 1,
        127..255 => 2,
        255..16_511 => 3,
        _ => 4,
    };
    (length + number) as u64
}

/// Shows each byte of a packed string; `None`: it is none.
pub(super) fn unpack(packed: &[u8], mut see: impl FnMut(u8)) -> Option<()> {
    let (mut code, mut length) = (0u32, 0);
    for bit in packed.iter().flat_map(|b| (0..8).rev().map(move |at| b >> at & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        if length < SHORTEST {
            continue;
        }
        if length > LONGEST {
            return None;
        }
        let count = TABLE.start[length + 1] - TABLE.start[length];
        let at = code.wrapping_sub(TABLE.first[length]);
        if at < count {
            see(TABLE.bytes[(TABLE.start[length] + at) as usize]);
            (code, length) = (0, 0);
        }
    }
    // Remaining bits are padding: fewer than eight ones, the beginning of the EOS code (RFC 7541, 5.2).
    (length < 8 && code + 1 == 1 << length).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        unpack(packed, |b| out.push(b)).map(|()| out)
    }

    #[test]
    fn examples_of_the_standard() {
        // RFC 7541, C.4 and C.6.
        for (packed, text) in [
            (
                &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff][..],
                "www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache"),
            (&[0x64, 0x02], "302"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], "private"),
            (&[], ""),
        ] {
            assert_eq!(unpacked(packed).as_deref(), Some(text.as_bytes()));
        }
        // Padding of eight ones, of zeros, and the code of the end.
        for broken in [&[0x64, 0x02, 0xff][..], &[0x64, 0x02, 0x00], &[0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(unpacked(broken), None);
        }
    }
}
