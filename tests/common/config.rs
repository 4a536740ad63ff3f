// Configurations made by hand, without the compiler: values and directives that a test names, defaults for the rest.

use std::sync::Arc;

use ngxc::model::map::{MapDefault, MapEntry, MapKey};
use ngxc::model::server::ServerName;
use ngxc::model::split_clients::Bucket;
use ngxc::model::{
    ComplexValue, Config, Endpoint, HttpSettings, Listen, Location, LocationKind, Map, Segment, Server,
    SplitClients, Variable, VariableId, VariableSource,
};
use ngxc::source::{SourceMap, Span};
use ngxc::version::Version;

/// Makes a configuration, and the source map its places are in.
#[allow(dead_code)]
pub struct Builder {
    pub config: Config,
    pub sources: SourceMap,
    pub span: Span,
}

/// A compiled text.
fn compiled(text: &str, version: Version) -> Config {
    let files = ngxc::source::Memory::default().with("nginx.conf", text);
    let options = ngxc::syntax::LoadOptions::default();
    let configuration = ngxc::syntax::load(&files, "nginx.conf".as_ref(), &options).unwrap();
    ngxc::compile::compile(&configuration, &ngxc::compile::Options::new(version)).config
}

#[allow(dead_code)]
impl Builder {
    /// An empty configuration for a version; every place is line 3 of `nginx.conf`.
    pub fn new(version: Version) -> Self {
        let mut sources = SourceMap::default();
        let file = sources.add("nginx.conf", *b"http {\n\n    split_clients\n}\n");
        let config = compiled("events {}", version);
        Self { config, sources, span: Span::new(file, 12, 25) }
    }

    pub fn build(self) -> Arc<Config> {
        Arc::new(self.config)
    }

    /// The variable of a name, as `source` if it is new or was only used so far.
    pub fn variable(&mut self, name: &str, source: VariableSource) -> VariableId {
        let new = Variable { name: name.to_owned(), source: source.clone(), defined: None };
        let id = self.config.http.variables.add(new);
        if source != VariableSource::Builtin {
            self.config.http.variables.get_mut(id).source = source;
        }
        id
    }

    /// Text with `$name` and `$1`.
    pub fn value(&mut self, text: &str) -> ComplexValue {
        let mut segments = Vec::new();
        for (i, piece) in text.split('$').enumerate() {
            let name_end =
                piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, literal) = if i == 0 { ("", piece) } else { piece.split_at(name_end) };
            match name.parse() {
                Ok(group) => segments.push(Segment::Capture(group)),
                Err(_) if name.is_empty() => {}
                Err(_) => segments.push(Segment::Variable(self.variable(name, VariableSource::Builtin))),
            }
            if !literal.is_empty() {
                segments.push(Segment::Literal(literal.as_bytes().into()));
            }
        }
        ComplexValue { segments }
    }

    /// `split_clients`; shares in hundredths of a percent, 0 for `*`.
    pub fn split(&mut self, key: &str, name: &str, buckets: &[(u32, String)]) {
        let key = self.value(key);
        let position = self.config.http.split_clients.len();
        let variable = self.variable(name, VariableSource::SplitClients(position));
        let span = self.span;
        let buckets = buckets.iter().map(|(percent, value)| Bucket {
            percent: *percent,
            value: value.as_bytes().into(),
            span,
        });
        let split = SplitClients { key, variable, buckets: buckets.collect(), span };
        self.config.http.split_clients.push(split);
    }

    /// `map`; keys as written: `default`, `~regex`, with `hostnames` also wildcards.
    pub fn map(&mut self, source: &str, name: &str, hostnames: bool, entries: &[(&str, &str)]) -> usize {
        let source = self.value(source);
        let position = self.config.http.maps.len();
        let variable = self.variable(name, VariableSource::Map(position));
        let span = self.span;
        let mut map =
            Map { source, variable, entries: Vec::new(), default: None, hostnames, volatile: false, span };
        for (key, value) in entries {
            let value = self.value(value);
            if *key == "default" {
                map.default = Some(MapDefault { value, span });
                continue;
            }
            let key = if let Some(pattern) = key.strip_prefix("~*") {
                MapKey::Regex { pattern: pattern.to_owned(), caseless: true }
            } else if let Some(pattern) = key.strip_prefix('~') {
                MapKey::Regex { pattern: pattern.to_owned(), caseless: false }
            } else if hostnames && key.starts_with("*.") {
                MapKey::Suffix(key[1..].to_owned())
            } else if hostnames && key.starts_with('.') {
                MapKey::Dot(key[1..].to_owned())
            } else if hostnames && key.ends_with(".*") {
                MapKey::Prefix(key[..key.len() - 1].to_owned())
            } else {
                MapKey::Exact(key.as_bytes().into())
            };
            map.entries.push(MapEntry { key, value, span });
        }
        self.config.http.maps.push(map);
        position
    }

    pub fn settings(&self) -> HttpSettings {
        let access_log = "events {} http { access_log off; }";
        compiled(access_log, self.config.version).http.settings.unwrap()
    }

    /// `server`; listens as `address:port`, with ` default` and ` bind` after it, names as written.
    pub fn server(&mut self, listens: &[&str], names: &[&str], locations: Vec<Location>) {
        let listen = listens.iter().map(|text| {
            let mut words = text.split(' ');
            let address = words.next().unwrap();
            let endpoint = match address.parse() {
                Ok(address) => Endpoint::Inet(address),
                Err(_) => Endpoint::Unix(address.to_owned()),
            };
            let mut listen = Listen::new(endpoint, Some(self.span));
            for word in words {
                match word {
                    "default" => listen.default_server = true,
                    "bind" => listen.backlog = Some(100),
                    "ssl" => listen.ssl = true,
                    other => panic!("{other}"),
                }
            }
            listen
        });
        let listen = listen.collect();
        let names = names.iter().map(|name| {
            if let Some(regex) = name.strip_prefix('~') {
                ServerName::Regex(regex.to_owned())
            } else if let Some(suffix) = name.strip_prefix('*') {
                ServerName::WildcardHead(suffix.to_owned())
            } else if let Some(suffix) = name.strip_prefix('.') {
                ServerName::DotHead(suffix.to_owned())
            } else if let Some(prefix) = name.strip_suffix('*') {
                ServerName::WildcardTail(prefix.to_owned())
            } else {
                ServerName::Exact((*name).to_owned())
            }
        });
        let names = names.collect();
        let (span, settings) = (self.span, self.settings());
        self.config.http.servers.push(Server {
            span,
            listen,
            names,
            settings,
            instructions: Vec::new(),
            locations,
        });
    }

    /// `location`, modifier and URI as written; ` pass` after it gives it a handler that passes on.
    pub fn location(&self, written: &str, inner: Vec<Location>) -> Location {
        let (written, passes) = written.strip_suffix(" pass").map_or((written, false), |w| (w, true));
        let kind = match written.split_once(' ') {
            Some(("=", uri)) => LocationKind::Exact(uri.as_bytes().into()),
            Some(("^~", uri)) => LocationKind::Prefix { uri: uri.as_bytes().into(), no_regex: true },
            Some(("~", regex)) => LocationKind::Regex { pattern: regex.to_owned(), caseless: false },
            Some(("~*", regex)) => LocationKind::Regex { pattern: regex.to_owned(), caseless: true },
            Some(other) => panic!("{other:?}"),
            None if written == "if" => LocationKind::If,
            None if written.starts_with('@') => LocationKind::Named(written.to_owned()),
            None => LocationKind::Prefix { uri: written.as_bytes().into(), no_regex: false },
        };
        Location {
            kind,
            span: self.span,
            body: self.span,
            settings: self.settings(),
            handler: passes.then_some(ngxc::model::location::Handler::Other("fastcgi_pass", self.span)),
            instructions: Vec::new(),
            inner,
        }
    }
}
