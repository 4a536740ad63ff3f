//! Upstreams for hosts that `proxy_pass` names without one: what the peer is told of the host stays the same.

use crate::edit::{Edit, Fix};
use crate::lint::{RULES, lint};
use crate::model::location::Handler;
use crate::model::{Config, ProxyPass, Segment, Target, VariableId};
use crate::ports::Flow;
use crate::reuse::Leaf;
use crate::source::Span;
use crate::syntax::Configuration;

/// The rule whose fix it is.
const RULE: &str = "proxy-to-bare-host";

/// Fixes of the flows at fault that have no upstream: those of `ngxc lint --fix --unsafe`, else an upstream with the name
/// of the host.
pub(super) fn upstreams(
    configuration: &Configuration,
    config: &Config,
    flows: &[Flow<'_>],
    at_fault: &[usize],
) -> Vec<Fix> {
    let mut wanted: Vec<&Flow<'_>> = at_fault
        .iter()
        .map(|position| &flows[*position])
        .filter(|flow| {
            flow.upstream.is_none_or(crate::model::Upstream::is_implicit) && !flow.destinations.is_empty()
        })
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut fixes = Vec::new();
    for found in lint(configuration, config, RULES).into_iter().filter(|d| d.code == RULE) {
        let Some(fix) = found.fix else { continue };
        let places: Vec<Span> =
            std::iter::once(found.span).chain(found.related.iter().map(|r| r.span)).collect();
        let before = wanted.len();
        wanted.retain(|flow| !flow.passes.iter().any(|(_, span)| places.contains(span)));
        if wanted.len() < before {
            fixes.push(fix);
        }
    }
    let leaves = crate::reuse::leaves(config);
    fixes.extend(wanted.iter().filter_map(|flow| of_host(config, configuration, flow, &leaves)));
    fixes
}

/// An `upstream` block before the server of the first `proxy_pass`. It has the name of the host, so that requests and TLS
/// name the same host as before; where a port stands in the way, only if nothing depends on that.
fn of_host(
    config: &Config,
    configuration: &Configuration,
    flow: &Flow<'_>,
    leaves: &[Leaf<'_>],
) -> Option<Fix> {
    let users: Vec<(&Leaf<'_>, &ProxyPass)> = leaves
        .iter()
        .filter(|leaf| flow.passes.iter().any(|(_, span)| *span == leaf.span))
        .filter_map(|leaf| match &leaf.location.handler {
            // A host that comes out of a variable is written elsewhere: a person has to look.
            Some(Handler::Proxy(pass)) if matches!(leaf.target, Target::Upstream(_)) => Some((leaf, pass)),
            _ => None,
        })
        .collect();
    let (first, _) = users.first()?;
    let name = flow.name.as_str();
    let port = name.rsplit(']').next().and_then(|rest| rest.rsplit_once(':')).map(|(_, port)| port);
    let bare = port.map_or(name, |port| &name[..name.len() - port.len() - 1]);
    let is_default = |pass: &ProxyPass| pass.host == bare;
    let is_same =
        users.iter().all(|(leaf, pass)| is_default(pass) || (!pass.tls && !tells_host(config, leaf)));
    let is_taken =
        config.http.upstreams.iter().any(|u| !u.is_implicit() && u.name.eq_ignore_ascii_case(bare));
    // A name in brackets is no name of an upstream.
    if !is_same || is_taken || bare.starts_with('[') {
        return None;
    }
    let source = configuration.sources.file(first.server.span.file);
    let start = first.server.span.start as usize;
    let line = memchr::memrchr(b'\n', &source.text[..start]).map_or(0, |n| n + 1);
    let indent = String::from_utf8_lossy(&source.text[line..start]).into_owned();
    let indent = if indent.trim().is_empty() { indent } else { String::new() };
    let server = flow.destinations.first()?.endpoint.to_string();
    let block = format!(
        "upstream {bare} {{\n{indent}    server {server};\n{indent}    keepalive 32;\n{indent}}}\n\n{indent}"
    );
    let mut edits = vec![Edit::insert(first.server.span, block)];
    for (leaf, _) in users.iter().filter(|_| port.is_some()) {
        let text = configuration.sources.text(leaf.span);
        let at = memchr::memmem::find(text, format!("://{name}").as_bytes())? + 3 + leaf.span.start as usize;
        edits.push(Edit::replace(Span::new(leaf.span.file, at, at + name.len()), bare.to_owned()));
    }
    Some(Fix::unsafe_("put the host into an upstream", edits))
}

/// True if the request tells the peer `$proxy_host`, which the upstream's name would change.
fn tells_host(config: &Config, leaf: &Leaf<'_>) -> bool {
    let is_it =
        |id: &VariableId| matches!(config.http.variables.get(*id).name.as_str(), "proxy_host" | "proxy_port");
    match leaf.proxy().header(b"host") {
        None => true,
        Some(header) => header.value.segments.iter().any(|s| matches!(s, Segment::Variable(id) if is_it(id))),
    }
}
