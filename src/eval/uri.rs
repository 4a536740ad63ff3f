//! Normalising and escaping of paths (`ngx_http_parse_complex_uri`, `ngx_escape_uri`).

/// A path that leaves the root or has a bad escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUri;

#[derive(Clone, Copy, PartialEq, Eq)]
enum PathState {
    Usual,
    Slash,
    Dot,
    DotDot,
}

/// Appends the normalised path of `raw` to `path`, slashes merged if so; returns where in `raw` the arguments are.
///
/// # Errors
/// If the path leaves the root or has a bad escape.
pub fn normalize(raw: &[u8], merge: bool, path: &mut Vec<u8>) -> Result<std::ops::Range<usize>, InvalidUri> {
    let mut state = PathState::Usual;
    let mut i = 0;
    while i < raw.len() {
        let (mut b, at) = (raw[i], i);
        i += 1;
        let mut quoted = false;
        if b == b'%' {
            b = hex(raw.get(i)).zip(hex(raw.get(i + 1))).map(|(h, l)| h << 4 | l).ok_or(InvalidUri)?;
            i += 2;
            quoted = true;
            if b == 0 {
                return Err(InvalidUri);
            }
        }
        if quoted && matches!(b, b'%' | b'#' | b'?') {
            path.push(b);
            state = PathState::Usual;
            continue;
        }
        match (b, state) {
            (b'?' | b'#', _) => {
                finish(path, state)?;
                if b == b'#' {
                    return Ok(raw.len()..raw.len());
                }
                let end = raw[at + 1..].iter().position(|b| *b == b'#').map_or(raw.len(), |n| at + 1 + n);
                return Ok(at + 1..end);
            }
            (b'/', PathState::Usual) => {
                path.push(b);
                state = PathState::Slash;
            }
            (b'/', PathState::Slash) if !merge => path.push(b),
            (b'/', _) => {
                finish(path, state)?;
                state = PathState::Slash;
            }
            (b'.', PathState::Slash) => {
                path.push(b);
                state = PathState::Dot;
            }
            (b'.', PathState::Dot) => {
                path.push(b);
                state = PathState::DotDot;
            }
            _ => {
                path.push(b);
                state = PathState::Usual;
            }
        }
    }
    finish(path, state)?;
    Ok(raw.len()..raw.len())
}

/// Takes back what `.` or `..` pushed, and for `..` the segment before.
fn finish(path: &mut Vec<u8>, state: PathState) -> Result<(), InvalidUri> {
    match state {
        PathState::Usual | PathState::Slash => {}
        PathState::Dot => {
            path.pop();
        }
        PathState::DotDot => {
            let before = path.len().checked_sub(3).ok_or(InvalidUri)?;
            let slash = path[..before].iter().rposition(|b| *b == b'/').ok_or(InvalidUri)?;
            path.truncate(slash + 1);
        }
    }
    Ok(())
}

fn hex(b: Option<&u8>) -> Option<u8> {
    b.and_then(|b| char::from(*b).to_digit(16)).map(|d| d as u8)
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn escape_if(text: &[u8], bad: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    for b in text {
        if bad(*b) {
            out.extend_from_slice(&[b'%', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        } else {
            out.push(*b);
        }
    }
}

/// Appends `text` with everything escaped that may not stand in a path (`NGX_ESCAPE_URI`).
pub fn escape(text: &[u8], out: &mut Vec<u8>) {
    let bad = |b| {
        matches!(b, 0..=0x20 | b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
            | 0x7f..)
    };
    escape_if(text, bad, out);
}

/// The same for arguments (`NGX_ESCAPE_ARGS`).
pub fn escape_args(text: &[u8], out: &mut Vec<u8>) {
    let bad = |b| {
        matches!(b, 0..=0x20 | b'"' | b'#' | b'%' | b'&' | b'+' | b';' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`'
            | b'{' | b'|' | b'}' | 0x7f..)
    };
    escape_if(text, bad, out);
}

/// The same for one segment of a path (`NGX_ESCAPE_URI_COMPONENT`).
pub fn escape_component(text: &[u8], out: &mut Vec<u8>) {
    escape_if(text, |b| !(b.is_ascii_alphanumeric() || b"-._~".contains(&b)), out);
}

/// Unescapes what stands before the first `?` (`NGX_UNESCAPE_REDIRECT`): of it, what was escaped without need.
pub fn unescape_redirect(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        match text[i] {
            b'?' => break,
            b'%' => match (hex(text.get(i + 1)), hex(text.get(i + 2))) {
                (Some(high), Some(low)) => {
                    let b = high << 4 | low;
                    let raw = i;
                    i += 3;
                    if b == b'?' {
                        out.push(b);
                        break;
                    }
                    if b > b'%' && b < 0x7f {
                        out.push(b);
                    } else {
                        out.extend_from_slice(&text[raw..i]);
                    }
                }
                // As nginx: what cannot be unescaped is lost.
                (Some(_), None) => i += 3,
                (None, _) => i += 1,
            },
            b => {
                out.push(b);
                i += 1;
            }
        }
    }
    out.extend_from_slice(text.get(i..).unwrap_or_default());
    out
}

/// `ngx_http_parse_unsafe_uri`: path and arguments; `None` if the path leaves the root.
pub fn unsafe_uri(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (path, args) = match memchr::memchr(b'?', text) {
        Some(mark) => (&text[..mark], &text[mark + 1..]),
        None => (text, &b""[..]),
    };
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => out.push(*byte),
        }
    }
    let is_safe = !out.is_empty() && !out.contains(&0) && out.split(|b| *b == b'/').all(|part| part != b"..");
    is_safe.then(|| (out, args.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (raw, path, args) in [
            ("/a//b", "/a/b", ""),
            ("/a/./b", "/a/b", ""),
            ("/a/../b?x=1", "/b", "x=1"),
            ("/a/..", "/", ""),
            ("/a/b/..?q", "/a/", "q"),
            ("/a/.", "/a/", ""),
            ("/%61%2fb", "/a/b", ""),
            ("/a%3Fb", "/a?b", ""),
            ("/a%23b#c", "/a#b", ""),
            ("/a?b#c", "/a", "b"),
            ("/...", "/...", ""),
            ("/a/%2e%2E/b", "/b", ""),
        ] {
            let mut out = Vec::new();
            let range = normalize(raw.as_bytes(), true, &mut out).unwrap();
            assert_eq!((out.as_slice(), &raw[range]), (path.as_bytes(), args), "{raw}");
        }
    }

    #[test]
    fn refused() {
        for raw in ["/..", "/../a", "/%0", "/%zz", "/%00", "/a/../.."] {
            assert_eq!(normalize(raw.as_bytes(), true, &mut Vec::new()), Err(InvalidUri), "{raw}");
        }
    }

    #[test]
    fn escaped() {
        let mut out = Vec::new();
        escape("/a b%é".as_bytes(), &mut out);
        assert_eq!(out, b"/a%20b%25%C3%A9");
    }
}
