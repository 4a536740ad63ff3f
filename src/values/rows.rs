//! The values that a text can have at a place: every value is one way of several.

use std::rc::Rc;

use super::builtin::builtin;
use super::codes::Point;
use super::condition::Fact;
use super::groups::{self, Holder};
use super::levels::Level;
use super::part::{Open, Origin, Row, ValuePart};
use super::pattern::{self, Pattern};
use super::sets::{Definition, Subject, definitions};
use super::text::{self, Piece};
use super::view::View;
use super::{facts, sources, tables, uri};
use crate::catalog::Context;
use crate::model::VariableSource;
use crate::source::Span;

/// The most ways of one text, the longest row, and how far variables of variables are followed.
pub(super) const MOST: usize = 64;
const LONGEST: usize = 24;
const DEEPEST: usize = 8;

/// The place where a value is read, and the groups that hold there.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) view: View<'a>,
    pub(super) point: Point<'a>,
    /// The entry of a `map`, or the `rewrite`, that is read: its groups come first.
    pub(super) entry: Option<Entry>,
    /// The knowledge that such an entry gives of a variable.
    pub(super) known: Option<(String, Vec<Fact>)>,
    /// Groups of a decoded text are escaped, as `set` does it.
    pub(super) escapes: bool,
    pub(super) depth: usize,
}

/// A pattern that has just matched.
#[derive(Clone)]
pub(super) struct Entry {
    /// `None` if it is not understood.
    pub(super) pattern: Option<Rc<Pattern>>,
    pub(super) subject: Rc<[Row]>,
    pub(super) span: Span,
}

impl<'a> Place<'a> {
    fn new(view: View<'a>, point: Point<'a>) -> Self {
        Self { view, point, entry: None, known: None, escapes: false, depth: DEEPEST }
    }

    /// The same place, for a value that this one is made of.
    pub(super) fn deeper(&self) -> Self {
        Self { entry: None, known: None, escapes: false, depth: self.depth.saturating_sub(1), ..self.clone() }
    }
}

/// The ways in which a text can be read after all instructions of `level`.
pub(crate) fn rows<'a>(view: View<'a>, level: Level<'a>, text: &[u8]) -> Vec<Row> {
    rows_at(view, Point::last(level), text)
}

/// The ways in which a text can be read at a moment.
pub(crate) fn rows_at<'a>(view: View<'a>, point: Point<'a>, text: &[u8]) -> Vec<Row> {
    of_pieces(&Place::new(view, point), text::pieces(text), true)
}

/// True if a text reads a group, something that the configuration defines, or a variable of nginx for which the answer is
/// yes: a quick question before the ways are asked for.
pub(crate) fn can_have(view: View<'_>, text: &[u8], builtin: fn(&str) -> bool) -> bool {
    let variables = &view.config.http.variables;
    text::pieces(text).iter().any(|piece| match piece {
        Piece::Literal(_) => false,
        Piece::Capture(_) => true,
        Piece::Variable(name) => {
            let own =
                variables.find(name).is_some_and(|id| variables.get(id).source != VariableSource::Builtin);
            own || builtin(name) || view.levels.sets(name).next().is_some()
        }
    })
}

/// The ways of what a `rewrite` puts in place of the URI.
pub(crate) fn replacement<'a>(
    view: View<'a>,
    point: Point<'a>,
    rewrite: crate::syntax::Directive<'a>,
) -> Vec<Row> {
    let place = Place::new(view, point);
    let Some(to) = rewrite.arg(1) else { return Vec::new() };
    of_pieces(&of_rewrite(&place, rewrite), text::pieces(&to.value()), true)
}

fn of_rewrite<'a>(place: &Place<'a>, rewrite: crate::syntax::Directive<'a>) -> Place<'a> {
    let pattern = sources::rewrite_pattern(place.point.level, rewrite);
    let needed = pattern.as_ref().is_none_or(|p| p.groups() > 0);
    let subject = if needed { variable(&place.deeper(), "uri") } else { Vec::new() };
    let entry = Entry { pattern, subject: subject.into(), span: rewrite.head() };
    Place { entry: Some(entry), ..place.clone() }
}

pub(super) fn of_pieces(place: &Place<'_>, pieces: Vec<Piece>, outermost: bool) -> Vec<Row> {
    let mut all: Vec<Row> = vec![Row::default()];
    let mut pieces = pieces.into_iter().peekable();
    while let Some(piece) = pieces.next() {
        let arguments = |next: &Piece| matches!(next, Piece::Variable(name) if matches!(name.as_str(), "args" | "query_string"));
        let (mut next, name) = match piece {
            Piece::Literal(text) => (vec![Row::text(&text)], None),
            // `$is_args$args`: there is a `?` where there are arguments, and neither where there are none.
            Piece::Variable(name) if name == "is_args" && pieces.next_if(arguments).is_some() => {
                let mark = Row::text(b"?");
                let mut rows: Vec<Row> = variable(place, "args").iter().map(|row| mark.join(row)).collect();
                rows.push(Row::default());
                (rows, Some("$args".to_owned()))
            }
            Piece::Capture(n) => (capture(place, n), Some(format!("${n}"))),
            Piece::Variable(name) => (variable(place, &name), Some(format!("${name}"))),
        };
        if outermost && let Some(name) = name {
            next.iter_mut().flat_map(Row::opens_mut).for_each(|open| open.name.clone_from(&name));
        }
        let joined = all.iter().flat_map(|head| next.iter().map(move |tail| head.join(tail)));
        all = joined.filter(|row: &Row| row.parts.len() <= LONGEST).take(MOST).collect();
    }
    all
}

/// A value of which nothing is known.
pub(super) fn unknown() -> Vec<Row> {
    vec![Row::open(Open::new([true; 256]))]
}

pub(super) fn variable(place: &Place<'_>, name: &str) -> Vec<Row> {
    if place.depth == 0 {
        return unknown();
    }
    if let Some(entry) = &place.entry
        && let Some(pattern) = entry.pattern.as_ref().filter(|p| p.named(name).is_some())
    {
        let number = pattern.number(name).unwrap_or(0);
        return of_group(pattern, number, &entry.subject, Some(entry.span));
    }
    let rows = unchecked(place, name);
    let mut facts = facts::facts(place.view, place.point, name);
    if let Some((known, more)) = &place.known
        && known == name
    {
        facts.extend(more.iter().cloned());
    }
    facts::apply(&facts, rows)
}

/// The ways of a variable, whatever was asked of it.
fn unchecked(place: &Place<'_>, name: &str) -> Vec<Row> {
    if matches!(name, "uri" | "document_uri") {
        return of_uri(place);
    }
    let variables = &place.view.config.http.variables;
    let id = variables.find(name);
    let source = id.map(|id| &variables.get(id).source);
    match source {
        Some(VariableSource::Set | VariableSource::Capture) => of_definitions(place, name, false),
        _ if place.view.levels.sets(name).next().is_some() => of_definitions(place, name, true),
        Some(VariableSource::Map(position)) => tables::of_map(place, *position),
        Some(VariableSource::SplitClients(position)) => tables::of_split(place, *position),
        Some(VariableSource::Geo(position)) => tables::of_geo(place, *position),
        Some(VariableSource::Other(_)) => unknown(),
        Some(VariableSource::Builtin) | None => builtin(place.view, place.point.level, name),
    }
}

fn of_uri(place: &Place<'_>) -> Vec<Row> {
    let asked = || builtin(place.view, place.point.level, "uri");
    if !place.view.levels.has("rewrite") {
        return asked();
    }
    let (rewrites, settled) = uri::rewritten(place.point);
    let mut all = if settled { Vec::new() } else { asked() };
    for (point, rewrite) in rewrites {
        let inner = of_rewrite(&Place { point, ..place.deeper() }, rewrite);
        let Some(to) = rewrite.arg(1).map(|word| word.value().into_owned()) else { continue };
        // Arguments are no part of the URI.
        let to = to.split(|b| *b == b'?').next().unwrap_or_default();
        let rows = of_pieces(&inner, text::pieces(to), false);
        all.extend(rows.into_iter().map(|row| row.because(Origin::Rewrite, rewrite.head())));
    }
    all.truncate(MOST);
    all
}

/// The ways that `set` and named groups give. `own`: nginx has a value of its own where nothing is set.
fn of_definitions(place: &Place<'_>, name: &str, own: bool) -> Vec<Row> {
    let mut all = Vec::new();
    for definition in definitions(place.view, place.point, name) {
        match definition {
            Definition::Set(point, set) => {
                let Some(word) = set.arg(1) else { continue };
                let inner = Place { point, escapes: true, ..place.deeper() };
                let rows = of_pieces(&inner, text::pieces(&word.value()), false);
                all.extend(rows.into_iter().map(|row| row.because(Origin::Set, set.head())));
            }
            Definition::Group(pattern, subject) => {
                let number = pattern.number(name).unwrap_or(0);
                all.extend(of_group(&pattern, number, &of_subject(place, &subject), None));
            }
            Definition::Nothing if own => all.extend(builtin(place.view, place.point.level, name)),
            Definition::Nothing => all.extend(never_set(place, name)),
        }
    }
    all.truncate(MOST);
    all
}

/// A variable that nothing on the way has set: empty, unless a pattern of a `map` or something that is not seen has.
fn never_set(place: &Place<'_>, name: &str) -> Vec<Row> {
    let level = place.point.level;
    if level.around(Context::Server).is_none() || !level.is_complete() {
        return unknown();
    }
    let by_map = place.view.levels.map_with_group(name);
    if by_map { unknown() } else { vec![Row::default().because(Origin::NeverSet, None)] }
}

fn of_subject<'a>(place: &Place<'a>, subject: &Subject<'a>) -> Vec<Row> {
    match subject {
        Subject::Variable(name, point) => variable(&Place { point: *point, ..place.deeper() }, name),
        Subject::Host => {
            let mut host = Open::new([true; 256]);
            // A host name of a request has none of them.
            b"/? \r\n".iter().for_each(|b| host.bytes[usize::from(*b)] = false);
            vec![Row::open(Open { client: true, of: "host".to_owned(), ..host })]
        }
    }
}

fn capture(place: &Place<'_>, n: u8) -> Vec<Row> {
    let number = u32::from(n);
    if let Some(entry) = &place.entry {
        return match &entry.pattern {
            Some(pattern) => of_group(pattern, number, &entry.subject, Some(entry.span)),
            None => unknown(),
        };
    }
    if place.depth == 0 {
        return unknown();
    }
    let mut all = Vec::new();
    let level = place.point.level;
    for holder in groups::holders(place.point, &|text| place.view.levels.reads_pattern_map(text)) {
        match holder {
            Holder::Pattern(pattern, found) => {
                let subject = of_subject(place, &found.subject);
                all.extend(of_group(&pattern, number, &subject, found.span));
            }
            Holder::Unknown => all.extend(unknown()),
            Holder::None if level.around(Context::Server).is_none() || !level.is_complete() => {
                all.extend(unknown());
            }
            Holder::None => all.push(Row::default().because(Origin::NoGroup, None)),
        }
    }
    all.truncate(MOST);
    if place.escapes {
        all.iter_mut().flat_map(Row::opens_mut).for_each(Open::escape);
    }
    all
}

/// The ways of a group of a pattern that has matched one of `subject`.
fn of_group(pattern: &Rc<Pattern>, number: u32, subject: &[Row], span: Option<Span>) -> Vec<Row> {
    let Some(hir) = pattern.group(number) else {
        return vec![Row::default().because(Origin::NoGroup, span)];
    };
    let missing = !pattern.always_has(number);
    if let Some(texts) = pattern::texts(hir) {
        let empty = missing.then(Row::default);
        let rows = texts.iter().map(|text| Row::text(text)).chain(empty);
        return rows.map(|row| row.because(Origin::Group, span)).collect();
    }
    let mut open = Open {
        first: Box::new(pattern::first(hir)),
        empty: pattern::can_be_empty(hir) || missing,
        single: hir.properties().maximum_len() == Some(1),
        ..Open::new(pattern::bytes(hir))
    };
    let mut bytes = [subject.is_empty(); 256];
    // A group with which the text begins begins as the text does.
    if !pattern.before_group(number).unwrap_or([true; 256]).contains(&true) && !subject.is_empty() {
        let mut first = [false; 256];
        for row in subject {
            match row.parts.first() {
                Some(ValuePart::Text(text)) => {
                    text.iter().take(1).for_each(|b| first[usize::from(*b)] = true)
                }
                Some(ValuePart::Open(own)) if !own.empty => {
                    first.iter_mut().zip(own.first.iter()).for_each(|(all, own)| *all |= own);
                }
                Some(ValuePart::Open(_)) => first = [true; 256],
                None => {}
            }
        }
        open.first.iter_mut().zip(&first).for_each(|(own, kept)| *own &= kept);
    }
    for part in subject.iter().flat_map(|row| &row.parts) {
        match part {
            ValuePart::Text(text) => text.iter().for_each(|b| bytes[usize::from(*b)] = true),
            ValuePart::Open(own) => {
                own.bytes.iter().enumerate().filter(|(_, has)| **has).for_each(|(b, _)| bytes[b] = true);
                open.client |= own.client;
                open.link |= own.link;
                open.decoded |= own.decoded;
                open.unread |= own.unread;
                open.checked.extend(own.checked.iter().cloned());
            }
        }
    }
    open.keep(&bytes);
    open.domain = sources::ends_in_domain(hir) && !open.has(b'/') && !open.has(b'?');
    if let [Row { parts, .. }] = subject
        && let [ValuePart::Open(own)] = parts.as_slice()
    {
        open.of.clone_from(&own.of);
        open.name.clone_from(&own.name);
    }
    open.checked.push(pattern.clone());
    open.checked.truncate(8);
    let mut rows = vec![Row::open(open).because(Origin::Group, span)];
    for why in subject.first().into_iter().flat_map(|row| row.why.clone()) {
        rows[0].why.push(why);
    }
    rows
}
