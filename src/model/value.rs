//! Complex values: text with variables, resolved to the variables they name (`ngx_http_complex_value_t`).

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// A variable of a configuration: its position in [`Variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VariableId(pub u32);

/// Source of a variable's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum VariableSource {
    /// Built-in variable, by its full name; for the prefix families `http_`, `arg_` … the name with the prefix.
    Builtin,
    /// `map`: position in [`Http::maps`](crate::model::Http::maps).
    Map(usize),
    /// `split_clients`: position in [`Http::split_clients`](crate::model::Http::split_clients).
    SplitClients(usize),
    /// `geo`: position in [`Http::geos`](crate::model::Http::geos).
    Geo(usize),
    /// `set`, which stores a value per request.
    Set,
    /// A named capture of a regular expression.
    Capture,
    /// Defined by a directive that only nginx executes (`perl_set`, `auth_request_set` …).
    Other(#[serde(with = "super::serial::word")] super::serial::word::AcceptedWord),
}

/// A variable of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Name without `$`, lower case as nginx stores it.
    pub name: String,
    /// Source of the value.
    pub source: VariableSource,
    /// Directive that defines the variable; `None` for a built-in one.
    pub defined: Option<Span>,
}

/// All variables that a configuration defines or uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "Vec<Variable>")]
pub struct Variables {
    list: Vec<Variable>,
    by_name: std::collections::HashMap<String, VariableId>,
}

impl From<Vec<Variable>> for Variables {
    fn from(list: Vec<Variable>) -> Self {
        let names = list.iter().enumerate();
        let by_name = names.map(|(i, v)| (v.name.clone(), VariableId(i as u32))).collect();
        Self { list, by_name }
    }
}

impl Serialize for Variables {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(to)
    }
}

impl Variables {
    /// Variable of a name.
    pub fn find(&self, name: &str) -> Option<VariableId> {
        self.by_name.get(name).copied()
    }

    /// Adds a variable, or returns the existing one of the same name.
    pub fn add(&mut self, variable: Variable) -> VariableId {
        if let Some(id) = self.find(&variable.name) {
            return id;
        }
        let id = VariableId(self.list.len() as u32);
        self.by_name.insert(variable.name.clone(), id);
        self.list.push(variable);
        id
    }

    /// Variable of an id that this table gave out.
    pub fn get(&self, id: VariableId) -> &Variable {
        &self.list[id.0 as usize]
    }

    /// Variable of an id, to change it.
    pub fn get_mut(&mut self, id: VariableId) -> &mut Variable {
        &mut self.list[id.0 as usize]
    }

    /// All variables with their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (VariableId, &Variable)> {
        self.list.iter().enumerate().map(|(i, v)| (VariableId(i as u32), v))
    }
}

/// A piece of a complex value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// Literal text.
    Literal(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `$name` or `${name}`.
    Variable(VariableId),
    /// `$1` … `$9`.
    Capture(u8),
}

/// Text with variables.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ComplexValue {
    /// The pieces in order; neighbouring literals are one.
    pub segments: Vec<Segment>,
}

impl ComplexValue {
    /// A value without variables.
    pub fn literal(text: &[u8]) -> Self {
        let segments = if text.is_empty() { Vec::new() } else { vec![Segment::Literal(text.into())] };
        Self { segments }
    }

    /// The text of a value without variables.
    pub fn constant(&self) -> Option<&[u8]> {
        match self.segments.as_slice() {
            [] => Some(b""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Variables in the value.
    pub fn variables(&self) -> impl Iterator<Item = VariableId> + '_ {
        self.segments.iter().filter_map(|s| if let Segment::Variable(id) = s { Some(*id) } else { None })
    }

    /// The value as written in a configuration.
    pub fn display(&self, variables: &Variables) -> String {
        let mut out = String::new();
        for (i, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Literal(text) => out.push_str(&String::from_utf8_lossy(text)),
                Segment::Capture(n) => {
                    out.push('$');
                    out.push(char::from(b'0' + n));
                }
                Segment::Variable(id) => {
                    let name = &variables.get(*id).name;
                    let glued = matches!(self.segments.get(i + 1), Some(Segment::Literal(next))
                        if next.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_'));
                    let (before, after) = if glued { ("${", "}") } else { ("$", "") };
                    out.extend([before, name, after]);
                }
            }
        }
        out
    }
}
