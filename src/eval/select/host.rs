//! Name in a Host header (`ngx_http_validate_host`; before 1.29.4 it refuses less).

use crate::version::Version;

/// First version with the rules of RFC 3986.
const STRICT: Version = Version::new(1, 29, 4);

/// Error of a name that nginx answers with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidHost;

/// Appends the name for the look-up of servers: lower case, without port and trailing dot. Returns the port if there is
/// one.
///
/// # Errors
/// If the text is not a host: empty, two adjacent dots, a byte that RFC 3986 does not allow, a bad port.
pub fn normalize(host: &[u8], out: &mut Vec<u8>) -> Result<Option<u16>, InvalidHost> {
    let literal = host.first() == Some(&b'[');
    let end = if literal {
        memchr::memchr(b']', host).ok_or(InvalidHost)? + 1
    } else {
        memchr::memchr(b':', host).unwrap_or(host.len())
    };
    let (name, port) = host.split_at(end);
    let port = match port {
        [] => None,
        [b':', digits @ ..] => port_number(digits)?,
        _ => return Err(InvalidHost),
    };
    let inner = if literal { &name[1..name.len() - 1] } else { name };
    let allowed = if literal { LITERAL } else { NAME };
    let (mut all, mut twice, mut previous) = (allowed, 0, 0);
    for byte in inner {
        let bits = ALLOWED[usize::from(*byte)];
        all &= bits;
        twice |= bits & previous;
        previous = bits;
    }
    if all == 0 || twice & DOT != 0 {
        return Err(InvalidHost);
    }
    let name = if literal { name } else { name.strip_suffix(b".").unwrap_or(name) };
    if name.is_empty() {
        return Err(InvalidHost);
    }
    let start = out.len();
    out.extend_from_slice(name);
    out[start..].make_ascii_lowercase();
    Ok(port)
}

/// The same as a version of nginx does it.
///
/// # Errors
/// Those of [`normalize`]; before 1.29.4 only an empty name, two adjacent dots, a slash, a space or a control character.
pub fn normalize_in(version: Version, host: &[u8], out: &mut Vec<u8>) -> Result<Option<u16>, InvalidHost> {
    if version >= STRICT {
        return normalize(host, out);
    }
    let is_refused = |byte: &u8| *byte <= b' ' || matches!(byte, b'/' | 0x7f);
    if host.iter().any(is_refused) || memchr::memmem::find(host, b"..").is_some() {
        return Err(InvalidHost);
    }
    let bracket = host.starts_with(b"[").then(|| memchr::memchr(b']', host)).flatten();
    let end = match bracket {
        Some(end) => end + 1,
        None if host.starts_with(b"[") => host.len(),
        None => memchr::memchr(b':', host).unwrap_or(host.len()),
    };
    let name = host[..end].strip_suffix(b".").unwrap_or(&host[..end]);
    if name.is_empty() {
        return Err(InvalidHost);
    }
    let start = out.len();
    out.extend_from_slice(name);
    out[start..].make_ascii_lowercase();
    // The rest is not looked at.
    let port = host[end..].strip_prefix(b":").and_then(|digits| port_number(digits).ok());
    Ok(port.flatten())
}

/// Bits of [`ALLOWED`]: in a name, and in an address in brackets.
const NAME: u8 = 1;
const LITERAL: u8 = 2;
/// A dot; two adjacent dots are invalid.
const DOT: u8 = 4;

static ALLOWED: [u8; 256] = {
    let mut allowed = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        allowed[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => NAME | LITERAL,
            b'.' => NAME | LITERAL | DOT,
            b'-' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' => NAME | LITERAL,
            b'*' | b'+' | b',' | b';' | b'=' => NAME | LITERAL,
            b'%' => NAME,
            b':' => LITERAL,
            _ => 0,
        };
        byte += 1;
    }
    allowed
};

fn port_number(digits: &[u8]) -> Result<Option<u16>, InvalidHost> {
    let mut port = None;
    for digit in digits {
        let value = char::from(*digit).to_digit(10).ok_or(InvalidHost)?;
        port = Some(port.unwrap_or(0) * 10 + value).filter(|p| *p <= 65535);
        if port.is_none() {
            return Err(InvalidHost);
        }
    }
    Ok(port.map(|p| p as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    fn names_and_ports() {
        let cases: &[(&str, Option<(&str, Option<u16>)>)] = &[
            ("Example.COM", Some(("example.com", None))),
            ("example.com.", Some(("example.com", None))),
            ("example.com.:8080", Some(("example.com", Some(8080)))),
            ("example.com:", Some(("example.com", None))),
            ("[2001:DB8::1]:443", Some(("[2001:db8::1]", Some(443)))),
            ("[::1]", Some(("[::1]", None))),
            ("a_b~%41", Some(("a_b~%41", None))),
            ("x:65535", Some(("x", Some(65535)))),
            (".x", Some((".x", None))),
            ("x:65536", None),
            ("x:8a", None),
            ("a..b", None),
            ("..", None),
            (".", None),
            ("", None),
            (":80", None),
            ("[::1", None),
            ("[::1]x", None),
            ("a/b", None),
            ("a b", None),
            ("caf\u{e9}", None),
        ];
        for (host, expected) in cases {
            let mut out = Vec::new();
            let got = normalize(host.as_bytes(), &mut out).ok().map(|port| (out.as_slice(), port));
            assert_eq!(got, expected.map(|(name, port)| (name.as_bytes(), port)), "{host}");
        }
    }

    #[test]
    fn older_versions_refuse_less() {
        let (old, new) = (Version::new(1, 28, 0), Version::new(1, 29, 4));
        for (host, of_old, of_new) in [
            ("x:8a", Some("x"), None),
            ("caf\u{e9}", Some("caf\u{e9}"), None),
            ("[::1]x", Some("[::1]"), None),
            ("a\"b:80", Some("a\"b"), None),
            ("Www.A.", Some("www.a"), Some("www.a")),
            ("a..b", None, None),
            ("a b", None, None),
            ("a/b", None, None),
            (".", None, None),
        ] {
            for (version, expected) in [(old, of_old), (new, of_new)] {
                let mut out = Vec::new();
                let got = normalize_in(version, host.as_bytes(), &mut out).ok().map(|_| out.as_slice());
                assert_eq!(got, expected.map(str::as_bytes), "{host} {version}");
            }
        }
    }
}
