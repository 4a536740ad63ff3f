//! The parts of a `ClientHello` that `ssl_preread` reads (`ngx_stream_ssl_preread_parse_record`).

use crate::runtime::request::session::Hello;

/// Outcome of looking at the first bytes of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// More bytes are needed.
    Incomplete,
    /// The client does not speak TLS, or not as it should.
    Other,
    Found(Hello),
}

/// Handshake message, record after record.
pub(crate) fn look(mut data: &[u8]) -> Look {
    let mut message = Vec::new();
    while data.len() >= 5 {
        if data[0] & 0x80 != 0 && data[2] == 1 && matches!(data[3], 0 | 3) {
            // A `ClientHello` of version 2.
            return Look::Found(Hello { version: [data[3], data[4]], ..Hello::default() });
        }
        if data[0] != 0x16 || data[1] != 3 {
            return Look::Other;
        }
        let length = usize::from(u16::from_be_bytes([data[3], data[4]]));
        let Some(record) = data.get(5..5 + length) else { return Look::Incomplete };
        message.extend_from_slice(record);
        match parse(&message) {
            Look::Incomplete => data = &data[5 + length..],
            done => return done,
        }
    }
    Look::Incomplete
}

/// Bytes that are taken one part after the other.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)))
    }
}

fn parse(message: &[u8]) -> Look {
    if message.first().is_some_and(|kind| *kind != 1) {
        return Look::Other;
    }
    let mut rest = Rest(message);
    let Some(length) = rest.take(1).and_then(|_| rest.number(3)) else { return Look::Incomplete };
    let mut hello = Hello::default();
    // Until the whole message is there only a fault is certain.
    let is_whole = rest.0.len() >= length;
    let body = &rest.0[..length.min(rest.0.len())];
    match extensions(&mut Rest(body), &mut hello) {
        Some(true) if is_whole => Look::Found(hello),
        Some(false) => Look::Other,
        None if is_whole => Look::Other,
        _ => Look::Incomplete,
    }
}

/// False for a fault, `None` if bytes are missing.
fn extensions(rest: &mut Rest<'_>, hello: &mut Hello) -> Option<bool> {
    hello.version = rest.take(2)?.try_into().ok()?;
    rest.take(32)?;
    for width in [1, 2, 1] {
        // Session, ciphers, compression.
        let length = rest.number(width)?;
        rest.take(length)?;
    }
    if rest.0.is_empty() {
        return Some(true);
    }
    rest.number(2)?;
    while !rest.0.is_empty() {
        let (kind, length) = (rest.number(2)?, rest.number(2)?);
        // As nginx, which does not compare the lengths inside of an extension with the extension's own.
        let is_valid = match kind {
            0 if hello.server_name.is_empty() => server_name(rest, hello)?,
            16 if hello.alpn.is_empty() => protocols(rest, hello)?,
            43 => {
                hello.version = [3, 4];
                let length = rest.number(1)?;
                rest.take(length)?;
                true
            }
            _ => {
                rest.take(length)?;
                true
            }
        };
        if !is_valid {
            return Some(false);
        }
    }
    Some(true)
}

fn server_name(rest: &mut Rest<'_>, hello: &mut Hello) -> Option<bool> {
    let all = rest.number(2)?;
    let (kind, length) = (rest.number(1)?, rest.number(2)?);
    if kind != 0 || all < 3 + length {
        return Some(false);
    }
    hello.server_name = rest.take(length)?.to_vec();
    rest.take(all - 3 - length)?;
    Some(true)
}

fn protocols(rest: &mut Rest<'_>, hello: &mut Hello) -> Option<bool> {
    let mut left = rest.number(2)?;
    while left > 0 {
        let length = rest.number(1)?;
        if length == 0 || left < 1 + length {
            return Some(false);
        }
        left -= 1 + length;
        if !hello.alpn.is_empty() {
            hello.alpn.push(b',');
        }
        hello.alpn.extend_from_slice(rest.take(length)?);
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Vec<u8> {
        let sni = [&[0, 0, 0, 8, 0, 6, 0, 0, 3][..], b"a.b"].concat();
        let alpn = [&[0, 16, 0, 8, 0, 6, 2][..], b"h2", &[2], b"x1"].concat();
        let versions = [0, 43, 0, 5, 4, 3, 4, 3, 3];
        let all = [&sni[..], &alpn, &versions].concat();
        let mut body = vec![3, 3];
        body.extend([0; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((all.len() as u16).to_be_bytes());
        body.extend(all);
        [&[1, 0, 0, body.len() as u8][..], &body].concat()
    }

    fn record(part: &[u8]) -> Vec<u8> {
        [&[0x16, 3, 1, 0, part.len() as u8][..], part].concat()
    }

    #[test]
    fn name_protocols_and_version() {
        let found =
            Look::Found(Hello { version: [3, 4], server_name: b"a.b".to_vec(), alpn: b"h2,x1".to_vec() });
        let whole = record(&hello());
        assert_eq!(look(&whole), found);
        for end in 0..whole.len() {
            assert_eq!(look(&whole[..end]), Look::Incomplete, "{end}");
        }
        let (one, other) = (&hello()[..20], &hello()[20..]);
        assert_eq!(look(&[record(one), record(other)].concat()), found);
    }

    #[test]
    fn anything_else() {
        assert_eq!(look(b"GET / HTTP/1.0"), Look::Other);
        assert_eq!(look(&record(&[2, 0, 0, 0])), Look::Other);
        assert_eq!(look(b"GET"), Look::Incomplete);
        let old = Hello { version: [3, 1], ..Hello::default() };
        assert_eq!(look(&[0x80, 9, 1, 3, 1]), Look::Found(old));
    }
}
