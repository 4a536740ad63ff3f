//! The URI at a moment: the one that was asked for, or what `rewrite` has made of it.

use super::codes::{Code, Exit, Flag, Kind, Point, Step, back, exit, flag};
use crate::syntax::Directive;

/// A `rewrite` that can have made the URI, and when it was executed.
pub(super) type UriRewrite<'a> = (Point<'a>, Directive<'a>);

/// The `rewrite`s that can have made the URI at a moment, and whether one has for certain.
pub(super) fn rewritten(point: Point<'_>) -> (Vec<UriRewrite<'_>>, bool) {
    const MOST: usize = 16;
    let mut found = Vec::new();
    let mut settled = false;
    back(point, &mut |step| {
        if let Step::Code(at, code) = step {
            settled = match code.kind {
                Kind::Rewrite => of_rewrite(point, at, code, &mut found),
                Kind::If => {
                    of_if(point, at, code, &mut found);
                    false
                }
                _ => false,
            };
        }
        !settled && found.len() < MOST
    });
    (found, settled)
}

fn of_rewrite<'a>(point: Point<'a>, at: Point<'a>, code: Code<'a>, found: &mut Vec<UriRewrite<'a>>) -> bool {
    let goes_on = match flag(code.directive) {
        Flag::None => true,
        Flag::Break => point.is_last(),
        // Another location is chosen behind those of a server.
        Flag::Last => at.level != point.level && at.level.is_of_server(),
        Flag::Redirect => false,
    };
    if goes_on {
        found.push((at, code.directive));
    }
    goes_on && super::sources::matches_always(at.level, code.directive)
}

fn of_if<'a>(point: Point<'a>, at: Point<'a>, code: Code<'a>, found: &mut Vec<UriRewrite<'a>>) {
    let Some(inner) = at.level.inside(code) else { return };
    let falls = match exit(inner) {
        Exit::Falls => true,
        Exit::Breaks => point.is_last(),
        Exit::Leaves => at.level.is_of_server() && at.level != point.level,
    };
    if !falls {
        return;
    }
    let codes = inner.codes();
    for (at, code) in codes.iter().filter(|(_, code)| code.kind == Kind::Rewrite) {
        of_rewrite(point, at, code, found);
    }
}
