//! Outcome of one request: its route, and all that follows from the place where the route ends.

use std::net::IpAddr;

use crate::eval::Request as _;
use crate::eval::select::{LocationId, ServerId};
use crate::model::cache::CacheZone;
use crate::model::location::Handler;
use crate::model::proxy::Bind;
use crate::model::server::ServerName;
use crate::model::{ComplexValue, Config, HttpSettings, LocationKind, Segment};
use crate::simulate::facts::Fact;
use crate::simulate::imagined::{DescribedRequest, Destination, RoutedRequest};
use crate::simulate::walk::{End, Event, RoutingConfiguration, Walk};
use crate::source::Span;

/// Reason why a value is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A fact that the case does not state.
    Fact(Fact),
    /// Variables whose values the case does not state.
    Variables(Vec<String>),
    /// Something that neither the configuration nor a fact decides, in words.
    Outside(&'static str),
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Missing::Fact(fact) => {
                let field = match fact {
                    Fact::Files => "files = [\"/path\"]",
                    Fact::Upstream => "upstream = { status = 200 }",
                    Fact::AuthRequest => "auth_request = 200",
                    Fact::User => "user = \"name\"",
                    Fact::Client => "client = \"192.0.2.1\"",
                };
                write!(f, "it depends on {}: state `{field}`", fact.name())
            }
            Missing::Variables(names) => {
                let shown: Vec<String> = names.iter().map(|name| format!("`${name}`")).collect();
                let fields: Vec<String> = names.iter().map(|name| format!("{name} = \"\"")).collect();
                write!(
                    f,
                    "it depends on {}: state `variables = {{ {} }}`",
                    shown.join(", "),
                    fields.join(", ")
                )
            }
            Missing::Outside(what) => f.write_str(what),
        }
    }
}

/// Value, or the reason why it is unknown.
pub type Knowable<T> = Result<T, Missing>;

/// The text of an address of four or sixteen bytes.
fn address(bytes: &[u8]) -> Option<Vec<u8>> {
    let short = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let ip = short().or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from))?;
    Some(ip.to_string().into_bytes())
}

/// Outcome of a request.
#[derive(Debug)]
pub struct Outcome<'g> {
    /// The prepared configuration.
    pub ground: &'g RoutingConfiguration,
    /// Route of the request.
    pub walk: Walk,
    /// Request at the end of its route.
    pub request: RoutedRequest<'g>,
}

impl<'g> Outcome<'g> {
    /// Follows a request to its end.
    ///
    /// # Errors
    /// If PCRE2 gave up a match of the server's name.
    pub fn of(ground: &'g RoutingConfiguration, asked: &'g DescribedRequest) -> Result<Self, String> {
        let (walk, request) = ground.follow(asked)?;
        Ok(Self { ground, walk, request })
    }

    /// The configuration.
    pub fn config(&self) -> &'g Config {
        self.ground.router.config()
    }

    /// Settings that hold at the end.
    pub fn settings(&self) -> &'g HttpSettings {
        match self.walk.location {
            Some(id) => &self.ground.router.get(id).settings,
            None => &self.config().http.servers[self.walk.server.0 as usize].settings,
        }
    }

    /// Chosen server.
    pub fn server(&self) -> ServerId {
        self.walk.server
    }

    /// Chosen location: an `if` or `limit_except` counts as the location around it.
    pub fn location(&self) -> Option<LocationId> {
        let mut id = self.walk.location?;
        while matches!(self.ground.router.get(id).kind, LocationKind::If | LocationKind::LimitExcept(_)) {
            id = self.outer(id)?;
        }
        Some(id)
    }

    /// The location as written, without the word `location`; empty: the server itself.
    pub fn location_text(&self) -> String {
        let kind = self.location().map(|id| self.ground.router.get(id).kind.to_string());
        kind.map(|kind| kind.trim_start_matches("location ").to_owned()).unwrap_or_default()
    }

    /// Location around a location.
    fn outer(&self, id: LocationId) -> Option<LocationId> {
        let (server, path) = self.ground.router.path(id);
        let (_, outer) = path.split_last()?;
        let (first, rest) = outer.split_first()?;
        let outermost = self.ground.router.outermost(server, *first as usize)?;
        rest.iter().try_fold(outermost, |outer, at| self.ground.router.inner(outer, *at as usize))
    }

    /// Handler at the end, also of a location around an `if`.
    pub fn handler(&self) -> Option<&'g Handler> {
        let of = |id: LocationId| self.ground.router.get(id).handler.as_ref();
        self.walk.location.and_then(of).or_else(|| self.request.handled_by.and_then(of))
    }

    /// Reason why the end of the route is unknown.
    fn missing(&self) -> Option<Missing> {
        match &self.walk.end {
            End::Needs(fact, _) => Some(Missing::Fact(*fact)),
            End::Unknown(_, unknown) if unknown.is_empty() => Some(Missing::Fact(Fact::Client)),
            End::Unknown(_, unknown) => {
                let variables = &self.config().http.variables;
                Some(Missing::Variables(unknown.iter().map(|id| variables.get(*id).name.clone()).collect()))
            }
            _ => None,
        }
    }

    /// Status of the response.
    ///
    /// # Errors
    /// If a fact is missing.
    pub fn status(&self) -> Knowable<u16> {
        if let Some(missing) = self.missing() {
            return Err(missing);
        }
        match self.request.status {
            Some(status) => Ok(status),
            None if self.destination().is_some() => Err(Missing::Fact(Fact::Upstream)),
            None => Err(Missing::Outside("a handler decides that only nginx executes")),
        }
    }

    /// Value of a text at the end.
    ///
    /// # Errors
    /// If a variable in it is unknown.
    pub fn value(&mut self, value: &ComplexValue) -> Knowable<Vec<u8>> {
        let mut out = Vec::new();
        self.ground.program.evaluate(value, &mut self.request, &mut out);
        self.known(out)
    }

    /// Value of a variable at the end; empty if it has none.
    ///
    /// # Errors
    /// If it is unknown, or if the configuration does not use it.
    pub fn variable(&mut self, name: &str) -> Knowable<Vec<u8>> {
        let name = name.trim_start_matches('$').to_ascii_lowercase();
        let mut out = Vec::new();
        if let Some(id) = self.config().http.variables.find(&name) {
            self.ground.program.variable(id, &mut self.request, &mut out);
        } else {
            let variable = crate::model::Variable {
                name: name.clone(),
                source: crate::model::VariableSource::Builtin,
                defined: None,
            };
            // No id of the table stands for it.
            let id = crate::model::VariableId(u32::MAX);
            self.request.variable(id, &variable, &mut out);
            if self.request.unknown.pop().is_some() {
                return Err(Missing::Variables(vec![name]));
            }
        }
        self.known(out)
    }

    fn known(&mut self, value: Vec<u8>) -> Knowable<Vec<u8>> {
        let unknown = std::mem::take(&mut self.request.unknown);
        if std::mem::take(&mut self.request.needs_client) {
            return Err(Missing::Fact(Fact::Client));
        }
        if unknown.is_empty() {
            return Ok(value);
        }
        let variables = &self.config().http.variables;
        let mut names: Vec<String> = unknown.iter().map(|id| variables.get(*id).name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if names.iter().all(|name| matches!(name.as_str(), "remote_addr" | "binary_remote_addr")) {
            return Err(Missing::Fact(Fact::Client));
        }
        if names.iter().all(|name| name.starts_with("upstream_http_")) {
            return Err(Missing::Fact(Fact::Upstream));
        }
        Err(Missing::Variables(names))
    }

    /// Where the request is passed on to; `None`: the configuration itself answers.
    pub fn destination(&self) -> Option<&Destination> {
        let is_passed = match self.walk.end {
            End::Content(_) => self.handler().is_some_and(|handler| handler.target().is_some()),
            // A response that an error page replaced.
            _ => self.request.is_answered,
        };
        self.request.destination.as_ref().filter(|_| is_passed)
    }

    /// Name of the upstream, or host and port as written; `None`: the request is not passed on.
    ///
    /// # Errors
    /// If a fact is missing.
    pub fn upstream(&self) -> Knowable<Option<String>> {
        if let Some(missing) = self.missing() {
            return Err(missing);
        }
        Ok(self.destination().map(|destination| match destination.upstream {
            Some(id) => match self.config().http.upstream(id).name.clone() {
                path if path.starts_with('/') => format!("unix:{path}"),
                name => name,
            },
            None => String::from_utf8_lossy(&destination.host).into_owned(),
        }))
    }

    /// Path of the file that is served; `None`: no file is.
    ///
    /// # Errors
    /// If a fact is missing.
    pub fn file(&self) -> Knowable<Option<&[u8]>> {
        match &self.walk.end {
            End::File(path) => Ok(Some(path)),
            _ => self.missing().map_or(Ok(None), Err),
        }
    }

    /// Last `allow` or `deny` that decided, and true if the client is let in.
    pub fn access(&self) -> Option<(Span, bool)> {
        self.walk.events.iter().rev().find_map(|event| match event {
            Event::Access(span, allowed) => Some((*span, *allowed)),
            _ => None,
        })
    }

    /// The client's address, if the route ends where `allow` and `deny` need it.
    pub fn needs_client(&self) -> Option<Missing> {
        matches!(self.walk.end, End::Needs(Fact::Client, _)).then_some(Missing::Fact(Fact::Client))
    }

    /// Zones of a directive with the request's keys.
    ///
    /// # Errors
    /// If a key is unknown.
    pub fn zones(&self, directive: &str) -> Knowable<Vec<(String, Vec<u8>)>> {
        let counted = self.request.counted.iter().flatten().filter(|zone| zone.directive == directive);
        let mut zones = Vec::new();
        for zone in counted {
            let variables = &self.config().http.variables;
            let key = zone.key.clone().map_err(|unknown| match unknown.as_slice() {
                [] => Missing::Fact(Fact::Client),
                ids => Missing::Variables(ids.iter().map(|id| variables.get(*id).name.clone()).collect()),
            });
            // An empty key is not counted.
            let mut key = key?;
            if !key.is_empty() {
                if self.is_binary(directive, &zone.zone) {
                    key = address(&key).unwrap_or(key);
                }
                zones.push((zone.zone.clone(), key));
            }
        }
        Ok(zones)
    }

    /// True if the key of a zone is `$binary_remote_addr`, which people write as an address.
    fn is_binary(&self, directive: &str, name: &str) -> bool {
        let http = &self.config().http;
        let zones = if directive == "limit_req" { &http.limit_req_zones } else { &http.limit_conn_zones };
        let zone = zones.iter().find(|zone| zone.name == name);
        zone.is_some_and(|zone| match zone.key.segments.as_slice() {
            [Segment::Variable(id)] => http.variables.get(*id).name == "binary_remote_addr",
            _ => false,
        })
    }

    /// Zone of the cache; `None`: none.
    ///
    /// # Errors
    /// If a variable is unknown.
    pub fn cache(&mut self) -> Knowable<Option<String>> {
        if self.upstream()?.is_none() || !matches!(self.handler(), Some(Handler::Proxy(_))) {
            return Ok(None);
        }
        let settings = &self.settings().cache;
        let method = &self.request.method;
        if !matches!(method.as_str(), "GET" | "HEAD") && !settings.methods.value.has(method) {
            return Ok(None);
        }
        match &settings.zone.value {
            CacheZone::Off => Ok(None),
            CacheZone::Named(name) => Ok(Some(name.clone())),
            CacheZone::Value(value) => {
                let name = self.value(value)?;
                Ok((!name.is_empty() && name != b"off").then(|| String::from_utf8_lossy(&name).into_owned()))
            }
        }
    }

    /// Source address of the connection to the upstream; empty: the kernel's choice.
    ///
    /// # Errors
    /// If a variable is unknown.
    pub fn source(&mut self) -> Knowable<Vec<u8>> {
        let settings = self.settings();
        let bind = match self.handler().and_then(Handler::target) {
            Some(("proxy_pass", _)) => &settings.proxy.bind.value,
            Some(("fastcgi_pass", _)) => &settings.reuse.fastcgi_bind.value,
            Some(("grpc_pass", _)) => &settings.reuse.grpc_bind.value,
            Some(("memcached_pass", _)) => &settings.reuse.memcached_bind.value,
            _ => return Ok(Vec::new()),
        };
        match bind {
            Bind::Off => Ok(Vec::new()),
            Bind::Address { address, .. } if address.port() == 0 => Ok(address.ip().to_string().into_bytes()),
            Bind::Address { address, .. } => Ok(address.to_string().into_bytes()),
            Bind::Value { value, .. } => self.value(value),
        }
    }

    /// Names of the chosen server, as written.
    pub fn server_names(&self) -> impl Iterator<Item = String> {
        let names = &self.config().http.servers[self.walk.server.0 as usize].names;
        names.iter().map(ServerName::to_string)
    }
}
