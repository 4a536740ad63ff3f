//! Targets that a leaf can reach: upstreams, bare hosts, sockets; known at load, or folded from variables.

use std::cell::OnceCell;

use super::fold::Scope;
use super::leaf::Leaf;
use crate::model::{ComplexValue, Config, Endpoint, Segment, Target, Upstream, VariableSource};
use crate::source::Span;

/// A target that requests are proxied to.
#[derive(Clone, Debug)]
pub enum ReachedTarget<'a> {
    /// An `upstream` block.
    Upstream(&'a Upstream),
    /// A host without an `upstream`, whose connections nginx never keeps; with the entry that names the host.
    Bare(String, Option<Span>),
    /// A unix socket, which needs no port.
    Unix(String),
    /// A host that depends on the request.
    Unknown,
}

/// All targets that a leaf can reach.
pub fn targets<'a>(config: &'a Config, leaf: &Leaf<'a>) -> Vec<ReachedTarget<'a>> {
    reached(&Scope::new(config, Some(leaf), &OnceCell::new()), leaf)
}

pub(super) fn reached<'a>(scope: &Scope<'_, 'a>, leaf: &Leaf<'a>) -> Vec<ReachedTarget<'a>> {
    match leaf.target {
        Target::Upstream(id) => vec![of_upstream(scope.config.http.upstream(*id))],
        Target::Value(value) => of_value(scope, value),
    }
}

/// Fixed parts of a host with variables: `up_` of `http://up_$name`.
pub fn fixed_parts<'a>(config: &Config, target: &'a Target) -> Vec<&'a [u8]> {
    let Target::Value(value) = target else { return Vec::new() };
    let literals = host(config, value).iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(after_scheme(text)),
        _ => None,
    });
    let parts = literals.map(|text| text.strip_prefix(b"://").unwrap_or(text).split(|b| *b == b'/').next());
    parts.flatten().filter(|part| !part.is_empty()).collect()
}

/// True if the host of a target has variables; the path alone does not decide the target.
pub fn has_variable_host(config: &Config, target: &Target) -> bool {
    match target {
        Target::Upstream(_) => false,
        Target::Value(value) => host(config, value).iter().any(|s| !matches!(s, Segment::Literal(_))),
    }
}

fn of_upstream(upstream: &Upstream) -> ReachedTarget<'_> {
    if !upstream.is_implicit() {
        return ReachedTarget::Upstream(upstream);
    }
    match upstream.peers.first().map(|p| &p.endpoint) {
        Some(Endpoint::Unix(path)) => ReachedTarget::Unix(path.clone()),
        _ => ReachedTarget::Bare(upstream.name.clone(), None),
    }
}

fn of_value<'a>(scope: &Scope<'_, 'a>, value: &ComplexValue) -> Vec<ReachedTarget<'a>> {
    let config = scope.config;
    // The scheme does not decide the target: the finding points to the value with the host.
    let host = host(config, value);
    let scheme = host.iter().position(|s| matches!(s, Segment::Literal(text) if text.starts_with(b"://")));
    let values = match scheme {
        Some(at) => {
            let mut rest = host[at..].to_vec();
            rest[0] = match &rest[0] {
                Segment::Literal(text) => Segment::Literal(text[3..].into()),
                other => other.clone(),
            };
            scope.fold_segments(&rest)
        }
        None => scope.fold_segments(host),
    };
    let mut found: Vec<ReachedTarget<'a>> =
        values.known.iter().map(|(text, span)| of_text(config, text, *span)).collect();
    if values.open || found.is_empty() {
        found.push(ReachedTarget::Unknown);
    }
    found
}

/// Leading segments with the scheme and the host: up to a `/` after the scheme, or a variable that begins with one.
pub(super) fn host<'v>(config: &Config, value: &'v ComplexValue) -> &'v [Segment] {
    let begins_with_slash = |segment: &Segment| match segment {
        Segment::Variable(id) => {
            let variable = config.http.variables.get(*id);
            variable.source == VariableSource::Builtin
                && ["request_uri", "uri", "document_uri", "is_args", "args"].contains(&variable.name.as_str())
        }
        _ => false,
    };
    if matches!(value.segments.first(), Some(Segment::Literal(text)) if is_begun_scheme(text)) {
        return &value.segments;
    }
    let end = value.segments.iter().enumerate().find_map(|(n, segment)| match segment {
        Segment::Literal(text) => {
            let rest = after_scheme(text);
            rest.strip_prefix(b"://").unwrap_or(rest).contains(&b'/').then_some(n + 1)
        }
        other => begins_with_slash(other).then_some(n),
    });
    &value.segments[..end.unwrap_or(value.segments.len())]
}

/// True for `http:/` before a variable that begins with the second slash.
fn is_begun_scheme(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"http:/") || text.eq_ignore_ascii_case(b"https:/")
}

fn after_scheme(text: &[u8]) -> &[u8] {
    let schemes: [&[u8]; 4] = [b"http://", b"https://", b"grpc://", b"grpcs://"];
    let known = schemes.iter().find(|s| text.len() >= s.len() && text[..s.len()].eq_ignore_ascii_case(s));
    known.map_or(text, |scheme| &text[scheme.len()..])
}

fn of_text<'a>(config: &'a Config, text: &[u8], span: Option<Span>) -> ReachedTarget<'a> {
    let rest = after_scheme(text);
    if rest.len() >= 5 && rest[..5].eq_ignore_ascii_case(b"unix:") {
        return ReachedTarget::Unix(String::from_utf8_lossy(&rest[5..]).into_owned());
    }
    let end = rest.iter().position(|&b| b == b'/' || b == b'?').unwrap_or(rest.len());
    let host = String::from_utf8_lossy(&rest[..end]).into_owned();
    let name = host.to_lowercase();
    let explicit = config.http.upstreams.iter().find(|u| !u.is_implicit() && u.name.to_lowercase() == name);
    match explicit {
        Some(upstream) => ReachedTarget::Upstream(upstream),
        None if host.is_empty() => ReachedTarget::Unknown,
        None => ReachedTarget::Bare(host, span),
    }
}
