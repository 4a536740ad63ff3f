//! The client's address as a proxy in front reports it (`ngx_http_realip_module.c`), and addresses in
//! X-Forwarded-For (`ngx_http_get_forwarded_addr`).

use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use crate::eval::forwarded::forwarded;
use crate::model::AccessSettings;
use crate::model::access::{Addresses, RealIpHeader};
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

/// The settings with the addresses of hosts in place of their names.
///
/// # Errors
/// A host name could not be resolved.
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
