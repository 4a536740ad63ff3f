//! A race that the backend wins.

use std::collections::HashMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::edit::Fix;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, place};
use crate::model::{Endpoint, Origin, Upstream};
use crate::source::Span;
use crate::syntax::Item;

declare_rule! {
    /// ## What it does
    ///
    /// Reports an `upstream` whose `keepalive_timeout` is not shorter than the time for which the backend keeps idle
    /// connections. That time is known when the backend is a server of the same configuration, or when a comment in the
    /// upstream names it: `# backend: node`, or `# backend: 15s`. Known names are node, uvicorn and apache (5s),
    /// gunicorn (2s), puma and tomcat (20s), jetty (30s), bandit and alb (60s), gclb (600s): their defaults.
    ///
    /// ## Why is this bad
    ///
    /// Whoever closes first is right. If the backend closes while nginx sends the next request, the request fails with
    /// `upstream prematurely closed connection`, and a POST is not tried again.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// upstream backend {
    ///     # backend: node
    ///     server 10.0.0.1:3000;
    ///     keepalive 16;
    /// }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// upstream inner { server 127.0.0.1:8080; keepalive 16; }
    /// server {
    ///     listen 80;
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://inner;
    ///     }
    /// }
    /// server {
    ///     listen 127.0.0.1:8080;
    ///     keepalive_timeout 30s;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// upstream backend {
    ///     # backend: node
    ///     server 10.0.0.1:3000;
    ///     keepalive 16;
    ///     keepalive_timeout 4s;
    /// }
    /// server {
    ///     location / {
    ///         proxy_http_version 1.1;
    ///         proxy_set_header Connection "";
    ///         proxy_pass http://backend;
    ///     }
    /// }
    /// ```
    UPSTREAM_KEEPALIVE_OUTLIVES_BACKEND {
        name: "upstream-keepalive-outlives-backend",
        category: Reuse,
        level: Warning,
        summary: "the backend closes idle connections before nginx does",
        doc: "/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout",
        absence: true,
    }
}

/// The time that servers keep idle connections unless told otherwise, in seconds.
const BACKENDS: &[(&str, u64)] = &[
    ("node", 5),
    ("uvicorn", 5),
    ("apache", 5),
    ("gunicorn", 2),
    ("puma", 20),
    ("tomcat", 20),
    ("jetty", 30),
    ("bandit", 60),
    ("alb", 60),
    ("gclb", 600),
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let sockets = sockets(target);
    for upstream in target.upstreams().filter(|upstream| upstream.pool().is_some()) {
        let Some((keeps, place)) = declared(target, upstream).or_else(|| own_server(&sockets, upstream))
        else {
            continue;
        };
        let timeout = &upstream.keepalive.timeout;
        if timeout.value < keeps {
            continue;
        }
        let name = &upstream.name;
        let message = format!(
            "connections to `{name}` are kept for {}s, but the backend closes idle ones after {}s",
            timeout.value.as_secs(),
            keeps.as_secs()
        );
        let directive = format!("keepalive_timeout {}s;", keeps.as_secs().saturating_sub(1).max(1));
        let finding = UPSTREAM_KEEPALIVE_OUTLIVES_BACKEND
            .finding(timeout.origin.span().unwrap_or(upstream.span), message)
            .label("a request may meet a connection that is being closed")
            .related(place, "the backend's time")
            .help(format!("write `{directive}`"));
        let edit = match timeout.origin {
            Origin::Set(span) => place::replace(target.configuration, span, &directive),
            _ => place::at_end_of_block(target.configuration, upstream.span, &directive),
        };
        found.push(match edit.filter(|_| keeps > Duration::from_secs(1)) {
            Some(edit) => finding.fix(Fix::safe(format!("write `{directive}`"), vec![edit])),
            None => finding,
        });
    }
}

/// The words of a comment in the upstream: `# backend: node`, `# backend: 15s`.
fn declared(target: Target<'_>, upstream: &Upstream) -> Option<(Duration, Span)> {
    let block = place::find(target.configuration, upstream.span)?.block()?;
    block.items().find_map(|item| {
        let Item::Comment(comment) = item else { return None };
        let text = String::from_utf8_lossy(comment.raw()).to_lowercase();
        let word = text.trim_start_matches('#').trim().strip_prefix("backend:")?.split_whitespace().next()?;
        let known = BACKENDS.iter().find(|(name, _)| *name == word).map(|(_, seconds)| *seconds);
        let seconds = known.or_else(|| word.trim_end_matches('s').parse().ok())?;
        Some((Duration::from_secs(seconds), comment.span()))
    })
}

/// The sockets of the servers of this configuration, by port (unix sockets under 0), each with the shortest time of a server
/// there and the line that sets it.
type Sockets<'a> = HashMap<u16, Vec<(&'a Endpoint, Duration, Option<Span>)>>;

fn sockets(target: Target<'_>) -> Sockets<'_> {
    let mut shortest: HashMap<&Endpoint, (Duration, Option<Span>)> = HashMap::new();
    for server in &target.config.http.servers {
        let timeout = &server.settings.core.keepalive_timeout;
        let own = (timeout.value.idle, timeout.origin.span());
        for listen in server.listen.iter().filter(|_| !own.0.is_zero()) {
            shortest.entry(&listen.endpoint).and_modify(|known| *known = own.min(*known)).or_insert(own);
        }
    }
    let mut sockets = Sockets::new();
    for (endpoint, (idle, place)) in shortest {
        sockets.entry(port(endpoint)).or_default().push((endpoint, idle, place));
    }
    sockets
}

fn port(endpoint: &Endpoint) -> u16 {
    match endpoint {
        Endpoint::Inet(address) => address.port(),
        Endpoint::Name(_, port) => *port,
        Endpoint::Unix(_) => 0,
    }
}

/// The shortest time of a server of this configuration that listens where the upstream's peers are.
fn own_server(sockets: &Sockets<'_>, upstream: &Upstream) -> Option<(Duration, Span)> {
    let reached = upstream.peers.iter().flat_map(|peer| {
        let known = sockets.get(&port(&peer.endpoint)).map_or(&[][..], Vec::as_slice);
        known.iter().filter(|(listen, ..)| is_at(&peer.endpoint, listen))
    });
    reached.map(|(_, idle, place)| (*idle, place.unwrap_or(upstream.span))).min()
}

fn is_at(peer: &Endpoint, listen: &Endpoint) -> bool {
    match (peer, listen) {
        (Endpoint::Inet(peer), Endpoint::Inet(listen)) => {
            peer == listen
                || peer.port() == listen.port() && listen.ip().is_unspecified() && peer.ip().is_loopback()
        }
        (Endpoint::Name(host, port), Endpoint::Inet(listen)) => {
            host == "localhost"
                && *port == listen.port()
                && (listen.ip().is_unspecified() || listen.ip().is_loopback())
        }
        (Endpoint::Unix(peer), Endpoint::Unix(listen)) => peer == listen,
        _ => false,
    }
}
