//! One request that a user describes: the variables follow from its URL and headers.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::eval::inet::{write_ip, write_number};
use crate::eval::select::{AddressId, ServerId};
use crate::eval::{Captures, Request};
use crate::model::server::ServerName;
use crate::model::{Config, Endpoint, Variable, VariableId, VariableSource};

/// Described request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Address that the connection came in on.
    pub address: AddressId,
    /// Endpoint of that address.
    pub endpoint: Endpoint,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The method.
    pub method: String,
    /// The Host header as sent.
    pub host: Vec<u8>,
    /// Name in the Host header, as [`crate::eval::select::host::normalize`] makes it.
    pub name: Vec<u8>,
    /// Path and arguments as sent.
    pub target: Vec<u8>,
    /// Further headers; a missing one was not sent.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Client address, if given.
    pub client: Option<IpAddr>,
}

/// Request while its route is followed.
#[derive(Clone, Debug)]
pub struct Imagined<'c> {
    config: &'c Config,
    asked: &'c Asked,
    /// Current server.
    pub server: ServerId,
    /// `$uri`
    pub uri: Vec<u8>,
    /// `$args`
    pub args: Vec<u8>,
    /// Variables that were needed and are unknown.
    pub unknown: Vec<VariableId>,
    /// The client address was needed and is unknown.
    pub needs_client: bool,
    captures: Captures,
    stored: HashMap<VariableId, Vec<u8>>,
    lost: HashSet<VariableId>,
}

impl<'c> Imagined<'c> {
    /// Request at the start of its route.
    pub fn new(config: &'c Config, asked: &'c Asked, server: ServerId) -> Self {
        Self {
            config,
            asked,
            server,
            uri: Vec::new(),
            args: Vec::new(),
            unknown: Vec::new(),
            needs_client: false,
            captures: Captures::default(),
            stored: HashMap::new(),
            lost: HashSet::new(),
        }
    }

    /// `set`; `None` is an unknown value.
    pub fn store(&mut self, id: VariableId, value: Option<Vec<u8>>) {
        let name = self.config.http.variables.get(id).name.as_str();
        match value {
            Some(value) if name == "args" => self.args = value,
            Some(value) => {
                self.lost.remove(&id);
                self.stored.insert(id, value);
            }
            None => {
                self.lost.insert(id);
            }
        }
    }

    /// Clears the numbered captures.
    pub fn forget(&mut self) {
        self.captures = Captures::default();
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        if name.eq_ignore_ascii_case("host") {
            return (!self.asked.host.is_empty()).then_some(&self.asked.host);
        }
        let dashes = |text: &str| text.replace('-', "_").to_ascii_lowercase();
        let found = self.asked.headers.iter().find(|(own, _)| dashes(own) == dashes(name));
        found.map(|(_, value)| value.as_slice())
    }

    fn server_name(&self) -> &str {
        match self.config.http.servers[self.server.0 as usize].names.first() {
            Some(ServerName::Exact(name) | ServerName::DotHead(name)) => name,
            _ => "",
        }
    }

    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let cookies = self.header("cookie")?.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        cookies.filter_map(|c| c.strip_prefix(name.as_bytes())).find_map(|rest| rest.strip_prefix(b"="))
    }

    fn argument(&self, name: &str) -> Option<&[u8]> {
        let args = self.args.split(|b| *b == b'&');
        args.filter_map(|arg| arg.split_at_checked(name.len()))
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .find_map(|(_, rest)| rest.strip_prefix(b"="))
    }

    /// Built-in variable; `None`: unknown, `Some(false)`: no value.
    fn builtin(&self, name: &str, out: &mut Vec<u8>) -> Option<bool> {
        let family = |prefix: &str| name.strip_prefix(prefix);
        let found = if let Some(header) = family("http_") {
            self.header(header)
        } else if let Some(argument) = family("arg_") {
            self.argument(argument)
        } else if let Some(cookie) = family("cookie_") {
            self.cookie(cookie)
        } else {
            return self.plain(name, out);
        };
        out.extend_from_slice(found.unwrap_or_default());
        Some(found.is_some())
    }

    fn plain(&self, name: &str, out: &mut Vec<u8>) -> Option<bool> {
        let asked = self.asked;
        match name {
            "host" if asked.name.is_empty() => out.extend(self.server_name().bytes()),
            "host" => out.extend_from_slice(&asked.name),
            "uri" | "document_uri" => out.extend_from_slice(&self.uri),
            "request_uri" => out.extend_from_slice(&asked.target),
            "args" | "query_string" => out.extend_from_slice(&self.args),
            "is_args" => out.extend(if self.args.is_empty() { "" } else { "?" }.bytes()),
            "scheme" => out.extend(asked.scheme.bytes()),
            "https" if asked.scheme == "https" => out.extend(b"on"),
            "https" => return Some(false),
            "request_method" => out.extend(asked.method.bytes()),
            "request" => {
                out.extend(asked.method.bytes());
                out.push(b' ');
                out.extend_from_slice(&asked.target);
                out.extend(b" HTTP/1.1");
            }
            "server_protocol" => out.extend(b"HTTP/1.1"),
            "server_name" => out.extend(self.server_name().bytes()),
            "nginx_version" => out.extend(self.config.version.to_string().bytes()),
            "content_type" | "content_length" => {
                let found = self.header(name);
                out.extend_from_slice(found.unwrap_or_default());
                return Some(found.is_some());
            }
            "server_port" => match &asked.endpoint {
                Endpoint::Inet(address) => write_number(u32::from(address.port()), out),
                Endpoint::Name(_, port) => write_number(u32::from(*port), out),
                Endpoint::Unix(_) => {}
            },
            "remote_addr" => write_ip(asked.client?, out),
            "binary_remote_addr" => match asked.client? {
                IpAddr::V4(ip) => out.extend(ip.octets()),
                IpAddr::V6(ip) => out.extend(ip.octets()),
            },
            _ => return None,
        }
        Some(true)
    }
}

impl Request for Imagined<'_> {
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool {
        if let Some(known) = self.known(id, out) {
            return known;
        }
        let found = match variable.source {
            VariableSource::Builtin => self.builtin(&variable.name, out),
            VariableSource::Other(_) => None,
            // Before its `set` the variable is empty, as in nginx.
            _ => Some(false),
        };
        found.unwrap_or_else(|| {
            self.unknown.push(id);
            false
        })
    }

    fn address(&mut self) -> Option<IpAddr> {
        // `geo` takes 255.255.255.255 without an address.
        self.needs_client |= self.asked.client.is_none();
        self.asked.client
    }

    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
        let text = self.captures.get(usize::from(group));
        text.map(|text| out.extend_from_slice(text)).is_some()
    }

    fn set_captures(&mut self, captures: Captures) {
        for (id, value) in captures.named() {
            self.lost.remove(&id);
            self.stored.insert(id, value.to_vec());
        }
        self.captures = captures;
    }

    fn known(&mut self, id: VariableId, out: &mut Vec<u8>) -> Option<bool> {
        if self.lost.contains(&id) {
            self.unknown.push(id);
            return Some(false);
        }
        self.stored.get(&id).map(|value| out.extend_from_slice(value)).map(|()| true)
    }
}
