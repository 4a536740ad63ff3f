//! Addresses as nginx reads them (`ngx_parse_url`, `ngx_parse_addr_port`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::argument::digits;
use crate::model::Endpoint;

/// Parsed address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Host and port; the default port if none is written.
    pub(super) endpoint: Endpoint,
    /// Host as written, without the port.
    pub(super) host: String,
    /// True if a port is written.
    pub(super) has_port: bool,
    /// Last port of a range `8000-8010`, only in `listen`.
    pub(super) last_port: Option<u16>,
    /// URI part from the `/` or `?` on, if one is allowed.
    pub(super) uri: Vec<u8>,
}

/// Syntax of an address, beyond host and port.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `listen`: also a port alone, `*`, a range of ports.
    Listen,
    /// A peer.
    Peer,
    /// A peer and a URI.
    WithUri,
}

/// Parses an address. The error is nginx's own text.
pub(super) fn parse(text: &[u8], default_port: u16, form: Form) -> Result<Url, &'static str> {
    if text.len() >= 5 && text[..5].eq_ignore_ascii_case(b"unix:") {
        return unix(&text[5..], form);
    }
    if text.first() == Some(&b'[') {
        return inet6(text, default_port, form);
    }
    inet(text, default_port, form)
}

/// The same where nginx resolves a name at once: a text that no name server and no `/etc/hosts` can have is not found.
pub(super) fn parse_resolved(text: &[u8], default_port: u16, form: Form) -> Result<Url, &'static str> {
    let url = parse(text, default_port, form)?;
    if url.is_no_host() { Err("host not found") } else { Ok(url) }
}

/// True for a text that cannot be the name of a host: variables and places of templates, where nginx evaluates none.
pub(super) fn is_no_host(text: &[u8]) -> bool {
    !text.iter().all(|&b| b.is_ascii_alphanumeric() || !b.is_ascii() || b"-_.".contains(&b))
}

impl Url {
    /// True for the name of a host that cannot exist.
    pub(super) fn is_no_host(&self) -> bool {
        matches!(self.endpoint, Endpoint::Name(..)) && is_no_host(self.host.as_bytes())
    }
}

fn unix(text: &[u8], form: Form) -> Result<Url, &'static str> {
    let (path, uri) = match text.iter().position(|&b| b == b':') {
        Some(colon) if form == Form::WithUri => (&text[..colon], &text[colon + 1..]),
        _ => (text, &b""[..]),
    };
    if path.is_empty() {
        return Err("no path in the unix domain socket");
    }
    // sizeof(sun_path), with the NUL.
    if path.len() + 1 > 108 {
        return Err("too long path in the unix domain socket");
    }
    let host = String::from_utf8_lossy(path).into_owned();
    Ok(Url {
        endpoint: Endpoint::Unix(host.clone()),
        host,
        has_port: false,
        last_port: None,
        uri: uri.to_vec(),
    })
}

fn inet6(text: &[u8], default_port: u16, form: Form) -> Result<Url, &'static str> {
    let end = text.iter().position(|&b| b == b']').ok_or("invalid host")?;
    let host = &text[1..end];
    if host.is_empty() {
        return Err("no host");
    }
    let address = parse_ip6(host).ok_or("invalid IPv6 address")?;
    let (after, uri) = split_uri(&text[end + 1..], form)?;
    let (port, last_port, has_port) = match after {
        [] => (default_port, None, false),
        [b':', port @ ..] => {
            let (port, last) = ports(port, form)?;
            (port, last, true)
        }
        _ => return Err("invalid host"),
    };
    Ok(Url {
        endpoint: Endpoint::Inet(SocketAddr::new(IpAddr::V6(address), port)),
        host: format!("[{}]", String::from_utf8_lossy(host)),
        has_port,
        last_port,
        uri: uri.to_vec(),
    })
}

fn inet(text: &[u8], default_port: u16, form: Form) -> Result<Url, &'static str> {
    let (text, uri) = split_uri(text, form)?;
    let any = |port| Endpoint::Inet(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    let (host, port, last_port, has_port) = match text.iter().position(|&b| b == b':') {
        Some(colon) => {
            let (port, last) = ports(&text[colon + 1..], form)?;
            (&text[..colon], port, last, true)
        }
        None if form == Form::Listen && port_alone(text) => {
            let (port, last_port) = ports(text, form)?;
            let host = String::from_utf8_lossy(text).into_owned();
            return Ok(Url { endpoint: any(port), host, has_port: true, last_port, uri: Vec::new() });
        }
        None => (text, default_port, None, false),
    };
    if host.is_empty() {
        return Err("no host");
    }
    let endpoint = if form == Form::Listen && host == b"*" {
        any(port)
    } else {
        match parse_ip4(host) {
            Some(address) => Endpoint::Inet(SocketAddr::new(IpAddr::V4(address), port)),
            None => Endpoint::Name(String::from_utf8_lossy(host).into_owned(), port),
        }
    };
    Ok(Url {
        endpoint,
        host: String::from_utf8_lossy(host).into_owned(),
        has_port,
        last_port,
        uri: uri.to_vec(),
    })
}

/// True for digits, or digits and a dash: a port, not a host.
fn port_alone(text: &[u8]) -> bool {
    let (first, last) = match text.iter().position(|&b| b == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    };
    digits(first).is_some() && last.is_none_or(|last| digits(last).is_some())
}

fn split_uri(text: &[u8], form: Form) -> Result<(&[u8], &[u8]), &'static str> {
    match text.iter().position(|&b| b == b'/' || b == b'?') {
        None => Ok((text, b"")),
        Some(at) if form == Form::WithUri => Ok(text.split_at(at)),
        // A `?` alone is not a URI for a peer, but a slash is refused.
        Some(_) => Err("invalid host"),
    }
}

fn ports(text: &[u8], form: Form) -> Result<(u16, Option<u16>), &'static str> {
    let one = |text: &[u8]| {
        digits(text).and_then(|n| u16::try_from(n).ok()).filter(|&n| n > 0).ok_or("invalid port")
    };
    match text.iter().position(|&b| b == b'-') {
        Some(dash) if form == Form::Listen => {
            let (first, last) = (one(&text[..dash])?, one(&text[dash + 1..])?);
            if first > last { Err("invalid port range") } else { Ok((first, Some(last))) }
        }
        _ => Ok((one(text)?, None)),
    }
}

/// `ngx_inet_addr`: four decimal numbers; an empty one is 0.
pub(super) fn parse_ip4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split(|&b| b == b'.');
    for octet in &mut octets {
        let part = parts.next()?;
        *octet = if part.is_empty() { 0 } else { u8::try_from(digits(part)?).ok()? };
    }
    // nginx marks a missing address with 255.255.255.255.
    parts.next().is_none().then(|| Ipv4Addr::from(octets)).filter(|a| *a != Ipv4Addr::BROADCAST)
}

/// An IPv6 address without brackets.
pub(super) fn parse_ip6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `ngx_parse_addr_port`: an address with or without a port, never a name.
pub(super) fn parse_address(text: &[u8]) -> Result<SocketAddr, NotAnAddress> {
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = rest.iter().position(|&b| b == b']').ok_or(NotAnAddress)?;
        let address = parse_ip6(&rest[..end]).ok_or(NotAnAddress)?;
        return match &rest[end + 1..] {
            [] => Ok(SocketAddr::new(IpAddr::V6(address), 0)),
            [b':', port @ ..] => Ok(SocketAddr::new(IpAddr::V6(address), port_of(port)?)),
            _ => Err(NotAnAddress),
        };
    }
    if let Some(address) = parse_ip6(text) {
        return Ok(SocketAddr::new(IpAddr::V6(address), 0));
    }
    let (host, port) = match text.iter().position(|&b| b == b':') {
        Some(colon) => (&text[..colon], port_of(&text[colon + 1..])?),
        None => (text, 0),
    };
    parse_ip4(host).map(|a| SocketAddr::new(IpAddr::V4(a), port)).ok_or(NotAnAddress)
}

/// Error: neither an IPv4 nor an IPv6 address, or an invalid port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAnAddress;

fn port_of(text: &[u8]) -> Result<u16, NotAnAddress> {
    digits(text).and_then(|n| u16::try_from(n).ok()).filter(|&n| n > 0).ok_or(NotAnAddress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_as_ngx_parse_url() {
        let cases: &[(&str, Form, Result<&str, &str>)] = &[
            ("80", Form::Listen, Ok("0.0.0.0:80")),
            ("*:8080", Form::Listen, Ok("0.0.0.0:8080")),
            ("*", Form::Listen, Ok("0.0.0.0:80")),
            ("127.0.0.1", Form::Listen, Ok("127.0.0.1:80")),
            ("127.0.0.1:8080", Form::Listen, Ok("127.0.0.1:8080")),
            ("[::]:80", Form::Listen, Ok("[::]:80")),
            ("[::1]", Form::Listen, Ok("[::1]:80")),
            ("localhost:8080", Form::Listen, Ok("localhost:8080")),
            ("unix:/run/x.sock", Form::Listen, Ok("unix:/run/x.sock")),
            ("8000-8002", Form::Listen, Ok("0.0.0.0:8000")),
            ("0", Form::Listen, Err("invalid port")),
            ("65536", Form::Listen, Err("invalid port")),
            ("a:b", Form::Listen, Err("invalid port")),
            (":80", Form::Listen, Err("no host")),
            ("unix:", Form::Listen, Err("no path in the unix domain socket")),
            ("a/b", Form::Listen, Err("invalid host")),
            ("[::zz]:80", Form::Listen, Err("invalid IPv6 address")),
            ("[::1", Form::Listen, Err("invalid host")),
            ("backend", Form::Peer, Ok("backend:80")),
            ("8080", Form::Peer, Ok("8080:80")),
            ("*", Form::Peer, Ok("*:80")),
            ("10.0.0.1:1234/uri", Form::WithUri, Ok("10.0.0.1:1234")),
            ("unix:/run/x.sock:/uri", Form::WithUri, Ok("unix:/run/x.sock")),
            ("", Form::Peer, Err("no host")),
        ];
        for &(text, form, expected) in cases {
            let found = parse(text.as_bytes(), 80, form).map(|u| u.endpoint.to_string());
            assert_eq!(found.as_deref().map_err(|e| *e), expected, "{text}");
        }
    }

    #[test]
    fn addresses_for_proxy_bind_are_never_names() {
        let cases: &[(&str, Result<&str, NotAnAddress>)] = &[
            ("10.0.0.1", Ok("10.0.0.1:0")),
            ("10.0.0.1:8080", Ok("10.0.0.1:8080")),
            ("::1", Ok("[::1]:0")),
            ("[::1]:80", Ok("[::1]:80")),
            ("localhost", Err(NotAnAddress)),
            ("10.0.0", Err(NotAnAddress)),
            ("10.0.0.256", Err(NotAnAddress)),
            ("10.0.0.1:x", Err(NotAnAddress)),
        ];
        for &(text, expected) in cases {
            assert_eq!(
                parse_address(text.as_bytes()).map(|a| a.to_string()).as_deref().map_err(|e| *e),
                expected
            );
        }
    }
}
