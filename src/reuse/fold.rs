//! Constant folding: the possible values of a complex value, as far as `set`, `map`, `geo`, `split_clients` and the
//! location's own pattern determine them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use super::capture;
use super::leaf::Leaf;
use crate::model::geo::GeoTable;
use crate::model::rewrite::Instruction;
use crate::model::{ComplexValue, Config, Location, LocationKind, Segment, VariableId, VariableSource};
use crate::source::Span;

/// Most values that are kept apart.
const MOST: usize = 64;

/// Deepest chain of maps that is followed.
const DEEPEST: usize = 8;

/// Possible values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Known values, each with the entry that it comes from, if any.
    pub known: Vec<(Vec<u8>, Option<Span>)>,
    /// True if there are other values.
    pub open: bool,
}

impl Values {
    fn one(text: &[u8]) -> Self {
        Self { known: vec![(text.to_vec(), None)], open: false }
    }

    fn unknown() -> Self {
        Self { known: Vec::new(), open: true }
    }

    /// The only value, if there is exactly one.
    pub fn single(&self) -> Option<&[u8]> {
        match self.known.as_slice() {
            [(text, _)] if !self.open => Some(text),
            _ => None,
        }
    }
}

/// All `set`s of a server, by variable.
pub(super) type Sets<'a> = HashMap<VariableId, Vec<(&'a ComplexValue, Span)>>;

/// Values of `value` in any location of any server. Variables that depend on the request are open.
pub fn fold(config: &Config, value: &ComplexValue) -> Values {
    Scope::new(config, None, &OnceCell::new()).fold(value)
}

/// Place whose values are computed: it decides which `set`s have run. Each variable is folded once.
pub(super) struct Scope<'s, 'a> {
    pub(super) config: &'a Config,
    leaf: Option<&'s Leaf<'a>>,
    sets: &'s OnceCell<Sets<'a>>,
    /// `None` while the variable is being folded: a variable may depend on itself.
    known: RefCell<HashMap<VariableId, Option<Values>>>,
}

impl<'s, 'a> Scope<'s, 'a> {
    /// `sets` are those of the leaf's server; without a leaf, those of the whole configuration.
    pub(super) fn new(config: &'a Config, leaf: Option<&'s Leaf<'a>>, sets: &'s OnceCell<Sets<'a>>) -> Self {
        Self { config, leaf, sets, known: RefCell::default() }
    }

    pub(super) fn fold(&self, value: &ComplexValue) -> Values {
        self.folded(&value.segments, DEEPEST)
    }

    /// Values of a few segments of a complex value.
    pub(super) fn fold_segments(&self, segments: &[Segment]) -> Values {
        self.folded(segments, DEEPEST)
    }

    fn folded(&self, segments: &[Segment], depth: usize) -> Values {
        let mut all = Values::one(b"");
        for segment in segments {
            let part = match segment {
                Segment::Literal(text) => Values::one(text),
                Segment::Capture(number) => {
                    self.capture(|pattern| capture::numbered(pattern, usize::from(*number)))
                }
                Segment::Variable(id) => self.variable(*id, depth),
            };
            all = product(&all, &part);
        }
        all
    }

    fn variable(&self, id: VariableId, depth: usize) -> Values {
        if depth == 0 {
            return Values::unknown();
        }
        if let Some(known) = self.known.borrow().get(&id) {
            return known.clone().unwrap_or_else(Values::unknown);
        }
        self.known.borrow_mut().insert(id, None);
        let values = self.computed(id, depth - 1);
        self.known.borrow_mut().insert(id, Some(values.clone()));
        values
    }

    fn computed(&self, id: VariableId, depth: usize) -> Values {
        let mut all = Values::default();
        let mut add = |values: Values, from: Option<Span>| {
            all.open |= values.open;
            all.known.extend(values.known.into_iter().map(|(text, span)| (text, span.or(from))));
        };
        let variable = self.config.http.variables.get(id);
        match variable.source {
            VariableSource::Builtin if variable.name == "scheme" => {
                add(Values::one(b"http"), None);
                add(Values::one(b"https"), None);
            }
            VariableSource::Map(position) => {
                let map = &self.config.http.maps[position];
                for entry in &map.entries {
                    add(self.folded(&entry.value.segments, depth), Some(entry.span));
                }
                match &map.default {
                    Some(default) => add(self.folded(&default.value.segments, depth), Some(default.span)),
                    None => add(Values::one(b""), Some(map.span)),
                }
            }
            VariableSource::SplitClients(position) => {
                for bucket in &self.config.http.split_clients[position].buckets {
                    add(Values::one(&bucket.value), Some(bucket.span));
                }
            }
            VariableSource::Geo(position) => {
                let geo = &self.config.http.geos[position];
                let values: Vec<&[u8]> = match &geo.table {
                    GeoTable::Networks(list) => list.iter().map(|(_, value)| &**value).collect(),
                    GeoTable::Ranges(list) => list.iter().map(|(_, _, value)| &**value).collect(),
                };
                for value in values.into_iter().chain([&*geo.default]) {
                    add(Values::one(value), Some(geo.span));
                }
            }
            VariableSource::Capture => {
                return self.capture(|pattern| capture::named(pattern, &variable.name));
            }
            VariableSource::Set => {
                let sets = self.sets_of(id);
                if sets.is_empty() {
                    return Values::unknown();
                }
                for (value, span) in sets {
                    add(self.folded(&value.segments, depth), Some(span));
                }
            }
            _ => return Values::unknown(),
        }
        all.known.sort();
        all.known.dedup_by(|a, b| a.0 == b.0);
        if all.known.len() > MOST {
            all.known.truncate(MOST);
            all.open = true;
        }
        all
    }

    /// Texts of a capture of the location's own pattern, if nothing else in the location captures.
    fn capture(&self, texts: impl Fn(&str) -> Option<Vec<String>>) -> Values {
        let Some(location) = self.leaf.map(Leaf::named_location) else { return Values::unknown() };
        let LocationKind::Regex { pattern, caseless: false } = &location.kind else {
            return Values::unknown();
        };
        let captures = |i: &Instruction| matches!(i, Instruction::Rewrite(_) | Instruction::If { .. });
        if location.instructions.iter().any(captures) {
            return Values::unknown();
        }
        let Some(texts) = texts(pattern) else { return Values::unknown() };
        Values { known: texts.into_iter().map(|text| (text.into_bytes(), None)).collect(), open: false }
    }

    /// All variables that a value depends on, through maps and `set`; the key of `split_clients` does not count, as it
    /// only chooses among the values.
    pub(super) fn behind(&self, value: &ComplexValue) -> Vec<VariableId> {
        let mut open: Vec<VariableId> = value.variables().collect();
        let mut found: Vec<VariableId> = Vec::new();
        while let Some(id) = open.pop() {
            if found.contains(&id) {
                continue;
            }
            found.push(id);
            match self.config.http.variables.get(id).source {
                VariableSource::Map(position) => {
                    let map = &self.config.http.maps[position];
                    let values = map.entries.iter().map(|e| &e.value);
                    let values = values.chain(map.default.iter().map(|d| &d.value)).chain([&map.source]);
                    open.extend(values.flat_map(ComplexValue::variables));
                }
                VariableSource::Set => {
                    open.extend(self.sets_of(id).into_iter().flat_map(|(value, _)| value.variables()));
                }
                _ => {}
            }
        }
        found
    }

    /// `set`s that can have given a variable its value: those of the leaf's own location if one of them is outside of
    /// every `if`, else all of the server, as a request may come from another location.
    fn sets_of(&self, id: VariableId) -> Vec<(&'a ComplexValue, Span)> {
        let set_by = |i: &Instruction| matches!(i, Instruction::Set { variable, .. } if *variable == id);
        if let Some(own) = self.leaf.map(Leaf::named_location)
            && own.instructions.iter().any(set_by)
        {
            let mut sets = Sets::new();
            each_set(&own.instructions, &mut sets);
            for inner in own.inner.iter().filter(|l| l.kind == LocationKind::If) {
                each_set(&inner.instructions, &mut sets);
            }
            return sets.remove(&id).unwrap_or_default();
        }
        let all = self.sets.get_or_init(|| {
            let mut sets = Sets::new();
            for server in &self.config.http.servers {
                if self.leaf.is_none_or(|leaf| std::ptr::eq(leaf.server, server)) {
                    each_set(&server.instructions, &mut sets);
                    within(&server.locations, &mut sets);
                }
            }
            sets
        });
        all.get(&id).cloned().unwrap_or_default()
    }
}

fn product(left: &Values, right: &Values) -> Values {
    let mut known = Vec::new();
    let mut open = left.open || right.open;
    for (before, from) in &left.known {
        for (after, span) in &right.known {
            if known.len() == MOST {
                open = true;
                break;
            }
            known.push(([before.as_slice(), after].concat(), from.or(*span)));
        }
    }
    known.sort();
    known.dedup_by(|a, b| a.0 == b.0);
    Values { known, open }
}

fn within<'a>(locations: &'a [Location], sets: &mut Sets<'a>) {
    for location in locations {
        each_set(&location.instructions, sets);
        within(&location.inner, sets);
    }
}

fn each_set<'a>(instructions: &'a [Instruction], sets: &mut Sets<'a>) {
    for instruction in instructions {
        if let Instruction::Set { variable, value, span } = instruction {
            sets.entry(*variable).or_default().push((value, *span));
        }
    }
}
