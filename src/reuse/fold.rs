//! Constant folding: the values that a complex value can take, as far as `set`, `map` and `split_clients` tell.

use crate::model::rewrite::Instruction;
use crate::model::{ComplexValue, Config, Segment, VariableId, VariableSource};
use crate::source::Span;

/// More values than this are not told apart.
const MOST: usize = 64;

/// How far maps of maps are followed.
const DEEPEST: usize = 8;

/// The values that are possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Those that are known, each with the entry it comes from, if from one.
    pub known: Vec<(Vec<u8>, Option<Span>)>,
    /// Whether there are others.
    pub open: bool,
}

impl Values {
    fn one(text: &[u8]) -> Self {
        Self { known: vec![(text.to_vec(), None)], open: false }
    }

    fn unknown() -> Self {
        Self { known: Vec::new(), open: true }
    }

    /// The only value, if there is just one.
    pub fn single(&self) -> Option<&[u8]> {
        match self.known.as_slice() {
            [(text, _)] if !self.open => Some(text),
            _ => None,
        }
    }
}

/// The values of `value`. Variables that come with the request are open.
pub fn fold(config: &Config, value: &ComplexValue) -> Values {
    folded(config, value, DEEPEST)
}

/// The values of a few segments of a complex value.
pub(super) fn fold_segments(config: &Config, segments: &[Segment]) -> Values {
    fold(config, &ComplexValue { segments: segments.to_vec() })
}

fn folded(config: &Config, value: &ComplexValue, depth: usize) -> Values {
    let mut all = Values::one(b"");
    for segment in &value.segments {
        let part = match segment {
            Segment::Literal(text) => Values::one(text),
            Segment::Capture(_) => Values::unknown(),
            Segment::Variable(id) => variable(config, *id, depth),
        };
        all = product(&all, &part);
    }
    all
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

fn variable(config: &Config, id: VariableId, depth: usize) -> Values {
    if depth == 0 {
        return Values::unknown();
    }
    let mut all = Values::default();
    let mut add = |values: Values, from: Option<Span>| {
        all.open |= values.open;
        all.known.extend(values.known.into_iter().map(|(text, span)| (text, span.or(from))));
    };
    let variable = config.http.variables.get(id);
    match variable.source {
        VariableSource::Builtin if variable.name == "scheme" => {
            add(Values::one(b"http"), None);
            add(Values::one(b"https"), None);
        }
        VariableSource::Map(position) => {
            let map = &config.http.maps[position];
            for entry in &map.entries {
                add(folded(config, &entry.value, depth - 1), Some(entry.span));
            }
            match &map.default {
                Some(default) => add(folded(config, &default.value, depth - 1), Some(default.span)),
                None => add(Values::one(b""), Some(map.span)),
            }
        }
        VariableSource::SplitClients(position) => {
            for bucket in &config.http.split_clients[position].buckets {
                add(Values::one(&bucket.value), Some(bucket.span));
            }
        }
        VariableSource::Set => {
            let mut seen = false;
            each_set(config, id, |value, span| {
                seen = true;
                add(folded(config, value, depth - 1), Some(span));
            });
            if !seen {
                return Values::unknown();
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

/// Every `set` of a variable in the configuration.
fn each_set(config: &Config, id: VariableId, mut see: impl FnMut(&ComplexValue, Span)) {
    let servers = config.http.servers.iter().map(|s| &s.instructions);
    let locations = config.http.locations().map(|(_, l)| &l.instructions);
    for instruction in servers.chain(locations).flatten() {
        if let Instruction::Set { variable, value, span } = instruction
            && *variable == id
        {
            see(value, *span);
        }
    }
}
