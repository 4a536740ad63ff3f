//! The PROXY protocol towards an upstream (`ngx_proxy_protocol_write`, `ngx_proxy_protocol_v2_write`).

use std::net::{IpAddr, Ipv6Addr};

use crate::runtime::net::tls::{Info, certificate};
use crate::runtime::request::state::Client;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header of version 1.
pub(super) fn version1(client: &Client) -> Vec<u8> {
    match (client.remote, client.local) {
        (Some(remote), Some(local)) if remote.is_ipv4() == local.is_ipv4() => {
            let family = if remote.is_ipv4() { "TCP4" } else { "TCP6" };
            let (from, to) = (remote.ip(), local.ip());
            format!("PROXY {family} {from} {to} {} {}\r\n", remote.port(), local.port()).into_bytes()
        }
        _ => b"PROXY UNKNOWN\r\n".to_vec(),
    }
}

/// The header of version 2, with what TLS says of the client, and its checksum.
pub(super) fn version2(client: &Client, is_udp: bool) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let transport = if is_udp { 2 } else { 1 };
    match (client.remote, client.local) {
        (Some(remote), Some(local)) => {
            match (remote.ip(), local.ip()) {
                (IpAddr::V4(from), IpAddr::V4(to)) => {
                    out.extend([0x21, 0x10 | transport, 0, 0]);
                    out.extend(from.octets());
                    out.extend(to.octets());
                }
                (from, to) => {
                    let six = |ip: IpAddr| match ip {
                        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                        IpAddr::V6(ip) => ip,
                    };
                    let (from, to): (Ipv6Addr, Ipv6Addr) = (six(from), six(to));
                    out.extend([0x21, 0x20 | transport, 0, 0]);
                    out.extend(from.octets());
                    out.extend(to.octets());
                }
            }
            out.extend(remote.port().to_be_bytes());
            out.extend(local.port().to_be_bytes());
        }
        _ => out.extend([0x20, 0, 0, 0]),
    }
    if let Some(info) = client.side.info() {
        of_tls(info, &mut out);
    }
    // The checksum is that of the whole header with zeros in its place.
    value(&mut out, 0x03, &[0; 4]);
    let length = u16::try_from(out.len() - 16).unwrap_or(u16::MAX);
    out[14..16].copy_from_slice(&length.to_be_bytes());
    let sum = crc32c(&out).to_be_bytes();
    let at = out.len() - 4;
    out[at..].copy_from_slice(&sum);
    out
}

fn value(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(value);
}

/// The values about TLS (`ngx_proxy_protocol_v2_eval_ssl`).
fn of_tls(info: &Info, out: &mut Vec<u8>) {
    if let Some(name) = &info.server_name {
        value(out, 0x02, name.as_bytes());
    }
    if !info.alpn.is_empty() {
        value(out, 0x01, &info.alpn);
    }
    let mut client = 1;
    let mut verify: u32 = 1;
    if info.has_certificate() {
        client |= if info.is_reused { 4 } else { 6 };
        verify = info.verdict.0;
    }
    let mut inner = vec![client];
    inner.extend(verify.to_be_bytes());
    value(&mut inner, 0x21, info.protocol.as_bytes());
    if let Some(name) = info.certificate.as_ref().and_then(|der| certificate::common_name(der)) {
        value(&mut inner, 0x22, name.as_bytes());
    }
    value(&mut inner, 0x23, info.cipher.as_bytes());
    value(out, 0x20, &inner);
}

/// CRC-32C (Castagnoli).
fn crc32c(data: &[u8]) -> u32 {
    let step =
        |crc: u32, byte: &u8| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 }
            })
        };
    !data.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksum() {
        assert_eq!(super::crc32c(b"123456789"), 0xe306_9283);
    }
}
