//! Values that a block maps something to: `map`, `geo`, `split_clients`.

use std::rc::Rc;

use super::condition::{Fact, FactKind};
use super::part::{Origin, Row};
use super::rows::{Entry, MOST, Place, of_pieces, unknown};
use super::text::Piece;
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Segment};
use crate::source::Span;

/// The ways of a variable of `map`.
pub(super) fn of_map(place: &Place<'_>, position: usize) -> Vec<Row> {
    let config = place.view.config;
    let map = &config.http.maps[position];
    let source = pieces(place, &map.source);
    let has_groups = map.entries.iter().any(|entry| matches!(entry.key, MapKey::Regex { .. }));
    let looked_at = if has_groups { of_pieces(&place.deeper(), source.clone(), false) } else { Vec::new() };
    let looked_at: Rc<[Row]> = looked_at.into();
    let single = match source.as_slice() {
        [Piece::Variable(name)] => Some(name.clone()),
        _ => None,
    };
    let known = |kind: FactKind, span: Span| single.clone().map(|name| (name, vec![Fact { kind, span }]));
    let mut all = Vec::new();
    let mut avoided = Vec::new();
    for entry in &map.entries {
        let mut inner = place.deeper();
        match &entry.key {
            MapKey::Regex { pattern, caseless } => {
                let pattern = place.view.levels.pattern(pattern.as_bytes(), *caseless);
                let (yes, no) = match &pattern {
                    Some(pattern) => (FactKind::Matches(pattern.clone()), FactKind::Avoids(pattern.clone())),
                    None => (FactKind::Unread, FactKind::Unread),
                };
                inner.known = known(yes, entry.span);
                avoided.push(Fact { kind: no, span: entry.span });
                let subject = looked_at.clone();
                inner.entry = Some(Entry { pattern, subject, span: entry.span });
            }
            MapKey::Exact(text) => inner.known = known(FactKind::Equals(text.to_vec()), entry.span),
            MapKey::Suffix(_) | MapKey::Dot(_) | MapKey::Prefix(_) => {}
        }
        let rows = of_pieces(&inner, pieces(place, &entry.value), false);
        all.extend(rows.into_iter().map(|row| row.because(Origin::Entry, entry.span)));
        if all.len() > MOST {
            break;
        }
    }
    match &map.default {
        Some(default) => {
            let mut inner = place.deeper();
            inner.known = single.map(|name| (name, avoided));
            let rows = of_pieces(&inner, pieces(place, &default.value), false);
            // The rest for the default is said first: a stranger gets it.
            all.splice(0..0, rows.into_iter().map(|row| row.because(Origin::Default, default.span)));
        }
        None => all.insert(0, Row::default().because(Origin::NoDefault, map.span)),
    }
    all.truncate(MOST);
    all
}

/// The ways of a variable of `split_clients`.
pub(super) fn of_split(place: &Place<'_>, position: usize) -> Vec<Row> {
    let split = &place.view.config.http.split_clients[position];
    let rows = split.buckets.iter().map(|b| Row::text(&b.value).because(Origin::Bucket, b.span));
    rows.take(MOST).collect()
}

/// The ways of a variable of `geo`, whose values are taken as they are.
pub(super) fn of_geo(place: &Place<'_>, position: usize) -> Vec<Row> {
    let geo = &place.view.config.http.geos[position];
    let block = place.view.levels.named("geo").map(|(_, block)| block).find(|b| b.head() == geo.span);
    let Some(block) = block else { return unknown() };
    let words = ["delete", "proxy", "proxy_recursive", "ranges", "volatile"];
    let mut rows = vec![Row::text(&geo.default).because(Origin::Default, geo.span)];
    for entry in place.view.levels.entries(block) {
        let special = words.iter().any(|word| entry.name().is(word)) || entry.name().is("default");
        if let Some(value) = entry.arg(0).filter(|_| !special) {
            rows.push(Row::text(&value.value()).because(Origin::Entry, entry.head()));
        }
        if rows.len() >= MOST {
            break;
        }
    }
    rows
}

fn pieces(place: &Place<'_>, value: &ComplexValue) -> Vec<Piece> {
    let variables = &place.view.config.http.variables;
    let piece = |segment: &Segment| match segment {
        Segment::Literal(text) => Piece::Literal(AsRef::<[u8]>::as_ref(text).to_vec()),
        Segment::Capture(n) => Piece::Capture(*n),
        Segment::Variable(id) => Piece::Variable(variables.get(*id).name.clone()),
    };
    value.segments.iter().map(piece).collect()
}
