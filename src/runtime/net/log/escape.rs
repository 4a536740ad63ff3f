//! Escapes of values in `log_format` (`ngx_http_log_escape`, `ngx_escape_json`).

use crate::model::log::Escape;

/// Escapes what stands from `start` on, a variable's value, as `log_format` does.
pub(crate) fn from(start: usize, escape: Escape, out: &mut Vec<u8>) {
    // Most values have nothing to escape; the loop without an end before the last byte is one over vectors.
    let is_plain = match escape {
        Escape::None => true,
        Escape::Default => !out[start..].iter().fold(false, |any, b| any | is_special(*b, true)),
        Escape::Json => !out[start..].iter().fold(false, |any, b| any | is_special(*b, false)),
    };
    if !is_plain {
        let value = out.split_off(start);
        each(&value, escape == Escape::Json, out);
    }
}

/// True if a byte is escaped at all.
fn is_special(byte: u8, high: bool) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || (high && byte >= 0x7f)
}

fn each(value: &[u8], is_json: bool, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
        match byte {
            _ if !is_special(*byte, !is_json) => out.push(*byte),
            _ if !is_json => {
                out.extend_from_slice(b"\\x");
                out.extend_from_slice(&digits);
            }
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        for (value, how, expected) in [
            ("a b", Escape::Default, "a b"),
            ("a\"\\\n\u{7f}é", Escape::Default, "a\\x22\\x5C\\x0A\\x7F\\xC3\\xA9"),
            ("é\u{7f}", Escape::Json, "é\u{7f}"),
            ("a\"\n\u{1}é\\\t", Escape::Json, "a\\\"\\n\\u0001é\\\\\\t"),
            ("a\"", Escape::None, "a\""),
        ] {
            let mut out = b"\"before".to_vec();
            let start = out.len();
            out.extend_from_slice(value.as_bytes());
            from(start, how, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"before{expected}"));
        }
    }
}
