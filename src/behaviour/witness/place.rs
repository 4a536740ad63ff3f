//! A request for each place of a configuration: each server, and each location in it.

use std::collections::HashSet;

use super::{Kind, Questions, Witnesses};
use crate::eval::select::{AddressId, LocationId, Router, ServerId};
use crate::eval::uri::escape;
use crate::model::server::ServerName;
use crate::model::{Config, Location, LocationKind};

/// A request that reaches a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceWitness {
    /// Address that is connected to.
    pub address: AddressId,
    /// Host header; empty: none.
    pub host: String,
    /// Path, escaped as in a URL.
    pub path: String,
    /// Server that takes it.
    pub server: ServerId,
    /// Location that takes it; `None`: the server itself.
    pub location: Option<LocationId>,
}

/// Questions that the names of servers ask of a host.
pub fn of_names<'n>(names: impl IntoIterator<Item = &'n ServerName>) -> Questions {
    let mut questions = Questions::default();
    for name in names {
        match name {
            ServerName::Exact(name) => questions.literals.push(name.clone().into_bytes()),
            ServerName::WildcardHead(suffix) => {
                questions.patterns.push((format!("^.+{}$", regex_literal(suffix)), false));
            }
            ServerName::DotHead(name) => {
                questions.literals.push(name.clone().into_bytes());
                questions.patterns.push((format!("^.+\\.{}$", regex_literal(name)), false));
            }
            ServerName::WildcardTail(prefix) => {
                questions.patterns.push((format!("^{}.+$", regex_literal(prefix)), false));
            }
            ServerName::Regex(pattern) => {
                let caseless = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
                questions.patterns.push((pattern.clone(), caseless));
            }
        }
    }
    questions
}

/// A text as an expression that matches it alone.
pub fn regex_literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Questions that locations ask of a path.
pub fn of_locations(locations: &[Location]) -> Questions {
    let mut questions = Questions::default();
    for location in locations {
        match &location.kind {
            LocationKind::Exact(uri) => questions.literals.push(uri.to_vec()),
            LocationKind::Prefix { uri, .. } => {
                questions.literals.push(uri.to_vec());
                // The path without the slash at the end may be redirected.
                questions.literals.extend(uri.strip_suffix(b"/").map(<[u8]>::to_vec));
            }
            LocationKind::Regex { pattern, caseless } => {
                questions.patterns.push((pattern.clone(), *caseless));
            }
            LocationKind::Named(_) | LocationKind::If | LocationKind::LimitExcept(_) => {}
        }
        questions.extend(of_locations(&location.inner));
    }
    questions.literals.retain(|literal| !literal.is_empty());
    questions
}

/// A host for each server of an address that some host reaches; the default server comes with no host if need be.
pub fn hosts(router: &Router, config: &Config, address: AddressId) -> Vec<(String, ServerId)> {
    let servers = &router.listen(address).servers;
    let names = servers.iter().flat_map(|id| &config.http.servers[id.0 as usize].names);
    let mut open: HashSet<ServerId> = servers.iter().copied().collect();
    let mut found = Vec::new();
    let mut take = |host: String, open: &mut HashSet<ServerId>| {
        if let Ok((server, _)) = router.server(address, host.as_bytes())
            && open.remove(&server)
        {
            found.push((host, server));
        }
    };
    // Names that are written are the hosts that a reader knows.
    for name in names.clone() {
        match name {
            ServerName::Exact(name) | ServerName::DotHead(name) => take(name.clone(), &mut open),
            ServerName::WildcardHead(suffix) => take(format!("www{suffix}"), &mut open),
            ServerName::WildcardTail(prefix) => take(format!("{prefix}test"), &mut open),
            ServerName::Regex(_) => {}
        }
    }
    if !open.is_empty() {
        let texts = of_names(names).witnesses(Kind::Host).texts;
        for host in texts.into_iter().filter_map(|text| String::from_utf8(text).ok()) {
            take(host, &mut open);
        }
    }
    found.sort_by_key(|(_, server)| *server);
    found
}

/// A request for each location of each server, and for each server itself, that some request reaches.
pub fn all(router: &Router, config: &Config) -> Vec<PlaceWitness> {
    let mut found = Vec::new();
    let mut seen: HashSet<ServerId> = HashSet::new();
    for (address, listen) in router.addresses() {
        if listen.listen.quic {
            continue;
        }
        for (host, server) in hosts(router, config, address) {
            if !seen.insert(server) {
                continue;
            }
            found.extend(inside(router, config, address, &host, server));
        }
    }
    found
}

/// A request for each location of one server, and for the server itself, that some request reaches.
pub fn of_server(router: &Router, config: &Config, server: ServerId) -> Vec<PlaceWitness> {
    let addresses = router.addresses().filter(|(_, own)| !own.listen.quic && own.servers.contains(&server));
    let mut found = addresses.filter_map(|(address, _)| {
        let (host, _) = hosts(router, config, address).into_iter().find(|(_, own)| *own == server)?;
        Some(inside(router, config, address, &host, server))
    });
    found.next().unwrap_or_default()
}

/// A request for each place in a server that a host reaches.
fn inside(
    router: &Router,
    config: &Config,
    address: AddressId,
    host: &str,
    server: ServerId,
) -> Vec<PlaceWitness> {
    let questions = of_locations(&config.http.servers[server.0 as usize].locations);
    let Witnesses { mut texts, .. } = questions.witnesses(Kind::Path);
    let mut places: HashSet<Option<LocationId>> = HashSet::new();
    let mut found = Vec::new();
    // The written prefixes read best, and a longer path shows a prefix better than the prefix alone.
    texts.sort_by_key(|text| (!questions.literals.contains(text), text.len()));
    for text in texts {
        let Ok(choice) = router.location(server, &text) else { continue };
        if choice.redirect || !places.insert(choice.location) {
            continue;
        }
        let mut path = Vec::new();
        escape(&text, &mut path);
        let path = String::from_utf8_lossy(&path).into_owned();
        found.push(PlaceWitness { address, host: host.to_owned(), path, server, location: choice.location });
    }
    found.sort_by_key(|reached| reached.location);
    found
}
