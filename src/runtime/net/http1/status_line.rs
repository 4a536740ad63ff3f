//! The status line of an upstream (`ngx_http_parse_status_line`).

use crate::runtime::net::http1::piece::Piece;

/// A status line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusLine {
    /// 1000, 1001 …
    pub(crate) version: u32,
    pub(crate) code: u16,
    /// Code and reason as sent, which is what the client gets.
    pub(crate) text: Piece,
}

/// Parses the line at `start`; `None`: incomplete; an error: no HTTP.
pub(crate) fn parse(buffer: &[u8], start: usize) -> Option<Result<(StatusLine, usize), ()>> {
    let rest = &buffer[start..];
    let prefix = rest.len().min(5);
    if rest[..prefix] != b"HTTP/"[..prefix] {
        return Some(Err(()));
    }
    let lf = start + memchr::memchr(b'\n', rest)?;
    let end = if buffer[lf - 1] == b'\r' { lf - 1 } else { lf };
    Some(line(&buffer[..end], start).map(|line| (line, lf + 1)).ok_or(()))
}

fn line(line: &[u8], start: usize) -> Option<StatusLine> {
    let (version, space) = match line.get(start..start + 9)? {
        b"HTTP/1.1 " => (1001, start + 8),
        b"HTTP/1.0 " => (1000, start + 8),
        _ => version(line, start)?,
    };
    let mut i = space;
    while line.get(i) == Some(&b' ') {
        i += 1;
    }
    let code = number(line.get(i..i + 3)?)?;
    if !matches!(line.get(i + 3), None | Some(b' ' | b'.')) || memchr::memchr(b'\r', &line[i..]).is_some() {
        return None;
    }
    Some(StatusLine { version, code, text: Piece::new(i, line.len()) })
}

/// Any version, and where the space behind it is.
fn version(line: &[u8], start: usize) -> Option<(u32, usize)> {
    let dot = start + line[start..].iter().position(|b| *b == b'.')?;
    let space = dot + line[dot..].iter().position(|b| *b == b' ')?;
    let (major, minor) = (number(&line[start + 5..dot])?, number(&line[dot + 1..space])?);
    Some((u32::from(major) * 1000 + u32::from(minor), space))
}

fn number(digits: &[u8]) -> Option<u16> {
    let fits = (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    fits.then(|| digits.iter().fold(0u16, |n, d| n * 10 + u16::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for (text, version, code, rest) in [
            ("HTTP/1.1 200 OK\r\n", 1001, 200, "200 OK"),
            ("HTTP/1.0  404\n", 1000, 404, "404"),
            ("HTTP/1.1 403.1 x\r\n", 1001, 403, "403.1 x"),
            ("HTTP/65.9 200\r\n", 65_009, 200, "200"),
            ("HTTP/131.72 200\r\n", 131_072, 200, "200"),
            ("HTTP/999.999 200\r\n", 999_999, 200, "200"),
        ] {
            let (line, next) = parse(text.as_bytes(), 0).unwrap().unwrap();
            assert_eq!((line.version, line.code, next), (version, code, text.len()));
            assert_eq!(line.text.of(text.as_bytes()), rest.as_bytes());
        }
        for text in
            ["ICY 200\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2000\r\n", "HTTP/ 200\r\n", "HTTP/1.1 abc\r\n", "x"]
        {
            assert_eq!(parse(text.as_bytes(), 0), Some(Err(())), "{text}");
        }
        for text in ["", "HT", "HTTP/1.1 200", "HTTP/1.1 200 OK\r"] {
            assert_eq!(parse(text.as_bytes(), 0), None, "{text}");
        }
    }
}
