//! The block that a file is a fragment of, if it is no main file.

use crate::catalog::{self, Body, Context};
use crate::syntax::{Configuration, Directive};

/// Contexts that a file without a main block may be a fragment of.
const FRAGMENTS: [Context; 7] = [
    Context::Http,
    Context::Server,
    Context::Location,
    Context::Upstream,
    Context::Stream,
    Context::StreamServer,
    Context::StreamUpstream,
];

/// True if it has a block that only a main file has.
pub(crate) fn has_http(configuration: &Configuration) -> bool {
    guessed(configuration) == Context::Main
}

/// The context that allows most of what stands at the top.
pub(crate) fn guessed(configuration: &Configuration) -> Context {
    const LOOKED_AT: usize = 1000;
    let top: Vec<Directive<'_>> = configuration.expanded_root().map(|(d, _)| d).take(LOOKED_AT).collect();
    let main = ["http", "stream", "mail", "events"];
    if top.iter().any(|d| d.block().is_some() && main.iter().any(|name| d.name().is(name))) {
        return Context::Main;
    }
    let fits = |context: Context| {
        let allowed = |d: &&Directive<'_>| {
            catalog::directives(d.name().content())
                .iter()
                .any(|c| c.contexts.contains(context) && (c.body != Body::None) == d.block().is_some())
        };
        top.iter().filter(allowed).count()
    };
    let mut best = (Context::Http, 0);
    for context in FRAGMENTS {
        let count = fits(context);
        if count > best.1 {
            best = (context, count);
        }
    }
    best.0
}
