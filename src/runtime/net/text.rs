//! Text and numbers as they stand in heads, pages and lines of logs.

use std::io::Write;

/// Appends a header line.
pub(crate) fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut i = digits.len();
    loop {
        i -= 1;
        digits[i] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[i..]);
}

/// Appends formatted text.
pub(crate) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = out.write_fmt(text);
}

/// Appends a number with zeros before it up to that many digits.
pub(crate) fn padded(out: &mut Vec<u8>, n: u64, digits: u32) {
    for power in (1..digits).rev() {
        if n < 10_u64.pow(power) {
            out.push(b'0');
        }
    }
    number(out, n);
}

/// `X-Name` is `x_name`.
pub(crate) fn is_named(name: &[u8], variable: &str) -> bool {
    name.len() == variable.len()
        && name
            .iter()
            .zip(variable.bytes())
            .all(|(a, b)| (if *a == b'-' { b'_' } else { a.to_ascii_lowercase() }) == b)
}

pub(crate) fn escape_html(text: &[u8], out: &mut Vec<u8>) {
    for b in text {
        match b {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            _ => out.push(*b),
        }
    }
}
