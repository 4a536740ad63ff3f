//! Addresses in `X-Forwarded-For` (`ngx_http_get_forwarded_addr`).

use std::net::{IpAddr, SocketAddr};

use crate::model::access::Addresses;

/// The last address of the lists, or with `recursive` the last that is not believed; `None` if the one who says it is
/// not believed himself.
pub fn forwarded(
    from: Option<SocketAddr>,
    values: &[&[u8]],
    believed: &[Addresses],
    recursive: bool,
) -> Option<SocketAddr> {
    let trusts = |address: Option<IpAddr>| believed.iter().any(|b| b.contains(address));
    let mut current = from.map(|a| a.ip());
    let mut found = None;
    for value in values.iter().rev() {
        for one in value.rsplit(|b| matches!(b, b',' | b' ')).filter(|one| !one.is_empty()) {
            if !trusts(current) {
                return found;
            }
            let Some(address) = address(one) else { return found };
            found = Some(address);
            current = Some(address.ip());
            if !recursive {
                return found;
            }
        }
    }
    found
}

/// An address, with a port or without (`ngx_parse_addr_port`).
fn address(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 0));
    }
    if let Some(ip) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        return ip.parse().ok().map(|ip| SocketAddr::new(IpAddr::V6(ip), 0));
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let believed = [Addresses::Net("10.0.0.0/8".parse().unwrap()), Addresses::Unix];
        let from = |text: &str| Some(format!("{text}:1").parse().unwrap());
        for (client, lists, recursive, expected) in [
            (from("10.0.0.1"), &["192.0.2.1"][..], false, Some("192.0.2.1:0")),
            (None, &["192.0.2.1:80"], false, Some("192.0.2.1:80")),
            (from("192.0.2.9"), &["192.0.2.1"], false, None),
            (from("10.0.0.1"), &["192.0.2.1, 10.0.0.2"], false, Some("10.0.0.2:0")),
            (from("10.0.0.1"), &["192.0.2.1, 10.0.0.2"], true, Some("192.0.2.1:0")),
            (from("10.0.0.1"), &["192.0.2.1", "10.0.0.2,10.0.0.3"], true, Some("192.0.2.1:0")),
            (from("10.0.0.1"), &["x, 10.0.0.2"], true, Some("10.0.0.2:0")),
            (from("10.0.0.1"), &["10.0.0.3,10.0.0.2"], true, Some("10.0.0.3:0")),
            (from("10.0.0.1"), &["[::1]:5"], false, Some("[::1]:5")),
            (from("10.0.0.1"), &["x"], false, None),
            (from("10.0.0.1"), &[], false, None),
        ] {
            let values: Vec<&[u8]> = lists.iter().map(|l| l.as_bytes()).collect();
            let found = forwarded(client, &values, &believed, recursive);
            assert_eq!(found.map(|a| a.to_string()).as_deref(), expected, "{client:?} {lists:?}");
        }
    }
}
