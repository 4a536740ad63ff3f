//! The choice of a peer, and the address that a connection to it is bound to.

use std::net::IpAddr;

use crate::model::log::Severity;
use crate::model::proxy::Bind;
use crate::runtime::request::scope::Scope;
use crate::runtime::upstream::balancer::{Attempt, Key};
use crate::runtime::upstream::peer::{self, Local};
use crate::runtime::upstream::state::UpstreamState;

/// Starts an attempt of the balancer with the key that it hashes.
pub(crate) fn start(scope: &mut Scope<'_>, state: &UpstreamState) -> Attempt {
    let mut key = Vec::new();
    match &state.key {
        Key::None => {}
        Key::Address => match scope.client.remote.map(|a| a.ip()) {
            Some(IpAddr::V4(ip)) => key.extend_from_slice(&ip.octets()),
            Some(IpAddr::V6(ip)) => key.extend_from_slice(&ip.octets()),
            None => key.extend_from_slice(&[0; 3]),
        },
        Key::Value(value) => scope.evaluate(value, &mut key),
    }
    state.balancer().start(&key)
}

/// The address to bind to (`ngx_http_upstream_set_local`): empty and invalid values leave the choice to the kernel.
pub(crate) fn local(scope: &mut Scope<'_>, bind: &Bind) -> Option<Local> {
    match bind {
        Bind::Off => None,
        Bind::Address { address, transparent } => {
            let name = if address.port() == 0 { address.ip().to_string() } else { address.to_string() };
            Some(Local { address: *address, name, transparent: *transparent })
        }
        Bind::Value { value, transparent } => {
            let mut text = Vec::new();
            scope.evaluate(value, &mut text);
            if text.is_empty() {
                return None;
            }
            scope.worker.outgoing.given(&scope.worker.config, value, &text);
            let name = String::from_utf8_lossy(&text).into_owned();
            let address = peer::parse_local(&text);
            if address.is_none() {
                scope.log(Severity::Error, &format!("invalid local address \"{name}\""), "");
            }
            address.map(|address| Local { address, name, transparent: *transparent })
        }
    }
}
