//! The client's address as a proxy in front reports it (`ngx_http_realip_module.c`), and addresses in
//! X-Forwarded-For (`ngx_http_get_forwarded_addr`).

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use super::connection::Connection;
use super::request::Request;
use crate::model::AccessSettings;
use crate::model::access::{Addresses, RealIpHeader};

/// The settings with the addresses of hosts in place of their names.
///
/// # Errors
/// A name stands for nothing.
pub(crate) fn named(access: &Arc<AccessSettings>) -> Result<Arc<AccessSettings>, (PathBuf, std::io::Error)> {
    let list = &access.set_real_ip_from.value;
    if !list.iter().any(|one| matches!(one, Addresses::Name(_))) {
        return Ok(Arc::clone(access));
    }
    let mut known = Vec::new();
    for one in list {
        match one {
            Addresses::Name(name) => {
                let found = (name.as_str(), 0).to_socket_addrs().map_err(|error| (name.into(), error))?;
                known.extend(found.map(|address| Addresses::Net(address.ip().into())));
            }
            other => known.push(other.clone()),
        }
    }
    let mut access = AccessSettings::clone(access);
    access.set_real_ip_from.value = known;
    Ok(Arc::new(access))
}

/// Takes the reported address for the client's until the request is logged.
pub(crate) fn apply(c: &mut Connection, r: &mut Request) {
    let plan = Rc::clone(&r.plan);
    let access = &plan.access;
    let believed = &access.set_real_ip_from.value;
    if believed.is_empty() || r.real.is_some() {
        return;
    }
    let buffer = r.buffer.all();
    let is_list = access.real_ip_header.value == RealIpHeader::ForwardedFor;
    let name: &[u8] = match &access.real_ip_header.value {
        RealIpHeader::ForwardedFor => b"X-Forwarded-For",
        RealIpHeader::Header(name) => name,
        RealIpHeader::ProxyProtocol => return announced(c, r, believed, access.real_ip_recursive.value),
    };
    let lines = r.head.fields.iter().filter(|f| f.name.of(buffer).eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = lines.map(|f| f.value.of(buffer)).collect();
    let values = if is_list { &values[..] } else { &values[..values.len().min(1)] };
    let found = forwarded(c.client.remote, values, believed, access.real_ip_recursive.value);
    if let Some(address) = found {
        r.real = Some(c.client.remote);
        c.client.remote = Some(address);
    }
}

/// The same with what came before the request.
fn announced(c: &mut Connection, r: &mut Request, believed: &[Addresses], recursive: bool) {
    let Some(proxied) = c.client.proxied.clone() else { return };
    if let Some(mut address) = forwarded(c.client.remote, &[&proxied.source], believed, recursive) {
        address.set_port(proxied.source_port);
        r.real = Some(c.client.remote);
        c.client.remote = Some(address);
    }
}

/// The last address of the lists, or with `recursive` the last that is not believed; `None` if the one who says it is
/// not believed himself.
pub(crate) fn forwarded(
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
