//! Client connections that are not kept.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::rewrite::Instruction;
use crate::model::{HttpSettings, Origin};
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `keepalive_timeout 0` and `keepalive_requests` of at most 1 for client connections; as an info,
    /// `keepalive_requests` below 100. Where a server or location only returns a status or a redirection, nothing is
    /// reported.
    ///
    /// ## Why is this bad
    ///
    /// This proxy exhausts the ports of its clients: a load balancer or another nginx in front
    /// needs a new connection, and a new handshake, for every request.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     keepalive_timeout 0;
    ///     location / { root /srv; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     keepalive_timeout 30s;
    ///     location / { root /srv; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location = /closed { keepalive_timeout 0; return 403; }
    /// }
    /// ```
    CLIENT_KEEPALIVE_DISABLED {
        name: "client-keepalive-disabled",
        category: Reuse,
        level: Warning,
        summary: "connections of clients are closed after each request",
        doc: "/en/docs/http/ngx_http_core_module.html#keepalive_timeout",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let http = &target.config.http;
    let mut places: BTreeMap<Span, (String, Level)> = BTreeMap::new();
    if let Some(settings) = &http.settings {
        of_level(settings, &mut places);
    }
    for server in http.servers.iter().filter(|s| !s.locations.is_empty() || !returns(&s.instructions)) {
        of_level(&server.settings, &mut places);
    }
    for (_, location) in http.locations().filter(|(_, l)| l.handler.is_some() || !returns(&l.instructions)) {
        of_level(&location.settings, &mut places);
    }
    for (span, (message, level)) in places {
        let mut finding = CLIENT_KEEPALIVE_DISABLED
            .finding(span, message)
            .label("clients have to connect again")
            .help("leave the line out");
        finding.level = level;
        found.push(match place::remove(target.configuration, span) {
            Some(edit) => finding.fix(Fix::safe("remove the line", vec![edit])),
            None => finding,
        });
    }
}

fn returns(instructions: &[Instruction]) -> bool {
    instructions.iter().any(|i| matches!(i, Instruction::Return(_)))
}

fn of_level(settings: &HttpSettings, places: &mut BTreeMap<Span, (String, Level)>) {
    if let Origin::Set(span) = settings.core.keepalive_timeout.origin
        && settings.core.keepalive_timeout.value.idle.is_zero()
    {
        let message = "connections of clients are closed after each request".to_owned();
        places.insert(span, (message, Level::Warning));
    }
    let requests = &settings.core.keepalive_requests;
    if let Origin::Set(span) = requests.origin
        && requests.value < 100
    {
        let (message, level) = match requests.value {
            0..=1 => ("connections of clients are closed after each request".to_owned(), Level::Warning),
            n => (format!("connections of clients are closed after {n} requests"), Level::Info),
        };
        places.insert(span, (message, level));
    }
}
