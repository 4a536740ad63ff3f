//! Texts in base64 (RFC 4648), as the data of a Secret are.

/// Shortest text that is decoded: any word of four letters is base64.
const SHORTEST: usize = 24;

/// The text behind a scalar in base64; `None` for other scalars, and for data that are no text.
pub(super) fn decoded(scalar: &str) -> Option<String> {
    let digits = || scalar.bytes().filter(|b| !b.is_ascii_whitespace());
    let is_possible = scalar.len() >= SHORTEST && digits().all(|b| b == b'=' || value(b).is_some());
    if !is_possible || digits().count() % 4 != 0 {
        return None;
    }
    let mut bytes = Vec::with_capacity(scalar.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for own in digits().map_while(value) {
        bits = bits << 6 | own;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_texts_are_decoded() {
        let text = "ZXZlbnRzIHsgfQpodHRwIHsg\n  fQ==";
        assert_eq!(decoded(text).as_deref(), Some("events { }\nhttp { }"));
        assert_eq!(decoded("server { listen 80; server_name a; }"), None);
        assert_eq!(decoded("ZXZlbnRzIHsgfQpodHRwIHsgf"), None);
        assert_eq!(decoded("//////////////////////////////=="), None);
    }
}
