//! `$proxy_protocol_*`: what a proxy in front has said of the client.

use crate::model::log::Severity;
use crate::runtime::net::proxy_protocol::{ProxyProtocol, further};
use crate::runtime::net::text::number;
use crate::runtime::request::scope::Scope;
use crate::runtime::request::variable::Get;

/// `$proxy_protocol_addr` and its neighbours.
pub(crate) const PLAIN: &[(&str, Get)] = &[
    ("proxy_protocol_addr", |s, out| said(s, out, |p, out| out.extend_from_slice(&p.source))),
    ("proxy_protocol_port", |s, out| said(s, out, |p, out| port(out, p.source_port))),
    ("proxy_protocol_server_addr", |s, out| said(s, out, |p, out| out.extend_from_slice(&p.destination))),
    ("proxy_protocol_server_port", |s, out| said(s, out, |p, out| port(out, p.destination_port))),
];

fn said(scope: &Scope<'_>, out: &mut Vec<u8>, add: impl Fn(&ProxyProtocol, &mut Vec<u8>)) -> bool {
    scope.client.proxied.as_ref().map(|found| add(found, out)).is_some()
}

fn port(out: &mut Vec<u8>, port: u16) {
    if port > 0 {
        number(out, u64::from(port));
    }
}

/// `$proxy_protocol_tlv_name` (`ngx_proxy_protocol_get_tlv`)
pub(crate) fn value(scope: &mut Scope<'_>, name: &str, out: &mut Vec<u8>) -> bool {
    let Some(found) = scope.client.proxied.clone() else { return false };
    match further(&found.values, name.as_bytes()) {
        Ok(Some(value)) => {
            out.extend_from_slice(&value);
            true
        }
        Ok(None) => false,
        Err(message) => {
            scope.log(Severity::Error, &message, "");
            false
        }
    }
}
