//! Sockets to bind, the addresses they serve, and the servers of each address (`ngx_http_add_listen`,
//! `ngx_http_optimize_servers`, `ngx_http_init_listening`).

use std::net::IpAddr;

use super::ServerId;
use super::trace::{ServerStep, Trace, listen};
use crate::eval::names::{Name, Names};
use crate::eval::regex::{Captures, CompileError, MatchError, Regex};
use crate::model::server::ServerName;
use crate::model::{Config, Endpoint, Listen, Server};

/// Id of a router's address: one for each different `listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressId(pub u32);

/// Address with its servers.
#[derive(Debug)]
pub struct Address {
    /// `listen` parameters in force: those that any server may set (`ssl`, `http2`, `quic`, `proxy_protocol`) and those
    /// that only one server may set (the others).
    pub listen: Listen,
    /// Server of unknown names: the `default_server`, else the first.
    pub default_server: ServerId,
    /// Servers in source order.
    pub servers: Vec<ServerId>,
    names: Names<ServerId>,
    regexes: Vec<(Regex, ServerId)>,
}

/// Socket to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Address to bind, with its options.
    pub bind: AddressId,
    /// Addresses whose connections the socket accepts; the last is `bind`. Only a wildcard has more than one.
    pub addresses: Vec<AddressId>,
}

impl Address {
    /// IP address, unless the endpoint is a path or an unresolved name.
    pub fn ip(&self) -> Option<IpAddr> {
        match &self.listen.endpoint {
            Endpoint::Inet(address) => Some(address.ip()),
            _ => None,
        }
    }

    fn is_wildcard(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// True if a parameter makes nginx bind the address itself although a wildcard of the port is bound (`lsopt.bind`).
    fn is_bound_explicitly(&self) -> bool {
        let Listen { backlog, ipv6only, reuseport, .. } = self.listen;
        backlog.is_some() || ipv6only.is_some() || reuseport
    }

    /// Key of the addresses that share a port: `ngx_http_conf_port_t`.
    fn port(&self) -> (u8, bool, u16) {
        match &self.listen.endpoint {
            Endpoint::Inet(address) => {
                (if address.is_ipv4() { 4 } else { 6 }, self.listen.is_datagram(), address.port())
            }
            Endpoint::Name(_, port) => (4, self.listen.is_datagram(), *port),
            Endpoint::Unix(_) => (1, self.listen.is_datagram(), 0),
        }
    }

    /// `ngx_http_find_virtual_server`
    pub(super) fn server(
        &self,
        name: &[u8],
        trace: &mut impl Trace<ServerStep>,
    ) -> Result<(ServerId, Option<Captures>), MatchError> {
        if let Some((server, how)) = self.names.find_how(name) {
            trace.step(ServerStep::Name(server, how));
            return Ok((server, None));
        }
        if !name.is_empty() {
            for (regex, server) in &self.regexes {
                let captures = regex.exec(name)?;
                listen(trace, || ServerStep::Regex(*server, regex.pattern().to_owned(), captures.is_some()));
                if let Some(captures) = captures {
                    return Ok((*server, Some(captures)));
                }
            }
        }
        trace.step(ServerStep::Default(self.default_server));
        Ok((self.default_server, None))
    }

    /// Adds a server that listens on the address (`ngx_http_add_addresses`).
    fn add(&mut self, id: ServerId, listen: &Listen) {
        if !self.servers.contains(&id) {
            self.servers.push(id);
        }
        if listen.default_server && !self.listen.default_server {
            self.listen.default_server = true;
            self.default_server = id;
        }
        let mine = &mut self.listen;
        mine.ssl |= listen.ssl;
        mine.http2 |= listen.http2;
        mine.proxy_protocol |= listen.proxy_protocol;
        mine.reuseport |= listen.reuseport;
        mine.backlog = mine.backlog.or(listen.backlog);
        mine.ipv6only = mine.ipv6only.or(listen.ipv6only);
    }
}

/// Addresses in source order, and the sockets that accept their connections.
pub(super) fn group(config: &Config) -> Result<(Vec<Address>, Vec<Socket>), CompileError> {
    let mut addresses: Vec<Address> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (i, server) in config.http.servers.iter().enumerate() {
        let id = ServerId(i as u32);
        for listen in &server.listen {
            let at = *known.entry((&listen.endpoint, listen.is_datagram())).or_insert(addresses.len());
            if let Some(address) = addresses.get_mut(at) {
                address.add(id, listen);
            } else {
                addresses.push(Address {
                    listen: listen.clone(),
                    default_server: id,
                    servers: vec![id],
                    names: Names::default(),
                    regexes: Vec::new(),
                });
            }
        }
    }
    for address in &mut addresses {
        for &id in &address.servers {
            let server = &config.http.servers[id.0 as usize];
            add_names(&mut address.names, &mut address.regexes, id, server, config)?;
        }
    }
    let sockets = sockets(&addresses);
    Ok((addresses, sockets))
}

/// `ngx_http_server_names`
fn add_names(
    names: &mut Names<ServerId>,
    regexes: &mut Vec<(Regex, ServerId)>,
    id: ServerId,
    server: &Server,
    config: &Config,
) -> Result<(), CompileError> {
    for name in &server.names {
        let name = match name {
            ServerName::Exact(name) => Name::Exact(name.as_bytes()),
            ServerName::WildcardHead(name) => Name::Head(name.as_bytes()),
            ServerName::DotHead(name) => Name::Dot(name.as_bytes()),
            ServerName::WildcardTail(name) => Name::Tail(name.as_bytes()),
            ServerName::Regex(pattern) => {
                // Names are lower case: a pattern with capitals would never match case-sensitively.
                let caseless = pattern.bytes().any(|b| b.is_ascii_uppercase());
                regexes.push((Regex::new(pattern, caseless, server.span, config)?, id));
                continue;
            }
        };
        names.add(name, id);
    }
    Ok(())
}

/// Sockets of the addresses: a wildcard accepts for the other addresses of its port, except those that nginx binds
/// themselves.
fn sockets(addresses: &[Address]) -> Vec<Socket> {
    let mut ports: Vec<((u8, bool, u16), Vec<usize>)> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for (i, address) in addresses.iter().enumerate() {
        let at = *known.entry(address.port()).or_insert(ports.len());
        match ports.get_mut(at) {
            Some((_, members)) => members.push(i),
            None => ports.push((address.port(), vec![i])),
        }
    }
    let mut sockets = Vec::new();
    let id = |i: &usize| AddressId(*i as u32);
    for (_, members) in &ports {
        let wildcard = members.iter().find(|&&i| addresses[i].is_wildcard());
        let (alone, together): (Vec<usize>, Vec<usize>) = members
            .iter()
            .filter(|i| Some(*i) != wildcard)
            .partition(|&&i| wildcard.is_none() || addresses[i].is_bound_explicitly());
        sockets.extend(alone.iter().map(|i| Socket { bind: id(i), addresses: vec![id(i)] }));
        if let Some(wildcard) = wildcard {
            let addresses = together.iter().chain([wildcard]).map(id).collect();
            sockets.push(Socket { bind: id(wildcard), addresses });
        }
    }
    sockets
}
