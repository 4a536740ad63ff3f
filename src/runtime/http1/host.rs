//! The host of a request (`ngx_http_validate_host`).

/// A host that nginx refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidHost;

/// Appends the name in lower case, without port and trailing dot; returns the port, 0 if there is none.
pub(crate) fn validate(host: &[u8], out: &mut Vec<u8>) -> Result<u16, InvalidHost> {
    let name_end = if host.first() == Some(&b'[') {
        1 + host.iter().position(|b| *b == b']').ok_or(InvalidHost)?
    } else {
        host.iter().position(|b| *b == b':').unwrap_or(host.len())
    };
    let mut name = &host[..name_end];
    let literal = host.first() == Some(&b'[');
    let inside = if literal { &name[1..name_end - 1] } else { name };
    let allowed = |b: &u8| {
        b.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=".contains(b)
            || if literal { *b == b':' } else { *b == b'%' }
    };
    if !inside.iter().all(allowed) || inside.windows(2).any(|w| w == b"..") {
        return Err(InvalidHost);
    }
    let port = match &host[name_end..] {
        [] => 0,
        [b':', digits @ ..] => digits.iter().try_fold(0u16, |n, d| {
            let digit = d.is_ascii_digit().then(|| u16::from(d - b'0')).ok_or(InvalidHost)?;
            n.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(InvalidHost)
        })?,
        _ => return Err(InvalidHost),
    };
    if let [rest @ .., b'.'] = name {
        name = rest;
    }
    if name.is_empty() {
        return Err(InvalidHost);
    }
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, name, port) in [
            ("Example.COM", "example.com", 0),
            ("a.b.:8080", "a.b", 8080),
            ("a:", "a", 0),
            ("[::1]:80", "[::1]", 80),
            ("a_b~%20", "a_b~%20", 0),
            (".a", ".a", 0),
        ] {
            let mut out = Vec::new();
            assert_eq!(validate(host.as_bytes(), &mut out), Ok(port), "{host}");
            assert_eq!(out, name.as_bytes());
        }
        for host in ["", ":80", ".", "a..b", "a/b", "a b", "a:65536", "a:b", "[::1", "[::1]x", "a@b"] {
            assert_eq!(validate(host.as_bytes(), &mut Vec::new()), Err(InvalidHost), "{host}");
        }
    }
}
