//! Addresses in `X-Forwarded-For` (`ngx_http_get_forwarded_addr`).

use std::net::{IpAddr, SocketAddr};

use super::address;
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
    let is_separator = |b: &u8| matches!(b, b' ' | b',');
    let mut current = from.map(|a| a.ip());
    let mut found = None;
    for value in values.iter().rev() {
        let mut rest = *value;
        loop {
            if !trusts(current) {
                return found;
            }
            // The first byte is never taken for a separator.
            let last = rest.iter().rposition(|b| !is_separator(b)).unwrap_or(0);
            let text = &rest[..rest.len().min(last + 1)];
            let start = text.iter().skip(1).rposition(is_separator).map_or(0, |at| at + 2);
            let Some(address) = address::with_port(&text[start..]) else { return found };
            found = Some(address);
            current = Some(address.ip());
            if !recursive {
                return found;
            }
            if start == 0 {
                break;
            }
            rest = &text[..start - 1];
        }
    }
    found
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
            (from("10.0.0.1"), &[",192.0.2.1"], false, None),
            (from("10.0.0.1"), &["192.0.2.1, "], false, Some("192.0.2.1:0")),
            (from("10.0.0.1"), &["x 192.0.2.1,"], false, Some("192.0.2.1:0")),
            (from("10.0.0.1"), &["", "10.0.0.2"], true, Some("10.0.0.2:0")),
            (from("10.0.0.1"), &["01.2.3.4"], false, Some("1.2.3.4:0")),
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
