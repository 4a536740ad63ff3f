//! A request that both configurations are asked, and what can be varied of it.

use std::net::IpAddr;

use crate::eval::select::host::normalize_in;
use crate::eval::select::{AddressId, Router};
use crate::simulate::facts::{Facts, Files, Response};
use crate::simulate::imagined::DescribedRequest;

/// A request that both configurations are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Method.
    pub method: String,
    /// Host header; empty: none.
    pub host: String,
    /// Path and arguments, escaped.
    pub target: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Client.
    pub client: IpAddr,
    /// Stated facts.
    pub facts: Facts,
}

impl Probe {
    /// The request as the simulator takes it.
    pub fn asked(&self, router: &Router, address: AddressId) -> DescribedRequest {
        let listen = &router.listen(address).listen;
        let mut name = Vec::new();
        let is_host = normalize_in(router.config().version, self.host.as_bytes(), &mut name).is_ok();
        DescribedRequest {
            address,
            endpoint: listen.endpoint.clone(),
            scheme: if listen.ssl || listen.quic { "https" } else { "http" },
            method: self.method.clone(),
            protocol: "HTTP/1.1".to_owned(),
            host: self.host.clone().into_bytes(),
            name: if is_host { name } else { Vec::new() },
            target: self.target.clone().into_bytes(),
            headers: self.headers.iter().map(|(n, v)| (n.clone(), v.clone().into_bytes())).collect(),
            client: Some(self.client),
            facts: Some(self.facts.clone()),
        }
    }
}

/// Something that a request can have, beside its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variation {
    Method(String),
    Path(String),
    Header(String, String),
    Argument(String, String),
    Host(String),
    Client(IpAddr),
    Variable(String, String),
    Files,
    Refused,
    User,
    Upstream(u16),
    Body(u64),
}

/// The variation that gives a variable a value; `None` if the address decides the value.
pub(super) fn variation(name: &str, text: String) -> Option<Variation> {
    Some(match name {
        "request_method" => Variation::Method(text),
        "args" | "query_string" => match text.split_once('=') {
            Some((name, value)) => Variation::Argument(name.to_owned(), value.to_owned()),
            None => Variation::Argument(text, String::new()),
        },
        "remote_addr" => Variation::Client(text.parse().ok()?),
        "host" | "http_host" => {
            let is_host = crate::eval::select::host::normalize(text.as_bytes(), &mut Vec::new()).is_ok();
            Variation::Host(Some(text).filter(|_| is_host)?)
        }
        "scheme" | "server_port" | "server_name" => return None,
        _ => {
            let of = |prefix: &str| name.strip_prefix(prefix);
            match (of("http_"), of("cookie_"), of("arg_")) {
                (Some(header), ..) => Variation::Header(header.replace('_', "-"), text),
                (_, Some(cookie), _) => Variation::Header("cookie".to_owned(), format!("{cookie}={text}")),
                (.., Some(argument)) => Variation::Argument(argument.to_owned(), text),
                _ => Variation::Variable(name.to_owned(), text),
            }
        }
    })
}

/// The request with a variation.
pub(super) fn varied(probe: &Probe, variation: &Variation) -> Probe {
    let mut probe = probe.clone();
    match variation.clone() {
        Variation::Method(method) => probe.method = method,
        Variation::Path(path) => {
            let mut escaped = Vec::new();
            crate::eval::uri::escape(path.as_bytes(), &mut escaped);
            let args = probe.target.find('?').map(|mark| probe.target.split_off(mark)).unwrap_or_default();
            probe.target = String::from_utf8_lossy(&escaped).into_owned() + &args;
        }
        Variation::Header(name, value) => probe.headers.push((name, value)),
        Variation::Argument(name, value) => {
            let mut escaped = Vec::new();
            crate::eval::uri::escape_args(value.as_bytes(), &mut escaped);
            let mark = if probe.target.contains('?') { '&' } else { '?' };
            probe.target.push(mark);
            probe.target.push_str(&name);
            if !escaped.is_empty() {
                probe.target.push('=');
                probe.target.push_str(&String::from_utf8_lossy(&escaped));
            }
        }
        Variation::Host(host) => probe.host = host,
        Variation::Client(client) => probe.client = client,
        Variation::Variable(name, value) => {
            probe.facts.variables.insert(name, value.into_bytes());
        }
        Variation::Files => probe.facts.files = Some(Files::all()),
        Variation::Refused => probe.facts.auth_request = Some(401),
        Variation::User => probe.facts.user = Some("user".to_owned()),
        Variation::Upstream(status) => probe.facts.upstream = Some(Response { status, headers: Vec::new() }),
        Variation::Body(size) => {
            "POST".clone_into(&mut probe.method);
            probe.facts.body = Some(size);
        }
    }
    probe
}
