//! Addresses as nginx reads them in headers and logs (`ngx_parse_addr_port`, `src/core/ngx_inet.c`): more forms than the
//! standard library has, `01.2.3.4` and `1.2.3.` among them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address, with a port or without; port 0 is none.
pub fn with_port(text: &[u8]) -> Option<SocketAddr> {
    if let Some(ip) = ip(text) {
        return Some(SocketAddr::new(ip, 0));
    }
    let (address, port) = if let [b'[', inner @ ..] = text {
        let end = memchr::memchr(b']', inner)?;
        match &inner[end + 1..] {
            [] => return ip(&inner[..end]).map(|ip| SocketAddr::new(ip, 0)),
            [b':', port @ ..] => (&inner[..end], port),
            _ => return None,
        }
    } else {
        let colon = memchr::memchr(b':', text)?;
        (&text[..colon], &text[colon + 1..])
    };
    let digits = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    let port: u16 =
        std::str::from_utf8(port).ok().filter(|_| digits)?.parse().ok().filter(|port| *port > 0)?;
    ip(address).map(|ip| SocketAddr::new(ip, port))
}

fn ip(text: &[u8]) -> Option<IpAddr> {
    v4(text).map(IpAddr::V4).or_else(|| v6(text).map(IpAddr::V6))
}

/// `ngx_inet_addr`: three dots; a part without digits is 0. The broadcast address is its value for a fault.
fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    let parts = text.split(|b| *b == b'.').map(|part| {
        let add =
            |n: u32, b: &u8| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')).filter(|n| *n <= 255);
        part.iter().try_fold(0, add).and_then(|n| u8::try_from(n).ok())
    });
    let parts: Vec<u8> = parts.take(5).collect::<Option<_>>()?;
    let address = <[u8; 4]>::try_from(parts).ok().map(Ipv4Addr::from)?;
    (address != Ipv4Addr::BROADCAST).then_some(address)
}

/// `ngx_inet6_addr`: of a colon in front, the first is read over.
fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    if text.is_empty() {
        return None;
    }
    let text = text.strip_prefix(b":").unwrap_or(text);
    let mut words: Vec<u16> = Vec::with_capacity(8);
    let (mut zero, mut part) = (None, None);
    let (mut word, mut nibbles) = (0u16, 0);
    for (i, b) in text.iter().enumerate() {
        match b {
            b':' if nibbles > 0 => {
                part = Some(i + 1);
                words.push(word);
                if words.len() == 8 {
                    return None;
                }
                (word, nibbles) = (0, 0);
            }
            b':' if zero.is_none() => (zero, part) = (Some(words.len()), Some(i + 1)),
            b'.' if nibbles > 0 => {
                if words.len() > 6 {
                    return None;
                }
                let [a, b, c, d] = v4(&text[part?..])?.octets();
                words.push(u16::from_be_bytes([a, b]));
                word = u16::from_be_bytes([c, d]);
                break;
            }
            _ => {
                let digit = char::from(*b).to_digit(16).filter(|_| nibbles < 4)?;
                word = word * 16 + digit as u16;
                nibbles += 1;
            }
        }
    }
    if nibbles == 0 && zero.is_none() {
        return None;
    }
    words.push(word);
    match zero {
        Some(at) if words.len() < 8 => {
            let missing = 8 - words.len();
            words.splice(at..at, std::iter::repeat_n(0, missing));
        }
        None if words.len() == 8 => {}
        _ => return None,
    }
    <[u16; 8]>::try_from(words).ok().map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, expected) in [
            ("1.2.3.4", Some("1.2.3.4:0")),
            ("01.002.3.4", Some("1.2.3.4:0")),
            ("1.2.3.", Some("1.2.3.0:0")),
            ("1..3.4:80", Some("1.0.3.4:80")),
            ("[1.2.3.4]:80", Some("1.2.3.4:80")),
            ("[1.2.3.4]", Some("1.2.3.4:0")),
            ("255.255.255.255", None),
            ("256.1.1.1", None),
            ("1.2.3", None),
            ("1.2.3.4.5", None),
            ("1.2.3.4:0", None),
            ("1.2.3.4:65536", None),
            ("1.2.3.4:+1", None),
            ("1.2.3.4:", None),
            ("::1", Some("[::1]:0")),
            (":1:2:3:4:5:6:7:8", Some("[1:2:3:4:5:6:7:8]:0")),
            ("[2001:DB8::1]:65535", Some("[2001:db8::1]:65535")),
            ("::ffff:1.2.3.4", Some("[::ffff:1.2.3.4]:0")),
            ("1:2:3:4:5:6:7:8", Some("[1:2:3:4:5:6:7:8]:0")),
            ("1:2:3:4:5:6:1.2.3.4", Some("[1:2:3:4:5:6:102:304]:0")),
            ("1:2:3:4:5:6:7", None),
            ("1:2:3:4:5:6:7:8:9", None),
            ("1::2::3", None),
            ("12345::", None),
            ("[::1", None),
            ("[::1]x", None),
            ("g::", None),
            ("", None),
            (",1.2.3.4", None),
        ] {
            assert_eq!(with_port(text.as_bytes()).map(|a| a.to_string()).as_deref(), expected, "{text}");
        }
    }
}
