//! Knowledge of a variable from the conditions on the way to a moment: an `if` that was entered, one that ends the requests for
//! which it holds, the location that was chosen.

use super::codes::{Exit, Flag, Kind, Point, Step, back, exit, flag};
use super::condition::{self, Condition, Fact, FactKind, Test};
use super::levels::Level;
use super::part::{Open, Origin, Row, ValuePart};
use super::view::View;
use super::{pattern, sources};
use crate::model::VariableSource;
use crate::model::map::MapKey;
use crate::source::Span;
use crate::syntax::Directive;

/// The most facts of a variable that are kept.
const MOST: usize = 16;

/// True if the variable is known to have a text at a moment.
pub(crate) fn is_filled(view: View<'_>, point: Point<'_>, name: &str) -> bool {
    facts(view, point, name).iter().any(|fact| match &fact.kind {
        FactKind::Filled => true,
        FactKind::Equals(text) => !text.is_empty(),
        _ => false,
    })
}

/// Everything that is known of a variable, until it is set.
pub(super) fn facts<'a>(view: View<'a>, point: Point<'a>, name: &str) -> Vec<Fact> {
    let mut found = Vec::new();
    let is_uri = matches!(name, "uri" | "document_uri");
    back(point, &mut |step| {
        match step {
            Step::Code(at, code) => match code.kind {
                Kind::If => {
                    let Some(inner) = at.level.inside(code) else { return true };
                    let gone = match exit(inner) {
                        Exit::Leaves => true,
                        Exit::Breaks => !point.is_last(),
                        Exit::Falls => false,
                    };
                    if gone {
                        of_condition(view, at.level, code.directive, false, name, &mut found);
                    }
                }
                // Knowledge from before is of another value.
                Kind::Set => {
                    let own = code.directive.arg(0).and_then(|w| w.content().strip_prefix(b"$"));
                    return !own.is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()));
                }
                Kind::Rewrite if is_uri => return !matches!(flag(code.directive), Flag::None | Flag::Break),
                _ => {}
            },
            Step::Entered(level, head) => {
                of_condition(view, level.outer().unwrap_or(level), head, true, name, &mut found);
            }
            Step::Location(level, head) if is_uri => of_location(level, head, &mut found),
            Step::Location(..) | Step::Server(_) => {}
        }
        found.len() < MOST
    });
    found
}

fn of_condition<'a>(
    view: View<'a>,
    level: Level<'a>,
    head: Directive<'a>,
    held: bool,
    name: &str,
    found: &mut Vec<Fact>,
) {
    let Some(condition) = condition::of(level, head) else { return };
    let is_uri = |name: &str| matches!(name, "uri" | "document_uri");
    if condition.variable == name || is_uri(name) && is_uri(&condition.variable) {
        found.extend(condition.fact(held, head.head()));
    } else if is_uri(name)
        && condition.variable == "request_uri"
        && let Some(Fact { kind: FactKind::Avoids(pattern), span }) = condition.fact(held, head.head())
    {
        found.push(Fact { kind: FactKind::AvoidsEscaped(pattern), span });
    } else if !held {
        found.extend(of_map(view, &condition, name, head.head()));
    }
}

/// `map $name $bad { ~pattern 1; }` and `if ($bad)`, which was not entered.
fn of_map(view: View<'_>, condition: &Condition, name: &str, span: Span) -> Vec<Fact> {
    let variables = &view.config.http.variables;
    let map = variables.find(&condition.variable).and_then(|id| match variables.get(id).source {
        VariableSource::Map(position) => Some(&view.config.http.maps[position]),
        _ => None,
    });
    let Some(map) = map else { return Vec::new() };
    let [crate::model::Segment::Variable(source)] = map.source.segments.as_slice() else { return Vec::new() };
    if variables.get(*source).name != name {
        return Vec::new();
    }
    let refused = |text: &[u8]| match &condition.test {
        Test::True => !text.is_empty() && text != b"0",
        Test::Equals(own) => (own.as_slice() == text) != condition.negated,
        Test::Matches(_) => false,
    };
    let entries = map.entries.iter().filter(|entry| {
        let known: Option<Vec<&[u8]>> = entry
            .value
            .segments
            .iter()
            .map(|segment| match segment {
                crate::model::Segment::Literal(text) => Some(AsRef::<[u8]>::as_ref(text)),
                _ => None,
            })
            .collect();
        known.is_some_and(|known| refused(&known.concat()))
    });
    let patterns = entries.filter_map(|entry| match &entry.key {
        MapKey::Regex { pattern, caseless } => view.levels.pattern(pattern.as_bytes(), *caseless),
        _ => None,
    });
    patterns.map(|pattern| Fact { kind: FactKind::Avoids(pattern), span }).collect()
}

fn of_location(level: Level<'_>, head: Directive<'_>, found: &mut Vec<Fact>) {
    if sources::regex_of_location(head).is_some() {
        let kind = sources::location_pattern(level, head).map_or(FactKind::Unread, FactKind::Matches);
        found.push(Fact { kind, span: head.head() });
    } else if let Some(path) = sources::exact_location(head) {
        found.push(Fact { kind: FactKind::Equals(path), span: head.head() });
    }
}

/// The ways of a variable that remain.
pub(super) fn apply(facts: &[Fact], mut rows: Vec<Row>) -> Vec<Row> {
    for fact in facts {
        rows = match &fact.kind {
            FactKind::Equals(text) => {
                let client = rows.iter().any(|row| row.opens().next().is_some());
                if client {
                    vec![Row::text(text).because(Origin::Fact, fact.span)]
                } else {
                    rows.retain(|row| row.known().is_none_or(|known| known.eq_ignore_ascii_case(text)));
                    rows
                }
            }
            FactKind::Filled => {
                rows.retain(|row| row.known().is_none_or(|known| !known.is_empty()));
                for row in &mut rows {
                    if let [ValuePart::Open(open)] = row.parts.as_mut_slice() {
                        open.empty = false;
                    }
                }
                rows
            }
            FactKind::Matches(pattern) => {
                rows.into_iter().flat_map(|row| matched(pattern, row, fact.span)).collect()
            }
            FactKind::Avoids(pattern) => {
                rows.retain(|row| row.known().is_none_or(|known| pattern.is_match(&known) != Some(true)));
                avoid(rows, pattern.refused(), fact.span)
            }
            FactKind::AvoidsEscaped(pattern) => avoid(rows, &pattern.refused_escapes(), fact.span),
            FactKind::Unread => {
                rows.iter_mut().flat_map(Row::opens_mut).for_each(|open| open.unread = true);
                rows
            }
        };
    }
    rows
}

fn avoid(rows: Vec<Row>, gone: &pattern::Bytes, span: Span) -> Vec<Row> {
    if !gone.contains(&true) {
        return rows;
    }
    let drop = |mut row: Row| {
        row.opens_mut().for_each(|open| open.drop(gone));
        row.because(Origin::Fact, span)
    };
    rows.into_iter().map(drop).collect()
}

/// The ways of a value that a pattern has matched.
fn matched(pattern: &std::rc::Rc<pattern::Pattern>, row: Row, span: Span) -> Vec<Row> {
    if let Some(known) = row.known() {
        return if pattern.is_match(&known) == Some(false) { Vec::new() } else { vec![row] };
    }
    let opens: Vec<&Open> = row.opens().collect();
    let whole = pattern.is_whole();
    if whole && let Some(texts) = pattern::texts(pattern.hir()) {
        return texts.iter().map(|text| Row::text(text).because(Origin::Fact, span)).collect();
    }
    let mut row = row.clone();
    if whole {
        let mut own = Open {
            first: Box::new(pattern::first(pattern.hir())),
            empty: pattern::can_be_empty(pattern.hir()),
            single: pattern.hir().properties().maximum_len() == Some(1),
            domain: sources::ends_in_domain(pattern.hir()),
            name: opens[0].name.clone(),
            of: opens[0].of.clone(),
            client: opens.iter().any(|open| open.client),
            link: opens.iter().any(|open| open.link),
            decoded: opens.iter().any(|open| open.decoded),
            unread: opens.iter().any(|open| open.unread),
            checked: opens[0].checked.clone(),
            ..Open::new(pattern::bytes(pattern.hir()))
        };
        if let [ValuePart::Open(open)] = row.parts.as_slice() {
            own.keep(&open.bytes);
        }
        row.parts = vec![ValuePart::Open(own)];
    } else if pattern.is_anchored()
        && let Some(ValuePart::Open(open)) = row.parts.first_mut()
    {
        let first = pattern::first(pattern.hir());
        if !pattern::can_be_empty(pattern.hir()) {
            open.first.iter_mut().zip(&first).for_each(|(own, kept)| *own &= kept);
            open.empty = false;
        }
    }
    row.opens_mut().for_each(|open| open.checked.push(pattern.clone()));
    vec![row.because(Origin::Fact, span)]
}
