//! Questions that servers ask of requests: paths, methods, headers, arguments, clients, and what maps and conditions compare.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::joint::{Joints, template};
use super::request::Variation;
use crate::behaviour::witness::Questions;
use crate::behaviour::witness::place::{of_locations, of_names};
use crate::model::access::Addresses;
use crate::model::geo::GeoTable;
use crate::model::map::MapKey;
use crate::model::rewrite::{Condition, Instruction};
use crate::model::{ComplexValue, Config, Location, Segment, Server, VariableId, VariableSource};

/// Most networks of a `geo` whose ends are asked about.
const MAX_NETWORKS: usize = 50;

/// Questions that a pair of servers asks of requests.
#[derive(Clone, Debug, Default)]
pub struct ProbeQuestions {
    pub(super) paths: Questions,
    pub(super) variations: BTreeSet<Variation>,
    networks: Vec<ipnet::IpNet>,
    pub(super) values: BTreeMap<String, Questions>,
    /// Questions that the servers' names ask of a host.
    pub(super) names: Questions,
    /// Texts that named groups are compared with.
    pub(super) captures: BTreeMap<String, Questions>,
    pub(super) joints: Joints,
    seen: BTreeSet<VariableId>,
    /// Tables of this configuration that `joints` has.
    tables: BTreeSet<VariableId>,
    /// Values that `set` gives to variables of this server.
    sets: BTreeMap<VariableId, Vec<ComplexValue>>,
}

impl ProbeQuestions {
    /// Adds what a server asks.
    pub fn add(&mut self, config: &Config, server: &Server) {
        self.paths.extend(of_locations(&server.locations));
        self.names.extend(of_names(&server.names));
        self.sets(&server.instructions, &server.locations);
        self.instructions(config, &server.instructions);
        self.settings(config, &server.settings);
        self.locations(config, &server.locations);
        self.seen.clear();
        self.tables.clear();
        self.sets.clear();
    }

    fn sets(&mut self, instructions: &[Instruction], locations: &[Location]) {
        for instruction in instructions {
            if let Instruction::Set { variable, value, .. } = instruction {
                self.sets.entry(*variable).or_default().push(value.clone());
            }
        }
        for location in locations {
            self.sets(&location.instructions, &location.inner);
        }
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
                self.variations.extend([net.addr(), net.broadcast()].map(Variation::Client));
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
                    self.joint(config, &map.source, &texts, &patterns);
                }
                map.entries.iter().for_each(|entry| self.value(config, &entry.value));
            }
            VariableSource::Geo(at) => {
                let geo = &config.http.geos[at];
                // Both ends of a network: a change of its length moves the last address.
                let ends: Vec<[IpAddr; 2]> = match &geo.table {
                    GeoTable::Networks(nets) => {
                        nets.iter().map(|(net, _)| [net.network(), net.broadcast()]).collect()
                    }
                    GeoTable::Ranges(ranges) => {
                        ranges.iter().map(|(first, last, _)| [*first, *last]).collect()
                    }
                };
                let ends = ends.into_iter().take(MAX_NETWORKS).flatten();
                match geo.source {
                    None => self.variations.extend(ends.map(Variation::Client)),
                    Some(source) => {
                        let ends: Vec<String> = ends.map(|end| end.to_string()).collect();
                        self.texts(config, source, &ends, &[]);
                    }
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
        let questions = match config.http.variables.get(id).source {
            VariableSource::Set => {
                let values = self.sets.get(&id).cloned().unwrap_or_default();
                for value in values.iter().filter(|value| value.constant().is_none()) {
                    // A value may be made of the value before.
                    if !value.variables().any(|own| own == id) {
                        self.joint(config, value, texts, patterns);
                    }
                }
                return;
            }
            VariableSource::Capture => self.captures.entry(name).or_default(),
            _ => self.values.entry(name).or_default(),
        };
        questions.literals.extend(texts.iter().map(|text| text.clone().into_bytes()));
        questions.patterns.extend(patterns.iter().cloned());
    }

    /// Texts that a text with variables is compared with.
    fn joint(
        &mut self,
        config: &Config,
        value: &ComplexValue,
        texts: &[String],
        patterns: &[(String, bool)],
    ) {
        let Some(template) = template(config, value) else { return };
        let questions = self.joints.asked.entry(template).or_default();
        questions.literals.extend(texts.iter().map(|text| text.clone().into_bytes()));
        questions.patterns.extend(patterns.iter().cloned());
        value.variables().for_each(|id| self.table(config, id));
    }

    fn table(&mut self, config: &Config, id: VariableId) {
        if !self.tables.insert(id) {
            return;
        }
        self.joints.table(config, id);
        match config.http.variables.get(id).source {
            VariableSource::Map(at) => {
                config.http.maps[at].source.variables().for_each(|id| self.table(config, id));
            }
            VariableSource::Geo(at) => {
                config.http.geos[at].source.iter().for_each(|id| self.table(config, *id));
            }
            _ => {}
        }
    }

    /// A client that no network has.
    pub(super) fn stranger(&self) -> IpAddr {
        let candidates =
            [[203, 0, 113, 77], [198, 51, 100, 7], [192, 0, 2, 55], [233, 252, 0, 9], [100, 64, 3, 3]];
        let candidates = candidates.map(IpAddr::from);
        let is_free = |ip: &IpAddr| !self.networks.iter().any(|net| net.contains(ip) && net.prefix_len() > 0);
        candidates.into_iter().find(is_free).unwrap_or(candidates[0])
    }
}
