//! One request that a user describes: the variables follow from its URL and headers.

mod builtin;
mod reads;

pub use reads::RequestParts;
pub(super) use reads::{Origin, RequestPart};

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::facts::Facts;
use crate::eval::forwarded::forwarded;
use crate::eval::select::host::{self, InvalidHost};
use crate::eval::select::{AddressId, LocationId, Router, ServerId};
use crate::eval::{Captures, Request};
use crate::model::access::Addresses;
use crate::model::server::ServerName;
use crate::model::{Config, Endpoint, HttpSettings, UpstreamId, Variable, VariableId, VariableSource};
use crate::source::Span;

/// Described request.
#[derive(Clone, Debug)]
pub struct DescribedRequest {
    /// Address that the connection came in on.
    pub address: AddressId,
    /// Endpoint of that address.
    pub endpoint: Endpoint,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The method.
    pub method: String,
    /// `HTTP/1.1`, `HTTP/1.0` or `HTTP/2.0`.
    pub protocol: String,
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
    /// Facts about the outside; `None`: the route forks where they decide.
    pub facts: Option<Facts>,
}

impl DescribedRequest {
    /// GET request over HTTP/1.1 with a Host header (none if `host` is empty), for `http` or `https` as the address has it.
    /// The client is unknown and no facts are stated; set the fields for more.
    ///
    /// # Errors
    /// If nginx answers 400 to the host.
    pub fn new(
        router: &Router,
        address: AddressId,
        host: impl Into<Vec<u8>>,
        target: impl Into<Vec<u8>>,
    ) -> Result<Self, InvalidHost> {
        let listen = &router.listen(address).listen;
        let (host, mut name) = (host.into(), Vec::new());
        if !host.is_empty() {
            host::normalize_in(router.config().version, &host, &mut name)?;
        }
        Ok(Self {
            address,
            endpoint: listen.endpoint.clone(),
            scheme: if listen.ssl || listen.quic { "https" } else { "http" },
            method: "GET".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            host,
            name,
            target: target.into(),
            headers: Vec::new(),
            client: None,
            facts: None,
        })
    }
}

/// Destination of a proxied request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The upstream, unless the address is computed and names none.
    pub upstream: Option<UpstreamId>,
    /// Host and port as written: `$proxy_host`.
    pub host: Vec<u8>,
    /// URI in a computed URL.
    pub uri: Option<Vec<u8>>,
    /// `https://`
    pub tls: bool,
}

/// A zone that counts the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// `limit_req` or `limit_conn`.
    pub directive: &'static str,
    /// Name of the zone.
    pub zone: String,
    /// Key in the zone, empty: not counted; or the unknown variables.
    pub key: Result<Vec<u8>, Vec<VariableId>>,
}

/// Request while its route is followed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as in nginx's own request")]
pub struct RoutedRequest<'c> {
    config: &'c Config,
    asked: &'c DescribedRequest,
    /// Settings that hold where the request is.
    pub settings: &'c HttpSettings,
    /// Current server.
    pub server: ServerId,
    /// Method; an error page changes it to GET.
    pub method: String,
    /// `$uri`
    pub uri: Vec<u8>,
    /// `$args`
    pub args: Vec<u8>,
    /// Client address: that of the connection, or the reported one (`ngx_http_realip_module`).
    pub client: Option<IpAddr>,
    /// Address of the connection's client, if `client` is another.
    pub real: Option<Option<IpAddr>>,
    /// The URI is as the client sent it (`valid_unparsed_uri`).
    pub is_unchanged: bool,
    /// The location matches the URI (`valid_location`).
    pub is_in_location: bool,
    /// `try_files` has set the URI of a location with `alias` and a regular expression.
    pub add_uri_to_alias: bool,
    /// The request was redirected inside.
    pub is_internal: bool,
    /// Location whose handler answers although an `if` is the location.
    pub handled_by: Option<LocationId>,
    /// Destination, if the request is proxied.
    pub destination: Option<Destination>,
    /// Zones that count the request; `None`: not yet known.
    pub counted: Option<Vec<Counted>>,
    /// Status of the response, for `$status`.
    pub status: Option<u16>,
    /// The upstream has answered.
    pub is_answered: bool,
    /// Entries that were taken from maps; `None`: the default.
    pub looked_up: Vec<(usize, Option<usize>)>,
    /// Heads of the `geo` and `split_clients` blocks that were asked.
    pub tables: Vec<Span>,
    /// Origin of the URI.
    pub(super) origin: Origin,
    /// Parts that have decided so far.
    pub(super) reads: RequestParts,
    /// Variables that were needed and are unknown.
    pub unknown: Vec<VariableId>,
    /// The client address was needed and is unknown.
    pub needs_client: bool,
    captures: Captures,
    stored: HashMap<VariableId, Vec<u8>>,
    cached: HashMap<VariableId, Vec<u8>>,
    lost: HashSet<VariableId>,
}

impl<'c> RoutedRequest<'c> {
    /// Request at the start of its route.
    pub fn new(config: &'c Config, asked: &'c DescribedRequest, server: ServerId) -> Self {
        Self {
            config,
            asked,
            settings: &config.http.servers[server.0 as usize].settings,
            server,
            method: asked.method.clone(),
            uri: Vec::new(),
            args: Vec::new(),
            client: asked.client,
            real: None,
            is_unchanged: true,
            is_in_location: true,
            add_uri_to_alias: false,
            is_internal: false,
            handled_by: None,
            destination: None,
            counted: None,
            status: None,
            is_answered: false,
            looked_up: Vec::new(),
            tables: Vec::new(),
            origin: Origin::default(),
            reads: RequestParts::default(),
            unknown: Vec::new(),
            needs_client: false,
            captures: Captures::default(),
            stored: HashMap::new(),
            cached: HashMap::new(),
            lost: HashSet::new(),
        }
    }

    /// The request as described.
    pub fn asked(&self) -> &'c DescribedRequest {
        self.asked
    }

    /// `set`; `None` is an unknown value.
    pub fn store(&mut self, id: VariableId, value: Option<Vec<u8>>) {
        let name = self.config.http.variables.get(id).name.as_str();
        match value {
            Some(value) if name == "args" => {
                self.args = value;
                self.is_unchanged = false;
            }
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

    /// Text of a numbered capture.
    pub fn captured(&self, group: u8) -> Option<&[u8]> {
        self.reads.note(RequestPart::Path);
        self.captures.get(usize::from(group))
    }

    /// Values of all lines of a header; names are compared as variables have them, with `_` for `-`.
    pub fn headers(&self, name: &str) -> Vec<&[u8]> {
        let dashes = |text: &str| text.replace('-', "_").to_ascii_lowercase();
        let name = dashes(name);
        self.reads.note_name(&format!("http_{name}"));
        if name == "host" {
            return (!self.asked.host.is_empty()).then_some(&self.asked.host[..]).into_iter().collect();
        }
        let core = &self.settings.core;
        let is_valid = |own: &str| {
            own.bytes().all(|b| {
                b.is_ascii_alphanumeric() || b == b'-' || b == b'_' && core.underscores_in_headers.value
            }) || !core.ignore_invalid_headers.value
        };
        let lines = self.asked.headers.iter().filter(|(own, _)| dashes(own) == name && is_valid(own));
        lines.map(|(_, value)| value.as_slice()).collect()
    }

    /// Value of a header, its lines joined as nginx does it.
    pub fn header(&self, name: &str) -> Option<Vec<u8>> {
        let lines = self.headers(name);
        let separator: &[u8] = if name.eq_ignore_ascii_case("cookie") { b"; " } else { b", " };
        (!lines.is_empty()).then(|| lines.join(separator))
    }

    /// Parts of the request that the route has read.
    pub fn reads(&self) -> &RequestParts {
        &self.reads
    }

    /// Notes that the URI decides.
    pub(super) fn read_uri(&self) {
        if self.origin != Origin::Constant {
            self.reads.note(RequestPart::Path);
        }
    }

    /// Notes that the arguments decide; those of another URI may be made of anything.
    pub(super) fn read_args(&self) {
        self.reads.note(RequestPart::Args);
        if self.is_internal {
            self.reads.note(RequestPart::Path);
        }
    }

    /// Number of values that are remembered, for whoever wants to know if there are more by now.
    pub(super) fn remembered(&self) -> usize {
        self.cached.len() + self.looked_up.len()
    }

    /// `$server_name`: the first name of the server as nginx keeps it.
    pub fn server_name(&self) -> String {
        match self.config.http.servers[self.server.0 as usize].names.first() {
            None => String::new(),
            Some(ServerName::Exact(name) | ServerName::DotHead(name) | ServerName::Regex(name)) => {
                name.clone()
            }
            Some(name) => name.to_string(),
        }
    }
}

impl Request for RoutedRequest<'_> {
    fn variable(&mut self, id: VariableId, variable: &Variable, out: &mut Vec<u8>) -> bool {
        if let Some(known) = self.known(id, out) {
            return known;
        }
        let facts = self.asked.facts.as_ref();
        if let Some(value) = facts.and_then(|facts| facts.variables.get(&variable.name)) {
            self.reads.note_name(&variable.name);
            out.extend_from_slice(value);
            return true;
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
        self.reads.note(RequestPart::Client);
        // `geo` takes 255.255.255.255 without an address.
        self.needs_client |= self.client.is_none();
        self.client
    }

    fn forwarded(&mut self, address: IpAddr, believed: &[Addresses], recursive: bool) -> IpAddr {
        let from = Some(SocketAddr::new(address, 0));
        forwarded(from, &self.headers("x-forwarded-for"), believed, recursive).map_or(address, |a| a.ip())
    }

    fn capture(&mut self, group: u8, out: &mut Vec<u8>) -> bool {
        self.reads.note(RequestPart::Path);
        let text = self.captures.get(usize::from(group));
        text.map(|text| out.extend_from_slice(text)).is_some()
    }

    fn set_captures(&mut self, captures: Captures) {
        if captures.named().next().is_some() {
            self.read_uri();
        }
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
        let value = self.stored.get(&id).or_else(|| self.cached.get(&id));
        value.map(|value| out.extend_from_slice(value)).map(|()| true)
    }

    fn remember(&mut self, id: VariableId, value: &[u8]) {
        // A value of something unknown may be known later.
        if self.unknown.is_empty() && !self.needs_client {
            self.cached.insert(id, value.to_vec());
        }
    }

    fn looked_up(&mut self, map: usize, entry: Option<usize>) {
        if self.asked.facts.is_some() {
            self.looked_up.push((map, entry));
        }
    }

    fn table_read(&mut self, block: Span) {
        if self.asked.facts.is_some() {
            self.tables.push(block);
        }
    }
}
