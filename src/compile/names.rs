//! Server names that two servers of one socket share (`ngx_http_server_names`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::hash::{self, Table};
use super::scope::Compiler;
use super::socket;
use super::stream::StreamNames;
use super::virtual_server::{NoWildcards, WILDCARDS};
use crate::catalog::Subsystem;
use crate::diagnostic::{Diagnostic, FaultPhase, Place};
use crate::model::server::ServerName;
use crate::model::{Endpoint, Server};
use crate::source::Span;

/// Sockets of `http`, each once, and the servers that listen on them.
struct Sockets<'a> {
    /// Sockets with the number of their servers.
    all: Vec<(&'a Endpoint, usize)>,
    /// Number of the server and of the socket, for each `listen`.
    uses: Vec<(usize, usize)>,
}

impl<'a> Sockets<'a> {
    fn new(servers: &'a [Server]) -> Self {
        let mut found = Self { all: Vec::new(), uses: Vec::new() };
        // TCP and UDP (`quic`) have ports of their own.
        let mut known: HashMap<(&Endpoint, bool), usize> = HashMap::new();
        for (number, server) in servers.iter().enumerate() {
            for listen in &server.listen {
                let socket = *known.entry((&listen.endpoint, listen.quic)).or_insert(found.all.len());
                if socket == found.all.len() {
                    found.all.push((&listen.endpoint, 0));
                }
                found.all[socket].1 += 1;
                found.uses.push((number, socket));
            }
        }
        found
    }

    /// Server and socket of each `listen` whose servers are distinguished by name.
    fn shared(&self) -> impl Iterator<Item = (usize, usize)> {
        self.uses.iter().copied().filter(|(_, socket)| self.all[*socket].1 > 1)
    }

    /// First socket of a server that fulfils a condition.
    fn find(&self, server: usize, holds: impl Fn(&Endpoint, usize) -> bool) -> Option<&'a Endpoint> {
        let start = self.uses.partition_point(|(number, _)| *number < server);
        let own = self.uses[start..].iter().take_while(|(number, _)| *number == server);
        own.map(|(_, socket)| self.all[*socket])
            .find(|(endpoint, count)| holds(endpoint, *count))
            .map(|(e, _)| e)
    }
}

/// Warns about names that an earlier server of the same socket has.
pub(super) fn report_conflicts(cx: &mut Compiler<'_>) {
    let servers = std::mem::take(&mut cx.http.servers);
    let sockets = Sockets::new(&servers);
    let mut owners: HashMap<(usize, &str), usize> = HashMap::new();
    for (number, socket) in sockets.shared() {
        let server = &servers[number];
        for name in server.names.iter().filter_map(key) {
            match owners.entry((socket, name)) {
                Entry::Vacant(free) => {
                    free.insert(number);
                }
                // The part of a server that was not read may hold its addresses or names.
                Entry::Occupied(first)
                    if [*first.get(), number].iter().any(|n| is_doubtful(cx, &servers[*n])) => {}
                Entry::Occupied(first) => {
                    cx.report(conflict(server, &servers[*first.get()], name, sockets.all[socket].0));
                }
            }
        }
    }
    for wrong in cx.states.take::<NoWildcards>().0 {
        // nginx does not look at the name if one server without captures is alone on a socket
        // (`ngx_http_optimize_servers`).
        let hashed = |endpoint: &Endpoint, count| count > 1 || has_captures(&servers, endpoint);
        let Some(endpoint) = sockets.find(wrong.server, hashed) else { continue };
        let name = wrong.name;
        cx.includes = wrong.includes;
        cx.report(
            Diagnostic::error(
                "invalid-server-name",
                wrong.span,
                format!("`{name}` is no server name: {WILDCARDS}"),
            )
            .label("not a server name")
            .nginx(format!("invalid server name or wildcard \"{name}\" on {endpoint}")),
        );
    }
    check_hashes(cx, &servers, &sockets);
    cx.http.servers = servers;
}

/// The same check as `report_conflicts` for the servers of `stream` (`ngx_stream_server_names`).
pub(super) fn report_stream_conflicts(cx: &mut Compiler<'_>) {
    let names = cx.states.take::<StreamNames>().0;
    let unnamed = [(String::new(), None)];
    let mut found = Vec::new();
    let sockets = cx.states.of::<socket::Sockets>();
    for (endpoint, servers) in sockets.of_stream() {
        let mut owners: HashMap<&str, Option<Span>> = HashMap::new();
        for server in servers {
            let own =
                names.get(server).map(|names| names.iter().map(|(name, span)| (name, Some(*span))).collect());
            let own: Vec<(&String, Option<Span>)> =
                own.unwrap_or_else(|| unnamed.iter().map(|(name, span)| (name, *span)).collect());
            for (name, span) in own {
                let span = span.or_else(|| sockets.servers.get(*server)?.head);
                let (Some(span), Some(first)) = (span, owners.insert(name, span)) else { continue };
                let mut diagnostic = ignored(span, name, endpoint);
                if let Some(first) = first {
                    diagnostic = diagnostic.related(first, "the server that answers");
                }
                found.push(diagnostic);
            }
        }
    }
    for diagnostic in found {
        cx.report(diagnostic);
    }
}

/// Checks the tables of plain names, one for each socket whose servers are distinguished by name.
fn check_hashes(cx: &mut Compiler<'_>, servers: &[Server], sockets: &Sockets<'_>) {
    let mut tables: Vec<Vec<(&str, Span)>> = vec![Vec::new(); sockets.all.len()];
    for &(number, socket) in &sockets.uses {
        let server = &servers[number];
        let (endpoint, count) = sockets.all[socket];
        // The name of a server alone on its socket is not looked up, except for the captures of its pattern.
        let pattern = || server.names.iter().any(|name| matches!(name, ServerName::Regex(_)));
        if count > 1 || pattern() && has_captures(servers, endpoint) {
            tables[socket].extend(server.names.iter().filter_map(|name| match name {
                ServerName::Exact(name) => Some((name.as_str(), server.span)),
                _ => None,
            }));
        }
    }
    let mut in_order: Vec<(&Endpoint, Vec<(&str, Span)>)> =
        sockets.all.iter().map(|(endpoint, _)| *endpoint).zip(tables).collect();
    in_order.sort_by(|a, b| a.0.cmp(b.0));
    cx.subsystem = Subsystem::Http;
    for (_, mut names) in in_order {
        names.sort_by_key(|(name, _)| *name);
        names.dedup_by_key(|(name, _)| *name);
        let Some((_, place)) = names.iter().max_by_key(|(name, _)| name.len()) else { continue };
        let keys: Vec<&[u8]> = names.iter().map(|(name, _)| name.as_bytes()).collect();
        let when = FaultPhase::EndOfSubsystem { step: 400, place: Place::None };
        hash::check(
            cx,
            &Table { name: "server_names_hash", place: *place, max_size: 512, names: &keys, when },
        );
    }
}

/// True if the last pattern of a socket's default server has captures (`ngx_http_core_server_name`).
fn has_captures(servers: &[Server], endpoint: &Endpoint) -> bool {
    let mut sharing =
        servers.iter().filter_map(|s| Some((s, s.listen.iter().find(|l| l.endpoint == *endpoint)?)));
    let first = sharing.clone().next();
    let Some((server, _)) = sharing.find(|(_, l)| l.default_server).or(first) else { return false };
    let pattern = server.names.iter().rev().find_map(|name| match name {
        ServerName::Regex(pattern) => Some(pattern),
        _ => None,
    });
    pattern.is_some_and(|pattern| super::regex::captures(pattern.as_bytes()) > 0)
}

/// True if the addresses or the names of a server are the defaults, and a part of the server was not read.
fn is_doubtful(cx: &Compiler<'_>, server: &Server) -> bool {
    let unnamed = matches!(server.names.as_slice(), [ServerName::Exact(name)] if name.is_empty());
    let by_default = unnamed || server.listen.iter().any(|listen| listen.span.is_none());
    by_default && cx.is_unread(server.span)
}

/// Key that two names share if nginx accepts only one of them; `None` for patterns, which are tried in order.
fn key(name: &ServerName) -> Option<&str> {
    match name {
        ServerName::Exact(name) | ServerName::DotHead(name) => Some(name),
        ServerName::WildcardHead(name) | ServerName::WildcardTail(name) => Some(name),
        ServerName::Regex(_) => None,
    }
}

fn conflict(server: &Server, first: &Server, name: &str, endpoint: &Endpoint) -> Diagnostic {
    ignored(server.span, name, endpoint).related(first.span, "the server that answers")
}

fn ignored(span: Span, name: &str, endpoint: &Endpoint) -> Diagnostic {
    let message = if name.is_empty() {
        format!("another server answers requests without a name on `{endpoint}`: this one never does")
    } else {
        format!("another server has the name `{name}` on `{endpoint}`: this one never gets it")
    };
    Diagnostic::warning("conflicting-server-name", span, message)
        .label("ignored for this name")
        .help("give the servers different names, or merge them")
        .nginx(format!("conflicting server name \"{name}\" on {endpoint}, ignored"))
        .when(FaultPhase::EndOfSubsystem { step: 400, place: Place::None })
}
