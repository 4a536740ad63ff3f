//! No default server.

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::model::server::ServerName;
use crate::model::{Endpoint, Listen, Server};

declare_rule! {
    /// ## What it does
    ///
    /// Reports an address and protocol that two or more servers of a whole configuration share without
    /// `default_server`. Silent if the first of them is meant for all names (`_`, none, or a regular expression).
    ///
    /// ## Why is this bad
    ///
    /// Requests for unknown names go to the server that happens to be first: with `include *.conf`, the first in
    /// the alphabet.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server { listen 80; server_name b.example; }
    ///     server { listen 80; server_name a.example; }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     server { listen 80 default_server; return 444; }
    ///     server { listen 80; server_name a.example; }
    /// }
    /// ```
    DEFAULT_SERVER_MISSING {
        name: "default-server-missing",
        category: Correctness,
        level: Info,
        summary: "several servers share an address, and the first in order answers unknown names",
        doc: "/en/docs/http/request_processing.html",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.is_whole() || !target.reads_everything() {
        return;
    }
    let mut sockets: BTreeMap<(&Endpoint, bool), Vec<(&Server, &Listen)>> = BTreeMap::new();
    for server in &target.config.http.servers {
        for listen in &server.listen {
            sockets.entry((&listen.endpoint, listen.quic)).or_default().push((server, listen));
        }
    }
    let mut seen = HashSet::new();
    for ((endpoint, _), users) in sockets {
        let (server, listen) = users[0];
        let is_meant = server.names.iter().any(|name| match name {
            ServerName::Exact(name) => name.is_empty() || name == "_",
            ServerName::Regex(_) => true,
            _ => false,
        });
        // One finding for the first server, however many addresses it has.
        if users.len() < 2
            || is_meant
            || users.iter().any(|(_, l)| l.default_server)
            || !seen.insert(server.span)
        {
            continue;
        }
        let message = format!(
            "unknown names on {endpoint} go to this server, because it is the first of {}",
            users.len()
        );
        found.push(
            DEFAULT_SERVER_MISSING
                .finding(listen.span.unwrap_or(server.span), message)
                .label("is the default without saying so")
                .help("add a server with `default_server` that refuses, or say it here"),
        );
    }
}
