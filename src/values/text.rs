//! The text of an argument taken apart as nginx takes complex values apart (`ngx_http_script_compile`).

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Literal(Vec<u8>),
    /// `$name`, `${name}`: lower case, without `$`.
    Variable(String),
    /// `$1` … `$9`
    Capture(u8),
}

/// The pieces of a text, in order.
pub(crate) fn pieces(text: &[u8]) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let piece = if first == b'$' { variable(after) } else { None };
        if let Some((piece, left)) = piece {
            if !literal.is_empty() {
                found.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            found.push(piece);
            rest = left;
        } else {
            literal.push(first);
            rest = after;
        }
    }
    if !literal.is_empty() {
        found.push(Piece::Literal(literal));
    }
    found
}

fn variable(after: &[u8]) -> Option<(Piece, &[u8])> {
    if let Some(digit @ b'1'..=b'9') = after.first() {
        return Some((Piece::Capture(digit - b'0'), &after[1..]));
    }
    let (inside, braces) = after.strip_prefix(b"{").map_or((after, 0), |inside| (inside, 1));
    let end = inside.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(inside.len());
    if end == 0 || (braces == 1 && inside.get(end) != Some(&b'}')) {
        return None;
    }
    let name = String::from_utf8_lossy(&inside[..end]).to_ascii_lowercase();
    Some((Piece::Variable(name), &inside[end + braces..]))
}

/// The variables of a text.
pub(crate) fn variables(text: &[u8]) -> impl Iterator<Item = String> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Literal(_) | Piece::Capture(_) => None,
    })
}

/// A URL without its scheme.
pub(crate) struct Url {
    /// Host and port.
    pub(crate) host: Vec<u8>,
    /// From the first `/` or `?` after the host.
    pub(crate) uri: Vec<u8>,
}

/// Takes `scheme://host:port/uri` apart, variables as written.
pub(crate) fn url(text: &[u8]) -> Url {
    let rest = memchr::memmem::find(text, b"://").map_or(text, |at| &text[at + 3..]);
    let mut end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    if rest.starts_with(b"unix:") {
        end = memchr::memrchr(b':', rest).filter(|at| *at > 4).unwrap_or(rest.len());
    }
    Url { host: rest[..end].to_vec(), uri: rest[end..].to_vec() }
}

/// The host without its port, in lower case.
pub(crate) fn without_port(host: &[u8]) -> String {
    let text = String::from_utf8_lossy(host).to_ascii_lowercase();
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => {
            host.to_owned()
        }
        _ => text,
    }
}

/// True if a host without its port is a name, not an address, a socket or a variable.
pub(crate) fn is_name(host: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !host.is_empty() && host.bytes().all(letters) && host.parse::<std::net::IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_captures_and_text() {
        let cases: &[(&str, &[Piece])] = &[
            ("a$Host/${b}c", &[lit("a"), var("host"), lit("/"), var("b"), lit("c")]),
            ("$1$2x", &[Piece::Capture(1), Piece::Capture(2), lit("x")]),
            ("a$", &[lit("a$")]),
            ("${a", &[lit("${a")]),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text.as_bytes()), *expected, "{text}");
        }
    }

    fn lit(text: &str) -> Piece {
        Piece::Literal(text.into())
    }

    fn var(name: &str) -> Piece {
        Piece::Variable(name.to_owned())
    }

    #[test]
    fn urls() {
        let cases = [
            ("http://a:80/x", "a:80", "/x"),
            ("$scheme://$host$request_uri", "$host$request_uri", ""),
            ("https://unix:/run/a:/x", "unix:/run/a", ":/x"),
            ("/x", "", "/x"),
        ];
        for (text, host, uri) in cases {
            let url = url(text.as_bytes());
            assert_eq!((url.host, url.uri), (host.into(), uri.into()), "{text}");
        }
        assert_eq!(without_port(b"A.example:80"), "a.example");
        assert_eq!(without_port(b"[::1]"), "[::1]");
    }
}
