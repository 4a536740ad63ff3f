//! Addresses of peers that are known at start.

use std::net::ToSocketAddrs;

use crate::model::{Config, Endpoint};
use crate::runtime::server::start::{StartError, failed};
use crate::runtime::upstream::live;
use crate::runtime::upstream::peer::{Address, Resolved};

/// The addresses of all peers, with the position of their `server` line: a name can have several. The upstreams of
/// `stream` follow those of `http`.
pub(super) fn resolve(config: &Config) -> Result<Vec<Vec<(usize, Resolved)>>, StartError> {
    let mut all = Vec::new();
    let stream = config.stream.iter().flat_map(|stream| &stream.shared.upstreams);
    for upstream in config.http.upstreams.iter().chain(stream) {
        let mut peers = Vec::new();
        for (i, peer) in upstream.peers.iter().enumerate() {
            match &peer.endpoint {
                Endpoint::Inet(address) => peers.push((i, (Address::Inet(*address), address.to_string()))),
                Endpoint::Unix(path) => peers.push((i, (Address::Unix(path.into()), format!("unix:{path}")))),
                Endpoint::Name(..) if peer.resolve => {}
                Endpoint::Name(host, port) => {
                    let found = (host.as_str(), *port).to_socket_addrs();
                    let found = found.map_err(|_| {
                        failed(format!("host not found in upstream \"{}\"", peer.name), Some(peer.span))
                    })?;
                    peers.extend(found.map(|address| (i, (Address::Inet(address), address.to_string()))));
                }
            }
        }
        if peers.is_empty() && !live::is_live(upstream) {
            return Err(failed(
                format!("no servers are inside upstream \"{}\"", upstream.name),
                Some(upstream.span),
            ));
        }
        all.push(peers);
    }
    Ok(all)
}
