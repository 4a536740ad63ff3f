//! Blocks that the model does not hold: their directives are checked against the catalog all the same.

use super::block::{Unmodelled, directives};
use super::directive::Directive;
use super::scope::Compiler;
use super::{geo, map, split_clients, value};
use crate::catalog::{Context, Tier};

/// Checks the directives of a block that the model does not hold.
pub(super) fn block<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>, context: Context) {
    let Some(block) = directive.syntax.block() else { return };
    match directive.name() {
        // Blocks of other modules with these names are checked as nginx's own.
        "map" => return map::map(cx, directive, block),
        "split_clients" => return split_clients::split_clients(cx, directive, block),
        _ => value::check_arguments(cx, directive),
    }
    if directive.name() == "geo" {
        return geo::check(cx, block);
    }
    match directive.catalog.inner(context) {
        Some(inner) if directive.catalog.tier != Tier::ThirdParty || is_known_inside(inner) => {
            directives(cx, block, inner, &mut Unmodelled);
        }
        _ => map::foreign_entries(cx, directive, block),
    }
}

/// True if the catalog lists the directives of a third-party block; other such blocks are skipped.
fn is_known_inside(context: Context) -> bool {
    matches!(context, Context::Rtmp | Context::RtmpServer | Context::RtmpApplication | Context::RtmpRecorder)
}
