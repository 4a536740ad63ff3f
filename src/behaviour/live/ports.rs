//! Addresses that the rewritten configuration listens on and passes to.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

use crate::eval::select::{AddressId, Router};
use crate::model::listen::Listen;
use crate::model::{Config, Endpoint};

/// Ports of a session.
#[derive(Debug)]
pub(super) struct Ports {
    /// Port of each address of the configuration, by its id.
    pub(super) listen: Vec<u16>,
    /// Each upstream with the port of its stub.
    pub(super) upstreams: Vec<Upstream>,
    /// Positions in `upstreams` by name.
    by_name: HashMap<String, usize>,
}

/// A destination of the configuration.
#[derive(Debug)]
pub(super) struct Upstream {
    /// Name of the `upstream` block, or host and port as written.
    pub(super) name: String,
    /// `upstream { … }`
    pub(super) is_block: bool,
    /// Port of its stub.
    pub(super) port: u16,
}

impl Ports {
    /// Finds free ports for the addresses of a configuration. Another program may take one before the server does.
    ///
    /// # Errors
    /// If the kernel has no port.
    pub(super) fn new(router: &Router) -> io::Result<Self> {
        let held: Vec<TcpListener> = router.addresses().map(|_| loopback()).collect::<io::Result<_>>()?;
        let listen = held.iter().map(|l| Ok(l.local_addr()?.port())).collect::<io::Result<_>>()?;
        Ok(Self { listen, upstreams: Vec::new(), by_name: HashMap::new() })
    }

    /// The port of an upstream, whose stub listens on the listener that `open` is given.
    ///
    /// # Errors
    /// If the kernel has no port.
    pub(super) fn upstream(
        &mut self,
        name: &str,
        is_block: bool,
        open: &mut dyn FnMut(usize, TcpListener),
    ) -> io::Result<u16> {
        if let Some(at) = self.by_name.get(name) {
            return Ok(self.upstreams[*at].port);
        }
        let (at, listener) = (self.upstreams.len(), loopback()?);
        let port = listener.local_addr()?.port();
        open(at, listener);
        self.by_name.insert(name.to_owned(), at);
        self.upstreams.push(Upstream { name: name.to_owned(), is_block, port });
        Ok(port)
    }

    /// A text with the stubs in place of the hosts behind a scheme, also where a pattern escapes their dots. Names of
    /// `upstream` blocks stay.
    pub(super) fn live(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("://") {
            let (before, host) = rest.split_at(at + 3);
            out += before;
            rest = host;
            for upstream in self.upstreams.iter().filter(|upstream| !upstream.is_block) {
                let stub = format!("127.0.0.1:{}", upstream.port);
                let forms =
                    [(upstream.name.clone(), stub.clone()), (escaped(&upstream.name), escaped(&stub))];
                let found = forms.iter().find_map(|(own, live)| Some((host.strip_prefix(&**own)?, live)));
                let Some((after, live)) = found.filter(|(after, _)| is_end(after)) else { continue };
                out += live;
                rest = after;
                break;
            }
        }
        out + rest
    }

    /// True if requests to this host go to a stub.
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }
}

/// A text as a pattern.
fn escaped(text: &str) -> String {
    text.replace('.', r"\.")
}

/// True if a host ends where this text begins.
fn is_end(after: &str) -> bool {
    !after.starts_with(|c: char| c.is_alphanumeric() || ".-_:\\".contains(c))
}

/// True if the URL of a request to this address has no port.
pub(super) fn is_default(listen: &Listen) -> bool {
    let default = if listen.ssl { 443 } else { 80 };
    match &listen.endpoint {
        Endpoint::Inet(address) => address.port() == default,
        Endpoint::Name(_, port) => *port == default,
        Endpoint::Unix(_) => true,
    }
}

fn loopback() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Address of an endpoint.
pub(super) fn address(router: &Router, endpoint: &Endpoint, is_quic: bool) -> Option<AddressId> {
    let mut all = router.addresses();
    all.find(|(_, a)| a.listen.endpoint == *endpoint && a.listen.quic == is_quic).map(|(id, _)| id)
}

/// True if the configuration decides who the client is.
pub(super) fn has_own_clients(config: &Config) -> bool {
    let of = |settings: &crate::model::HttpSettings| !settings.access.set_real_ip_from.value.is_empty();
    config.http.servers.iter().any(|server| of(&server.settings))
        || config.http.locations().any(|(_, location)| of(&location.settings))
}
