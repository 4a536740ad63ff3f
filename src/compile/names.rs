//! Server names that two servers of one socket claim (`ngx_http_server_names`).

use std::collections::HashMap;

use super::scope::Compiler;
use super::server::WILDCARDS;
use crate::diagnostic::{Diagnostic, Place, When};
use crate::model::server::ServerName;
use crate::model::{Endpoint, Listen, Server};

/// Warns of names that an earlier server of the same socket has.
pub(super) fn report_conflicts(cx: &mut Compiler<'_>) {
    let servers = std::mem::take(&mut cx.http.servers);
    let mut shared: HashMap<&Endpoint, usize> = HashMap::new();
    for listen in servers.iter().flat_map(|s| &s.listen) {
        *shared.entry(&listen.endpoint).or_default() += 1;
    }
    let mut owners: HashMap<(&Endpoint, &str), usize> = HashMap::new();
    let mut found = Vec::new();
    for (number, server) in servers.iter().enumerate() {
        for listen in server.listen.iter().filter(|l| shared[&l.endpoint] > 1) {
            for name in server.names.iter().filter_map(key) {
                match owners.entry((&listen.endpoint, name)) {
                    std::collections::hash_map::Entry::Vacant(free) => {
                        free.insert(number);
                    }
                    std::collections::hash_map::Entry::Occupied(first) => {
                        found.push(conflict(server, &servers[*first.get()], name, &listen.endpoint));
                    }
                }
            }
        }
    }
    for diagnostic in found {
        cx.report(diagnostic);
    }
    for wrong in std::mem::take(&mut cx.names.no_wildcards) {
        let Some(server) = servers.get(wrong.server) else { continue };
        // One server without captures is found without looking at names (`ngx_http_optimize_servers`).
        let hashed = |l: &&Listen| shared[&l.endpoint] > 1 || has_captures(&servers, &l.endpoint);
        let Some(listen) = server.listen.iter().find(hashed) else { continue };
        let (name, endpoint) = (wrong.name, &listen.endpoint);
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
    cx.http.servers = servers;
}

/// Whether the last pattern of the default server of a socket has captures (`ngx_http_core_server_name`).
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

/// What two names have in common when nginx takes only one; none for patterns, which are tried in order.
fn key(name: &ServerName) -> Option<&str> {
    match name {
        ServerName::Exact(name) | ServerName::DotHead(name) => Some(name),
        ServerName::WildcardHead(name) | ServerName::WildcardTail(name) => Some(name),
        ServerName::Regex(_) => None,
    }
}

fn conflict(server: &Server, first: &Server, name: &str, endpoint: &Endpoint) -> Diagnostic {
    let message = if name.is_empty() {
        format!("another server answers requests without a name on `{endpoint}`: this one never does")
    } else {
        format!("another server has the name `{name}` on `{endpoint}`: this one never gets it")
    };
    Diagnostic::warning("conflicting-server-name", server.span, message)
        .label("ignored for this name")
        .related(first.span, "the server that answers")
        .help("give the servers different names, or merge them")
        .nginx(format!("conflicting server name \"{name}\" on {endpoint}, ignored"))
        .when(When::EndOfSubsystem { step: 400, place: Place::None })
}
