//! Sessions of `stream`: each has a connection of its own, which holds a port for as long as the session lasts.

use super::flow::{ClosingSide, Destination, Flow, Session, destinations};
use super::sources::sources;
use crate::model::proxy::Target;
use crate::model::{Config, Endpoint, Stream, StreamHandler, StreamServer, Upstream};
use crate::reuse::{Cause, Verdict, fold};
use crate::source::Span;

/// Every flow of `stream`, in source order; a server that listens on TCP and UDP has one of each.
pub fn flows(config: &Config) -> Vec<Flow<'_>> {
    let (Some(stream), Some(values)) = (&config.stream, config.of_stream()) else { return Vec::new() };
    let mut found: Vec<Flow<'_>> = Vec::new();
    for (server, own) in stream.shared.servers.iter().zip(&stream.servers) {
        let Some(StreamHandler::Proxy(target, span)) = &own.handler else { continue };
        let udp = server.listen.iter().any(|listen| listen.udp);
        let tcp = !udp || server.listen.iter().any(|listen| !listen.udp);
        for is_udp in [tcp.then_some(false), udp.then_some(true)].into_iter().flatten() {
            for (name, upstream, destinations) in targets(stream, &values, target) {
                let flow = Flow {
                    name,
                    upstream,
                    destinations,
                    sources: sources(&values, &server.settings.proxy.bind.value),
                    verdict: Verdict::NotReused(Cause::Protocol),
                    closer: ClosingSide::Race,
                    passes: vec![("proxy_pass", *span)],
                    session: Some(session(own, is_udp)),
                };
                add(&mut found, flow);
            }
        }
    }
    found
}

/// Flows of `http` and of `stream`.
pub fn all(config: &Config) -> Vec<Flow<'_>> {
    let mut all = super::flows(config);
    all.extend(flows(config));
    all
}

/// Servers that differ in nothing share a flow.
fn add<'a>(found: &mut Vec<Flow<'a>>, flow: Flow<'a>) {
    let same = found.iter_mut().find(|known| {
        known.name == flow.name && known.sources == flow.sources && known.session == flow.session
    });
    match same {
        Some(known) if known.passes.contains(&flow.passes[0]) => {}
        Some(known) => known.passes.extend(flow.passes),
        None => found.push(flow),
    }
}

fn session(own: &StreamServer, is_udp: bool) -> Session {
    let ends = own.settings.proxy_responses.value.is_some();
    let lingers = if is_udp && !ends { own.settings.proxy_timeout.value.as_secs_f64() } else { 0.0 };
    Session { is_udp, lingers }
}

type NamedTarget<'a> = (String, Option<&'a Upstream>, Vec<Destination>);

/// Names that a `proxy_pass` reaches, with their peers.
fn targets<'a>(stream: &'a Stream, values: &Config, target: &Target) -> Vec<NamedTarget<'a>> {
    let of = |upstream: &'a Upstream| (upstream.name.clone(), Some(upstream), destinations(upstream));
    match target {
        Target::Upstream(id) => stream.shared.upstreams.get(id.0 as usize).map(of).into_iter().collect(),
        Target::Value(value) => {
            let found = fold(values, value);
            let named = |text: &(Vec<u8>, Option<Span>)| {
                let name = String::from_utf8_lossy(&text.0).into_owned();
                let upstream = stream.shared.upstreams.iter().find(|u| !u.is_implicit() && u.name == name);
                if let Some(upstream) = upstream {
                    return of(upstream);
                }
                let destinations = vec![Destination { endpoint: endpoint(&name), share: 1.0 }];
                (name, None, destinations)
            };
            let mut all: Vec<NamedTarget<'a>> =
                found.known.iter().filter(|(text, _)| !text.is_empty()).map(named).collect();
            if found.open || all.is_empty() {
                all.push(("(from the session)".to_owned(), None, Vec::new()));
            }
            all
        }
    }
}

/// The address in a value: a name counts as one.
fn endpoint(text: &str) -> Endpoint {
    if let Some(path) = text.strip_prefix("unix:") {
        return Endpoint::Unix(path.to_owned());
    }
    if let Ok(address) = text.parse() {
        return Endpoint::Inet(address);
    }
    match text.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => Endpoint::Name(name.to_owned(), port),
        _ => Endpoint::Name(text.to_owned(), 0),
    }
}
