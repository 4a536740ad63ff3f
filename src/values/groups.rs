//! Groups `$1` … `$9` at a moment, and their owner: the request has one set of them, which the last pattern gives that was
//! executed. One of an `if` or a `rewrite` that did not match leaves none (`ngx_http_script_regex_start_code`).

use std::rc::Rc;

use super::codes::{Code, Exit, Flag, Kind, Point, Step, back, exit, flag};
use super::condition::{self, Test};
use super::pattern::Pattern;
use super::sets::{Subject, before_location};
use super::sources;
use crate::source::Span;

/// A pattern that can have matched last.
pub(crate) enum Holder<'a> {
    /// With what it looked at.
    Pattern(Rc<Pattern>, PatternSubject<'a>),
    /// An unknown pattern, or another directive that can match patterns.
    Unknown,
    /// No pattern has matched.
    None,
}

/// The subject of a pattern, and its place.
pub(crate) struct PatternSubject<'a> {
    pub(super) subject: Subject<'a>,
    pub(crate) span: Option<Span>,
}

/// Every pattern that can have matched last. `maps`: variables that match patterns when they are read.
pub(crate) fn holders<'a>(point: Point<'a>, maps: &dyn Fn(&[u8]) -> bool) -> Vec<Holder<'a>> {
    let mut found = Vec::new();
    let mut settled = false;
    back(point, &mut |step| {
        settled = match step {
            Step::Code(at, code) => of_code(point, at, code, maps, &mut found),
            Step::Entered(level, head) => {
                let outer = level.outer().unwrap_or(level);
                let condition = condition::of(outer, head);
                let is_pattern = condition.as_ref().is_some_and(|c| matches!(c.test, Test::Matches(_)));
                if let Some(condition) = condition.filter(|_| is_pattern) {
                    let subject = Subject::Variable(condition.variable.clone(), Point::of(outer, head));
                    found.push(match condition.groups(true) {
                        Some(Some(pattern)) => holder(pattern.clone(), subject, head.head()),
                        Some(None) => Holder::Unknown,
                        None => Holder::None,
                    });
                }
                is_pattern
            }
            Step::Location(level, head) => match sources::regex_of_location(head) {
                Some(_) => {
                    let pattern = sources::location_pattern(level, head);
                    found.push(pattern.map_or(Holder::Unknown, |pattern| {
                        holder(pattern, before_location(level), head.head())
                    }));
                    true
                }
                None => false,
            },
            Step::Server(level) => {
                let patterns = sources::server_patterns(level);
                let only = !patterns.is_empty() && patterns.len() == sources::names_of_server(level);
                found.extend(patterns.into_iter().map(|pattern| match pattern {
                    Some(pattern) => {
                        Holder::Pattern(pattern, PatternSubject { subject: Subject::Host, span: None })
                    }
                    None => Holder::Unknown,
                }));
                only
            }
        };
        !settled
    });
    if !settled {
        found.push(Holder::None);
    }
    found
}

fn holder(pattern: Rc<Pattern>, subject: Subject<'_>, span: Span) -> Holder<'_> {
    Holder::Pattern(pattern, PatternSubject { subject, span: Some(span) })
}

/// Adds the patterns that an instruction may have matched; whether one has for certain.
fn of_code<'a>(
    point: Point<'a>,
    at: Point<'a>,
    code: Code<'a>,
    maps: &dyn Fn(&[u8]) -> bool,
    found: &mut Vec<Holder<'a>>,
) -> bool {
    if code.directive.args().any(|word| maps(word.content())) {
        found.push(Holder::Unknown);
    }
    match code.kind {
        Kind::Rewrite => {
            let flag = flag(code.directive);
            let pattern = sources::rewrite_pattern(at.level, code.directive);
            let always = pattern.as_ref().is_some_and(|pattern| pattern.matches_always());
            if flag == Flag::None || point.is_last() && flag == Flag::Break {
                let subject = Subject::Variable("uri".to_owned(), at);
                found.push(pattern.map_or(Holder::Unknown, |p| holder(p, subject, code.directive.head())));
            }
            if !always {
                found.push(Holder::None);
            }
            true
        }
        Kind::If => of_if(point, at, code, maps, found),
        _ => false,
    }
}

/// The same for an `if`: its own pattern, and what its block executes.
fn of_if<'a>(
    point: Point<'a>,
    at: Point<'a>,
    code: Code<'a>,
    maps: &dyn Fn(&[u8]) -> bool,
    found: &mut Vec<Holder<'a>>,
) -> bool {
    let Some(inner) = at.level.inside(code) else { return false };
    let falls = match exit(inner) {
        Exit::Falls => true,
        Exit::Breaks => point.is_last(),
        Exit::Leaves => false,
    };
    let condition = condition::of(at.level, code.directive);
    let inside = falls
        && inner
            .codes()
            .iter()
            .rev()
            .any(|(at, code)| code.kind == Kind::Rewrite && of_code(point, at, code, maps, found));
    let Some(condition) = condition.filter(|c| matches!(c.test, Test::Matches(_))) else { return false };
    // With `~` the block is executed if the pattern matches, with `!~` if it does not.
    for matched in [true, false] {
        let executed = matched != condition.negated;
        if executed && (!falls || inside) {
            continue;
        }
        let subject = Subject::Variable(condition.variable.clone(), at);
        found.push(match condition.groups(executed) {
            Some(Some(pattern)) => holder(pattern.clone(), subject, code.directive.head()),
            Some(None) => Holder::Unknown,
            None => Holder::None,
        });
    }
    true
}
