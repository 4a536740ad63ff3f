//! Addresses in the notation of `$remote_addr` and similar variables (`ngx_inet_ntop`, `ngx_inet6_ntop`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends the text of an address.
pub fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => write_ipv4(ip, out),
        IpAddr::V6(ip) => write_ipv6(ip, out),
    }
}

/// Appends a number in decimal.
#[inline]
pub fn write_number(number: u32, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 10];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[inline]
fn write_ipv4(ip: Ipv4Addr, out: &mut Vec<u8>) {
    for (i, octet) in ip.octets().into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        write_number(u32::from(octet), out);
    }
}

fn write_ipv6(ip: Ipv6Addr, out: &mut Vec<u8>) {
    let groups = ip.segments();
    let [.., high, low] = ip.octets();
    let (zero, length) = longest_zeros(&groups);
    // nginx ends more addresses in IPv4 notation than RFC 5952.
    let ends_in_ipv4 = zero == 0
        && ((length == 5 && groups[5] == 0xffff) || length == 6 || (length == 7 && high != 0 && low != 1));
    let end = if ends_in_ipv4 { 6 } else { 8 };
    if length > 0 && zero == 0 {
        out.push(b':');
    }
    let mut i = 0;
    while i < end {
        if length > 0 && i == zero {
            out.push(b':');
            i += length;
            continue;
        }
        out.extend(format_hex(groups[i]).into_iter().flatten());
        if i < 7 {
            out.push(b':');
        }
        i += 1;
    }
    if ends_in_ipv4 {
        let [a, b] = [groups[6].to_be_bytes(), groups[7].to_be_bytes()];
        write_ipv4(Ipv4Addr::new(a[0], a[1], b[0], b[1]), out);
    }
}

/// Start and length of the longest run of at least two zero groups; length 0 if there is none.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let (mut best, mut run) = ((0, 0), 0);
    for (i, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > best.1.max(1) {
            best = (i + 1 - run, run);
        }
    }
    best
}

fn format_hex(group: u16) -> [Option<u8>; 4] {
    let mut digits = [None; 4];
    for (i, digit) in digits.iter_mut().enumerate() {
        let shift = 12 - 4 * i as u32;
        if group >> shift > 0 || shift == 0 {
            *digit = Some(b"0123456789abcdef"[usize::from(group >> shift & 15)]);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_nginx_writes_them() {
        let cases = [
            ("0.0.0.0", "0.0.0.0"),
            ("203.0.113.255", "203.0.113.255"),
            ("::", "::"),
            ("::1", "::1"),
            ("::2", "::2"),
            ("::102", "::0.0.1.2"),
            ("::101", "::101"),
            ("::1:2", "::0.1.0.2"),
            ("::1:2:3", "::1:2:3"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::", "2001:db8::"),
            ("2001:db8::1", "2001:db8::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:0:0:1:2:0:0:1", "2001::1:2:0:0:1"),
            ("fe80:a0b:1:20:300:4000:0:1", "fe80:a0b:1:20:300:4000:0:1"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ];
        for (address, expected) in cases {
            let mut out = Vec::new();
            write_ip(address.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{address}");
        }
    }
}
