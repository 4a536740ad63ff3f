//! Limits of pools: connections that a worker may have, and sources that must not be shared.

use std::collections::HashSet;

use crate::lint::target::Target;
use crate::model::proxy::Bind;
use crate::model::{Origin, VariableSource};
use crate::reuse::Leaf;
use crate::source::Span;

/// Sockets that each worker listens on.
pub(crate) fn listening(target: Target<'_>) -> u64 {
    let all = target.config.http.servers.iter().flat_map(|s| &s.listen);
    all.map(|listen| &listen.endpoint).collect::<HashSet<_>>().len() as u64
}

/// The tighter of the two limits, and where it is set.
pub(crate) fn budget(target: Target<'_>, http: Span) -> (&'static str, u64, Span) {
    let setting = &target.config.core.worker_connections;
    let at = match setting.origin {
        Origin::Set(span) | Origin::Inherited(span) => span,
        Origin::Default => http,
    };
    let connections = ("worker_connections", u64::from(setting.value), at);
    let files = target.configuration.expanded_root().find(|(d, _)| d.name().is("worker_rlimit_nofile"));
    let files = files.and_then(|(directive, _)| {
        let number = std::str::from_utf8(directive.arg(0)?.content()).ok()?.parse().ok()?;
        Some(("worker_rlimit_nofile", number, directive.head()))
    });
    files.filter(|(_, number, _)| *number < connections.1).unwrap_or(connections)
}

/// True if the source address of a leaf's connections comes from the client.
pub(crate) fn is_client_source<'a>(target: Target<'a>, leaf: &Leaf<'a>) -> bool {
    match leaf.bind().map(|bind| &bind.value) {
        Some(Bind::Value { value, transparent }) => {
            *transparent
                || target.reuse.behind(leaf, value).into_iter().any(|id| {
                    let variable = target.config.http.variables.get(id);
                    match variable.source {
                        VariableSource::Builtin => is_of_client(&variable.name),
                        // Of the client's address, unless told otherwise.
                        VariableSource::Other(by) => by == "geo",
                        _ => false,
                    }
                })
        }
        _ => false,
    }
}

fn is_of_client(name: &str) -> bool {
    ["remote_addr", "binary_remote_addr"].contains(&name)
        || ["realip_", "http_", "proxy_protocol_", "arg_", "cookie_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}
