//! Requests that show a difference: for a pair of servers, one request for each kind of path, and variations of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::behaviour::witness::place::of_locations;
use crate::behaviour::witness::{Kind, Questions};
use crate::eval::select::{AddressId, Router};
use crate::eval::uri::escape;
use crate::model::access::Addresses;
use crate::model::geo::GeoTable;
use crate::model::map::MapKey;
use crate::model::rewrite::{Condition, Instruction};
use crate::model::{ComplexValue, Config, Location, Segment, Server, VariableId, VariableSource};
use crate::simulate::facts::{Facts, Files, Response};
use crate::simulate::imagined::Asked;

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
    pub fn asked(&self, router: &Router, address: AddressId) -> Asked {
        let listen = &router.listen(address).listen;
        let mut name = Vec::new();
        let is_host = crate::eval::select::host::normalize(self.host.as_bytes(), &mut name).is_ok();
        Asked {
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
enum Variation {
    Method(String),
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

/// What a pair of servers asks of requests.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    paths: Questions,
    variations: BTreeSet<Variation>,
    networks: Vec<ipnet::IpNet>,
    values: BTreeMap<String, Questions>,
    seen: BTreeSet<VariableId>,
}

/// Requests of a pair, and the expressions that no automaton decides.
pub struct Probes {
    /// Requests in order: each path first as it is, then varied.
    pub list: Vec<Probe>,
    /// Expressions that look around or refer back.
    pub undecided: Vec<String>,
    /// False if the search for paths ended at its bounds.
    pub is_complete: bool,
}

/// Most values of one variable that are tried.
const MAX_VALUES: usize = 40;
/// Most pairs of variations of a path.
const MAX_PAIRS: usize = 150;
/// Most paths of which pairs of variations are asked.
const MAX_PATHS: usize = 60;
/// Most requests for a pair of servers.
const MAX_PROBES: usize = 20_000;

impl Asks {
    /// Adds what a server asks.
    pub fn add(&mut self, config: &Config, server: &Server) {
        self.paths.extend(of_locations(&server.locations));
        self.instructions(config, &server.instructions);
        self.settings(config, &server.settings);
        self.locations(config, &server.locations);
        self.seen.clear();
    }

    fn locations(&mut self, config: &Config, locations: &[Location]) {
        for location in locations {
            if let crate::model::LocationKind::LimitExcept(methods) = &location.kind {
                self.variations.extend(methods.iter().cloned().map(Variation::Method));
                self.variations.insert(Variation::Method("DELETE".to_owned()));
            }
            self.instructions(config, &location.instructions);
            self.settings(config, &location.settings);
            if let Some((_, crate::model::Target::Value(value))) =
                location.handler.as_ref().and_then(crate::model::location::Handler::target)
            {
                self.value(config, value);
            }
            self.locations(config, &location.inner);
        }
    }

    fn settings(&mut self, config: &Config, settings: &crate::model::HttpSettings) {
        for rule in &settings.access.rules.value {
            if let Addresses::Net(net) = &rule.who {
                self.networks.push(*net);
                self.variations.insert(Variation::Client(net.addr()));
            }
        }
        if settings.access.auth_basic.value.constant() != Some(b"off") {
            self.variations.insert(Variation::User);
        }
        if settings.access.auth_request.value != "off" {
            self.variations.insert(Variation::Refused);
        }
        let most = settings.core.client_max_body_size.value;
        if settings.core.client_max_body_size.origin.span().is_some() {
            self.variations.insert(Variation::Body(if most == 0 { 1 << 40 } else { most + 1 }));
        }
        if settings.reuse.proxy_intercept_errors.value {
            let pages = settings.core.error_page.value.iter();
            let statuses = pages.filter_map(|page| page.statuses.first()).filter(|status| **status < 600);
            self.variations.extend(statuses.map(|status| Variation::Upstream(*status)));
        }
        for header in &settings.content.add_header.value {
            self.value(config, &header.value);
            self.variations.insert(Variation::Upstream(404));
        }
        for header in &settings.proxy.set_header.value {
            self.value(config, &header.value);
        }
        for page in &settings.core.error_page.value {
            self.value(config, &page.uri);
        }
        self.value(config, &settings.content.root.value.path);
        if let crate::model::proxy::Bind::Value { value, .. } = &settings.proxy.bind.value {
            self.value(config, value);
        }
    }

    fn instructions(&mut self, config: &Config, instructions: &[Instruction]) {
        for instruction in instructions {
            match instruction {
                Instruction::Rewrite(rewrite) => {
                    self.paths.patterns.push((rewrite.pattern.clone(), false));
                    self.value(config, &rewrite.replacement);
                }
                Instruction::If { condition, .. } => self.condition(config, condition),
                Instruction::Return(r#return) => {
                    r#return.text.iter().for_each(|text| self.value(config, text));
                }
                Instruction::Set { value, .. } => self.value(config, value),
                Instruction::Break(_) | Instruction::Other(..) => {}
            }
        }
    }

    fn condition(&mut self, config: &Config, condition: &Condition) {
        match condition {
            Condition::True(variable) => self.texts(config, *variable, &["1".to_owned()], &[]),
            Condition::Equal { variable, text, .. } => {
                let text = text.constant().map(|text| String::from_utf8_lossy(text).into_owned());
                self.texts(config, *variable, &text.into_iter().collect::<Vec<_>>(), &[]);
            }
            Condition::Match { variable, pattern, caseless, .. } => {
                self.texts(config, *variable, &[], &[(pattern.clone(), *caseless)]);
            }
            Condition::File { .. } | Condition::Invalid => {}
        }
    }

    /// Follows maps in a text.
    fn value(&mut self, config: &Config, value: &ComplexValue) {
        for id in value.variables() {
            self.variable(config, id);
        }
    }

    fn variable(&mut self, config: &Config, id: VariableId) {
        if !self.seen.insert(id) {
            return;
        }
        let variable = config.http.variables.get(id);
        match variable.source {
            VariableSource::Map(at) => {
                let map = &config.http.maps[at];
                let (mut texts, mut patterns) = (Vec::new(), Vec::new());
                for entry in &map.entries {
                    match &entry.key {
                        MapKey::Exact(key) => texts.push(String::from_utf8_lossy(key).into_owned()),
                        MapKey::Regex { pattern, caseless } => patterns.push((pattern.clone(), *caseless)),
                        MapKey::Suffix(suffix) => texts.push(format!("www{suffix}")),
                        MapKey::Dot(name) => texts.extend([name.clone(), format!("www.{name}")]),
                        MapKey::Prefix(prefix) => texts.push(format!("{prefix}test")),
                    }
                }
                if let [Segment::Variable(source)] = map.source.segments.as_slice() {
                    self.texts(config, *source, &texts, &patterns);
                } else {
                    self.value(config, &map.source);
                }
                map.entries.iter().for_each(|entry| self.value(config, &entry.value));
            }
            VariableSource::Geo(at) => {
                let geo = &config.http.geos[at];
                let nets: Vec<IpAddr> = match &geo.table {
                    GeoTable::Networks(networks) => networks.iter().map(|(net, _)| net.addr()).collect(),
                    GeoTable::Ranges(ranges) => ranges.iter().map(|(first, ..)| *first).collect(),
                };
                if geo.source.is_none() {
                    self.variations.extend(nets.into_iter().take(50).map(Variation::Client));
                }
            }
            VariableSource::SplitClients(at) => self.value(config, &config.http.split_clients[at].key),
            _ => {}
        }
    }

    /// Texts that a variable is compared with: requests are varied so that it has them.
    fn texts(&mut self, config: &Config, id: VariableId, texts: &[String], patterns: &[(String, bool)]) {
        let name = config.http.variables.get(id).name.clone();
        let is_path = matches!(name.as_str(), "uri" | "document_uri" | "request_uri");
        if is_path {
            self.paths
                .literals
                .extend(texts.iter().filter(|t| t.starts_with('/')).map(|t| t.clone().into_bytes()));
            self.paths.patterns.extend(patterns.iter().cloned());
            return;
        }
        if matches!(
            config.http.variables.get(id).source,
            VariableSource::Map(_) | VariableSource::Geo(_) | VariableSource::SplitClients(_)
        ) {
            return self.variable(config, id);
        }
        // Both sides together: a text may tell one expression from the other.
        let questions = self.values.entry(name).or_default();
        questions.literals.extend(texts.iter().map(|text| text.clone().into_bytes()));
        questions.patterns.extend(patterns.iter().cloned());
    }

    /// A client that no network has.
    fn stranger(&self) -> IpAddr {
        let candidates =
            [[203, 0, 113, 77], [198, 51, 100, 7], [192, 0, 2, 55], [233, 252, 0, 9], [100, 64, 3, 3]];
        let candidates = candidates.map(IpAddr::from);
        let is_free = |ip: &IpAddr| !self.networks.iter().any(|net| net.contains(ip) && net.prefix_len() > 0);
        candidates.into_iter().find(is_free).unwrap_or(candidates[0])
    }

    /// Requests for a host.
    pub fn probes(&self, host: &str) -> Probes {
        let mut questions = self.paths.clone();
        questions.literals.push(b"/".to_vec());
        let found = questions.witnesses(Kind::Path);
        let base = Probe {
            method: "GET".to_owned(),
            host: host.to_owned(),
            target: String::new(),
            headers: Vec::new(),
            client: self.stranger(),
            facts: Facts {
                files: Some(Files::default()),
                upstream: Some(Response { status: 200, headers: Vec::new() }),
                auth_request: Some(200),
                ..Facts::default()
            },
        };
        let mut all: Vec<Variation> = self.variations.iter().cloned().collect();
        let mut undecided = found.undecided;
        for (name, questions) in &self.values {
            let of_value = questions.witnesses(Kind::Value);
            undecided.extend(of_value.undecided);
            let texts = of_value.texts.into_iter().take(MAX_VALUES).filter_map(|t| String::from_utf8(t).ok());
            let texts = texts.filter(|text| !text.is_empty());
            all.extend(
                texts.filter_map(|text| variation(name, text)).filter(|one| !self.variations.contains(one)),
            );
        }
        all.extend([Variation::Files, Variation::Method("POST".to_owned())]);
        all.push(Variation::Argument("a".to_owned(), "b".to_owned()));
        let mut list = Vec::new();
        let mut is_complete = found.is_complete;
        for text in &found.texts {
            let mut path = Vec::new();
            escape(text, &mut path);
            let probe = Probe { target: String::from_utf8_lossy(&path).into_owned(), ..base.clone() };
            if list.len() + all.len() > MAX_PROBES {
                is_complete = false;
                break;
            }
            list.push(probe.clone());
            list.extend(all.iter().map(|variation| varied(&probe, variation)));
            let pairs = all.len() * all.len().saturating_sub(1) / 2;
            if pairs <= MAX_PAIRS && found.texts.len() <= MAX_PATHS {
                for (at, one) in all.iter().enumerate() {
                    let others = all[at + 1..].iter();
                    list.extend(others.map(|other| varied(&varied(&probe, one), other)));
                }
            }
        }
        Probes { list, undecided, is_complete }
    }
}

/// The variation that gives a variable a value; `None` if the address decides the value.
fn variation(name: &str, text: String) -> Option<Variation> {
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
fn varied(probe: &Probe, variation: &Variation) -> Probe {
    let mut probe = probe.clone();
    match variation.clone() {
        Variation::Method(method) => probe.method = method,
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

/// Hosts that tell servers apart: written names, wildcards with a label, one for each set of answers of expressions, and a
/// host that none of them fits.
pub fn hosts<'s>(servers: impl Iterator<Item = &'s Server>) -> Vec<String> {
    use crate::model::server::ServerName;
    let mut hosts: Vec<String> = Vec::new();
    let mut questions = Questions::default();
    for name in servers.flat_map(|server| &server.names) {
        match name {
            ServerName::Exact(name) => hosts.push(name.clone()),
            ServerName::DotHead(name) => hosts.extend([name.clone(), format!("any.{name}")]),
            ServerName::WildcardHead(suffix) => hosts.push(format!("any{suffix}")),
            ServerName::WildcardTail(prefix) => hosts.push(format!("{prefix}any")),
            ServerName::Regex(pattern) => {
                let caseless = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
                questions.patterns.push((pattern.clone(), caseless));
            }
        }
    }
    // Where expressions meet wildcards, the wildcards win: each is tried alone.
    let texts = questions.witnesses(Kind::Host).texts;
    hosts.extend(texts.into_iter().filter_map(|text| String::from_utf8(text).ok()));
    hosts.push("no-such-name.invalid".to_owned());
    hosts.push(String::new());
    // Written names come first: a reader knows them.
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.clone()));
    hosts
}
