//! The PROXY protocol: a proxy in front names the client before the client's own bytes (`ngx_proxy_protocol.c`).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::log::Severity;

/// Longest header (`NGX_PROXY_PROTOCOL_MAX_HEADER`).
pub(crate) const LONGEST: usize = 4096;
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The content of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyProtocol {
    /// Addresses as text: in version 1 as they were sent.
    pub(crate) source: Vec<u8>,
    pub(crate) source_port: u16,
    pub(crate) destination: Vec<u8>,
    pub(crate) destination_port: u16,
    /// Further values of version 2.
    pub(crate) values: Vec<u8>,
}

/// Length and content of the header, or the line for the error log.
type Parsed = Result<(usize, Option<ProxyProtocol>), (Severity, String)>;

/// Length and contents of a PROXY header (`ngx_proxy_protocol_read`).
pub(crate) fn parse(data: &[u8]) -> Parsed {
    if data.len() >= 16 && data.starts_with(SIGNATURE) {
        return version2(data);
    }
    version1(data).ok_or_else(|| {
        let end = data.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(data.len());
        (Severity::Error, format!("broken header: \"{}\"", String::from_utf8_lossy(&data[..end])))
    })
}

fn version1(data: &[u8]) -> Option<(usize, Option<ProxyProtocol>)> {
    let rest = data.strip_prefix(b"PROXY ").filter(|_| data.len() >= 8)?;
    if rest.starts_with(b"UNKNOWN") {
        let end = memchr::memmem::find(rest, b"\r\n")?;
        return Some((data.len() - rest.len() + end + 2, None));
    }
    let rest = rest.strip_prefix(b"TCP4 ").or_else(|| rest.strip_prefix(b"TCP6 "))?;
    let (source, rest) = until(rest, b' ')?;
    let (destination, rest) = until(rest, b' ')?;
    let is_address = |text: &[u8]| text.iter().all(|b| matches!(b, b':' | b'.') || b.is_ascii_hexdigit());
    if !is_address(source) || !is_address(destination) {
        return None;
    }
    let (source_port, rest) = until(rest, b' ')?;
    let (destination_port, rest) = until(rest, b'\r')?;
    let rest = rest.strip_prefix(b"\n")?;
    let port = |text: &[u8]| crate::model::time::digits(text).and_then(|n| u16::try_from(n).ok());
    let found = ProxyProtocol {
        source: source.to_vec(),
        source_port: port(source_port)?,
        destination: destination.to_vec(),
        destination_port: port(destination_port)?,
        values: Vec::new(),
    };
    Some((data.len() - rest.len(), Some(found)))
}

fn until(text: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(end, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// `ngx_proxy_protocol_v2_read`
fn version2(data: &[u8]) -> Parsed {
    let (version, command) = (data[12] >> 4, data[12] & 15);
    if version != 2 {
        return Err((Severity::Error, format!("unknown PROXY protocol version: {version}")));
    }
    let length = 16 + usize::from(u16::from_be_bytes([data[14], data[15]]));
    let Some(rest) = data.get(16..length) else {
        return Err((Severity::Error, "header is too large".to_owned()));
    };
    let (family, transport) = (data[13] >> 4, data[13] & 15);
    // Only connections that are passed on, and only streams.
    if command != 1 || transport != 1 {
        return Ok((length, None));
    }
    let short = || (Severity::Info, "the addresses of the PROXY protocol are too short".to_owned());
    let (source, destination, ports) = match family {
        1 => {
            let (Some(a), Some(b), Some(ports)) = (four(rest, 0), four(rest, 4), four(rest, 8)) else {
                return Err(short());
            };
            (Ipv4Addr::from(a).to_string(), Ipv4Addr::from(b).to_string(), (ports, 12))
        }
        2 => {
            let address = |at: usize| rest.get(at..at + 16).and_then(|b| <[u8; 16]>::try_from(b).ok());
            let (Some(a), Some(b), Some(ports)) = (address(0), address(16), four(rest, 32)) else {
                return Err(short());
            };
            (Ipv6Addr::from(a).to_string(), Ipv6Addr::from(b).to_string(), (ports, 36))
        }
        _ => return Ok((length, None)),
    };
    let ([a, b, c, d], end) = ports;
    let found = ProxyProtocol {
        source: source.into_bytes(),
        source_port: u16::from_be_bytes([a, b]),
        destination: destination.into_bytes(),
        destination_port: u16::from_be_bytes([c, d]),
        values: rest[end..].to_vec(),
    };
    Ok((length, Some(found)))
}

fn four(data: &[u8], at: usize) -> Option<[u8; 4]> {
    data.get(at..at + 4).and_then(|b| b.try_into().ok())
}

const TYPES: &[(&[u8], u64)] =
    &[(b"alpn", 0x01), (b"authority", 0x02), (b"unique_id", 0x05), (b"ssl", 0x20), (b"netns", 0x30)];
const TLS_TYPES: &[(&[u8], u64)] =
    &[(b"version", 0x21), (b"cn", 0x22), (b"cipher", 0x23), (b"sig_alg", 0x24), (b"key_alg", 0x25)];

/// The further value of a name; `None` if there is none.
///
/// # Errors
/// The name is unknown, or the values are malformed.
pub(crate) fn further(values: &[u8], name: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let unknown = |what| format!("{what} PROXY protocol TLV \"{}\"", String::from_utf8_lossy(name));
    let (mut values, mut types, mut rest) = (values, TYPES, name);
    if let Some(name) = name.strip_prefix(b"ssl_") {
        let Some(tls) = look_up(values, 0x20)? else { return Ok(None) };
        // The first bytes say how the client spoke TLS; the next four, if its certificate was good.
        let (Some(verify), Some(inner)) = (four(tls, 1), tls.get(5..)) else { return Ok(None) };
        if name == b"verify" {
            return Ok(Some(u32::from_be_bytes(verify).to_string().into_bytes()));
        }
        (values, types, rest) = (inner, TLS_TYPES, name);
    }
    let kind = match rest.strip_prefix(b"0x") {
        Some(hex) => {
            let hex = std::str::from_utf8(hex).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
            Some(hex.ok_or_else(|| unknown("invalid"))?)
        }
        None => types.iter().find(|(known, _)| *known == rest).map(|(_, kind)| *kind),
    };
    let kind = kind.ok_or_else(|| unknown("unknown"))?;
    Ok(look_up(values, kind)?.map(<[u8]>::to_vec))
}

/// `ngx_proxy_protocol_lookup_tlv`
fn look_up(mut values: &[u8], wanted: u64) -> Result<Option<&[u8]>, String> {
    while let [kind, rest @ ..] = values {
        let broken = || "broken PROXY protocol TLV".to_owned();
        let [high, low, rest @ ..] = rest else { return Err(broken()) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = rest.get(..length).ok_or_else(broken)?;
        if u64::from(*kind) == wanted {
            return Ok(Some(value));
        }
        values = &rest[length..];
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_version() {
        let long = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET";
        let found = ProxyProtocol {
            source: b"192.0.2.1".to_vec(),
            source_port: 123,
            destination: b"192.0.2.2".to_vec(),
            destination_port: 5678,
            values: Vec::new(),
        };
        assert_eq!(parse(long), Ok((41, Some(found))));
        let six = parse(b"PROXY TCP6 ::1 2001:Db8::2 0 65535\r\n").unwrap().1.unwrap();
        assert_eq!((six.source.as_slice(), six.destination.as_slice()), (&b"::1"[..], &b"2001:Db8::2"[..]));
        assert_eq!(parse(b"PROXY UNKNOWN\r\nx"), Ok((15, None)));
        assert_eq!(parse(b"PROXY UNKNOWN whatever \r x\r\n"), Ok((28, None)));
        for (broken, shown) in [
            ("GET / HTTP/1.1\r\n", "GET / HTTP/1.1"),
            ("PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", "PROXY TCP5 1.1.1.1 1.1.1.1 1 1"),
            ("PROXY TCP4 1.1.1.g 1.1.1.1 1 1\r\n", "PROXY TCP4 1.1.1.g 1.1.1.1 1 1"),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 65536"),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1"),
            ("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1"),
            ("PROXY TCP4 1.1.1.1", "PROXY TCP4 1.1.1.1"),
            ("PROXY UNKNOWN", "PROXY UNKNOWN"),
            ("", ""),
        ] {
            assert_eq!(parse(broken.as_bytes()).unwrap_err().1, format!("broken header: \"{shown}\""));
        }
    }

    fn second(rest: &[u8], command: u8, family: u8) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    #[test]
    fn second_version() {
        let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 0x16, 0x2e];
        let tls = [&[7, 0, 0, 0, 9, 0x21, 0, 7][..], b"TLSv1.2"].concat();
        let values =
            [&[0x20, 0, tls.len() as u8][..], &tls, &[0x02, 0, 3], b"a.b", &[0xe0, 0, 1, b'x']].concat();
        let data = second(&[&addresses[..], &values].concat(), 0x21, 0x11);
        let (length, found) = parse(&[&data[..], b"GET"].concat()).unwrap();
        let found = found.unwrap();
        assert_eq!(length, data.len());
        assert_eq!((found.source.as_slice(), found.source_port), (&b"192.0.2.1"[..], 123));
        assert_eq!((found.destination.as_slice(), found.destination_port), (&b"192.0.2.2"[..], 5678));
        for (name, expected) in [
            ("authority", Ok(Some("a.b"))),
            ("0x02", Ok(Some("a.b"))),
            ("0xe0", Ok(Some("x"))),
            ("0xE0", Ok(Some("x"))),
            ("ssl_verify", Ok(Some("9"))),
            ("ssl_version", Ok(Some("TLSv1.2"))),
            ("ssl_0x21", Ok(Some("TLSv1.2"))),
            ("ssl_cn", Ok(None)),
            ("alpn", Ok(None)),
            ("0xg", Err("invalid PROXY protocol TLV \"0xg\"")),
            ("other", Err("unknown PROXY protocol TLV \"other\"")),
        ] {
            let value = further(&found.values, name.as_bytes());
            let value = value.map(|v| v.map(|v| String::from_utf8(v).unwrap()));
            assert_eq!(value.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{name}");
        }
        let six = [&[0; 15][..], &[1], &[0; 15], &[2], &[0, 1, 0, 2]].concat();
        let found = parse(&second(&six, 0x21, 0x21)).unwrap().1.unwrap();
        assert_eq!((found.source.as_slice(), found.destination.as_slice()), (&b"::1"[..], &b"::2"[..]));
        // A health check of the proxy itself, datagrams, unix sockets.
        for (command, family) in [(0x20, 0x11), (0x21, 0x12), (0x21, 0x31)] {
            assert_eq!(parse(&second(&addresses, command, family)), Ok((28, None)));
        }
        assert_eq!(
            parse(&second(&addresses, 0x11, 0x11)).unwrap_err().1,
            "unknown PROXY protocol version: 1"
        );
        assert!(parse(&second(&addresses[..11], 0x21, 0x11)).is_err());
        assert_eq!(parse(&data[..data.len() - 1]).unwrap_err().1, "header is too large");
        assert_eq!(look_up(&[1, 0, 9, 1], 1), Err("broken PROXY protocol TLV".to_owned()));
    }
}
