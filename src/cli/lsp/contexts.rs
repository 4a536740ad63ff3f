//! Contexts and subsystems inside of blocks.

use crate::catalog::{self, Body, Context, Subsystem};
use crate::syntax::Directive;

/// Context inside of some blocks; `None` inside of a block that has entries, or that the catalog does not know. `outer` are
/// the blocks around the main file.
pub(super) fn context(outer: &[Context], blocks: &[Directive<'_>]) -> Option<Context> {
    inside(outer, blocks.iter().map(|block| block.name().value()))
}

/// Context inside of blocks with these names.
pub(super) fn inside<N: AsRef<[u8]>>(outer: &[Context], names: impl Iterator<Item = N>) -> Option<Context> {
    Some(chain(outer, names)?.last().copied().unwrap_or(Context::Main))
}

/// Contexts from the outermost to that inside of blocks with these names.
pub(super) fn chain<N: AsRef<[u8]>>(
    outer: &[Context],
    names: impl Iterator<Item = N>,
) -> Option<Vec<Context>> {
    let mut contexts = outer.to_vec();
    for name in names {
        let context = contexts.last().copied().unwrap_or(Context::Main);
        let Body::Directives(inner) = catalog::in_context(name.as_ref(), context)?.body else { return None };
        contexts.push(inner);
    }
    Some(contexts)
}

/// `stream` or `http`.
pub(super) fn subsystem(outer: &[Context], blocks: &[Directive<'_>]) -> Subsystem {
    if blocks.iter().any(|block| block.name().is("stream")) || outer.iter().copied().any(is_stream) {
        Subsystem::Stream
    } else {
        Subsystem::Http
    }
}

/// True for the contexts of `stream`.
pub(super) fn is_stream(context: Context) -> bool {
    matches!(context, Context::Stream | Context::StreamServer | Context::StreamUpstream)
}
