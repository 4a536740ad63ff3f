//! The `set` or named group that has given a variable its value at a moment.

use std::rc::Rc;

use super::codes::{Code, Exit, Flag, Kind, Point, Step, back, exit, flag};
use super::levels::Level;
use super::pattern::Pattern;
use super::view::View;
use super::{condition, sources};
use crate::catalog::Context;
use crate::syntax::Directive;

/// The most definitions that are followed.
const MOST: usize = 32;

/// A giver of a variable's value.
pub(super) enum Definition<'a> {
    Set(Point<'a>, Directive<'a>),
    /// A named group, and what its pattern looked at.
    Group(Rc<Pattern>, Subject<'a>),
    /// Nothing on some way that leads to the moment.
    Nothing,
}

/// The subject of a pattern.
#[derive(Clone)]
pub(super) enum Subject<'a> {
    /// A variable, when the pattern is executed.
    Variable(String, Point<'a>),
    /// The host name that chose the server.
    Host,
}

/// True if a directive is `set` of a variable.
fn is_set(directive: Directive<'_>, name: &str) -> bool {
    let own = directive.arg(0).and_then(|word| word.content().strip_prefix(b"$"));
    own.is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
}

/// Everything that can have given a variable its value.
pub(super) fn definitions<'a>(view: View<'a>, point: Point<'a>, name: &str) -> Vec<Definition<'a>> {
    let mut found = Vec::new();
    let mut settled = false;
    back(point, &mut |step| {
        settled = match step {
            Step::Code(at, code) => of_code(point, at, code, name, &mut found),
            Step::Entered(level, head) => {
                let outer = level.outer().unwrap_or(level);
                let at = Point::of(outer, head);
                let condition = condition::of(outer, head);
                match condition.as_ref().and_then(|c| Some((c, c.groups(true)?.as_ref()?))) {
                    Some((condition, pattern)) if pattern.named(name).is_some() => {
                        let subject = Subject::Variable(condition.variable.clone(), at);
                        found.push(Definition::Group(pattern.clone(), subject));
                        true
                    }
                    _ => false,
                }
            }
            Step::Location(level, head) => match sources::location_pattern(level, head) {
                Some(pattern) if pattern.named(name).is_some() => {
                    found.push(Definition::Group(pattern, before_location(level)));
                    true
                }
                _ => false,
            },
            Step::Server(level) => {
                let patterns = sources::server_patterns(level).into_iter().flatten();
                let before = found.len();
                let named = patterns.filter(|pattern| pattern.named(name).is_some());
                found.extend(named.map(|pattern| Definition::Group(pattern, Subject::Host)));
                found.len() > before
            }
        };
        !settled && found.len() < MOST
    });
    if !settled {
        found.extend(elsewhere(view, point.level, name));
        found.truncate(MOST);
        found.push(Definition::Nothing);
    }
    found
}

/// The URI with which a location was chosen: after all that its server has executed.
pub(super) fn before_location(level: Level<'_>) -> Subject<'_> {
    let server = level.around(Context::Server).unwrap_or(level);
    let point = if server == level {
        Point { level, before: Some(0) }
    } else {
        Point { level: server, before: Some(usize::MAX - 1) }
    };
    Subject::Variable("uri".to_owned(), point)
}

/// Adds what an instruction may have given; whether it has for certain.
fn of_code<'a>(
    point: Point<'a>,
    at: Point<'a>,
    code: Code<'a>,
    name: &str,
    found: &mut Vec<Definition<'a>>,
) -> bool {
    match code.kind {
        Kind::Set if is_set(code.directive, name) => {
            found.push(Definition::Set(at, code.directive));
            true
        }
        Kind::Rewrite => {
            let goes_on = matches!(flag(code.directive), Flag::None)
                || point.is_last() && flag(code.directive) == Flag::Break;
            let pattern = sources::rewrite_pattern(at.level, code.directive).filter(|_| goes_on);
            match pattern {
                Some(pattern) if pattern.named(name).is_some() => {
                    let always = pattern.matches_always();
                    found.push(Definition::Group(pattern, Subject::Variable("uri".to_owned(), at)));
                    always
                }
                _ => false,
            }
        }
        Kind::If => of_if(point, at, code, name, found),
        _ => false,
    }
}

/// The values that the block of an `if` and its pattern may have given.
fn of_if<'a>(
    point: Point<'a>,
    at: Point<'a>,
    code: Code<'a>,
    name: &str,
    found: &mut Vec<Definition<'a>>,
) -> bool {
    let Some(inner) = at.level.inside(code) else { return false };
    let falls = match exit(inner) {
        Exit::Falls => true,
        Exit::Breaks => point.is_last(),
        Exit::Leaves => false,
    };
    if falls {
        let codes = inner.codes();
        let last = codes.iter().rfind(|(_, c)| c.kind == Kind::Set && is_set(c.directive, name));
        found.extend(last.map(|(at, set)| Definition::Set(at, set.directive)));
    }
    let Some(condition) = condition::of(at.level, code.directive) else { return false };
    // The pattern has matched if the condition held, or did not and was negated.
    let matched = !condition.negated;
    let Some(Some(pattern)) = condition.groups(matched) else { return false };
    if pattern.named(name).is_none() || matched && !falls {
        return false;
    }
    found.push(Definition::Group(pattern.clone(), Subject::Variable(condition.variable.clone(), at)));
    !matched && !falls
}

/// `set`s of other locations of the server from which requests can come here: through `rewrite`, `try_files`, an error page.
fn elsewhere<'a>(view: View<'a>, level: Level<'a>, name: &str) -> Vec<Definition<'a>> {
    let server = level.around(Context::Server);
    let block = level.block();
    let mut found = Vec::new();
    for (at, set) in view.levels.sets_of(server, name) {
        let from = at.block();
        if from == block || from.context() != Context::Location || !leads(from, block) {
            continue;
        }
        found.push(Definition::Set(Point::of(at, set), set));
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// True if requests can go from one location to another.
fn leads(from: Level<'_>, to: Level<'_>) -> bool {
    let names = |word: crate::syntax::Word<'_>| {
        to.head().and_then(|head| head.args().next_back()).is_some_and(|own| own.value() == word.value())
    };
    let rewrites =
        |level: Level<'_>| level.own("rewrite").any(|d| matches!(flag(d), Flag::None | Flag::Last));
    let pages = from.effective("error_page").and_then(|d| d.args().next_back()).is_some_and(names);
    pages
        || from.get("try_files").is_some()
        || rewrites(from)
        || from.inner().any(|inner| inner.context() == Context::IfInLocation && rewrites(inner))
}
