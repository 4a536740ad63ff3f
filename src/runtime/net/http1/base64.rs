//! Base64 with the two alphabets of RFC 4648 (`ngx_decode_base64`, `ngx_decode_base64url`).

/// Decodes up to the first `=`; `None` for any other byte outside the alphabet, or a single leftover digit.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, *b"+/")
}

/// Decodes the alphabet of URLs, otherwise like [`decode`].
pub(crate) fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, *b"-_")
}

fn decode_with(text: &[u8], last: [u8; 2]) -> Option<Vec<u8>> {
    let length = memchr::memchr(b'=', text).unwrap_or(text.len());
    if length % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(length);
    let (mut bits, mut have) = (0u32, 0);
    for b in &text[..length] {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b if *b == last[0] => 62,
            b if *b == last[1] => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    Some(out)
}

/// Encodes with the standard alphabet and `=` as padding.
pub(crate) fn encode(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(data.len().div_ceil(3) * 4);
    for three in data.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i > three.len() { '=' } else { char::from(digit) });
        }
    }
    out
}
