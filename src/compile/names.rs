//! Server names that two servers of one socket claim (`ngx_http_server_names`).

use std::collections::HashMap;

use super::scope::Compiler;
use crate::diagnostic::{Diagnostic, Place, When};
use crate::model::server::ServerName;
use crate::model::{Endpoint, Server};

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
    cx.http.servers = servers;
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
