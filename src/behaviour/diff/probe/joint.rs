//! Values of several variables at once: a `map` looks up a text with variables, and a condition may compare the result of
//! a `map` or `geo`.

use std::collections::BTreeMap;

use super::request::{Variation, variation};
use crate::behaviour::witness::place::regex_literal;
use crate::behaviour::witness::{Kind, Questions};
use crate::model::geo::GeoTable;
use crate::model::map::MapKey;
use crate::model::{ComplexValue, Config, Segment, VariableId, VariableSource};

/// Most texts of one template.
const MAX_TEXTS: usize = 40;
/// Most ways to cut one text into the values of its variables.
const MAX_CUTS: usize = 12;
/// Deepest chain of tables that is followed back.
const MAX_DEPTH: usize = 4;

/// Part of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Text(String),
    Variable(String),
}

/// Text with several variables.
pub(super) type Template = Vec<Part>;

/// Table whose results are compared: results with the texts that lead to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    source: Template,
    /// Constant result, and the key or expression that leads to it.
    entries: Vec<(String, String, Option<bool>)>,
    /// Result without a key.
    default: String,
}

/// Templates with what they are compared with, and tables by their variable.
#[derive(Clone, Debug, Default)]
pub(super) struct Joints {
    pub(super) asked: BTreeMap<Template, Questions>,
    pub(super) tables: BTreeMap<String, Table>,
}

/// The template of a value; `None` with a numbered capture in it.
pub(super) fn template(config: &Config, value: &ComplexValue) -> Option<Template> {
    let part = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(Part::Text(String::from_utf8_lossy(text).into_owned())),
        Segment::Variable(id) => Some(Part::Variable(config.http.variables.get(*id).name.clone())),
        Segment::Capture(_) => None,
    };
    value.segments.iter().map(part).collect()
}

impl Joints {
    /// Keeps the table of a variable, if the variable has one.
    pub(super) fn table(&mut self, config: &Config, id: VariableId) {
        let variable = config.http.variables.get(id);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !matches!(variable.source, VariableSource::Map(_) | VariableSource::Geo(_)) {
            return;
        }
        let table = self.tables.entry(variable.name.clone()).or_default();
        match variable.source {
            VariableSource::Map(at) => {
                let map = &config.http.maps[at];
                table.source = template(config, &map.source).unwrap_or_default();
                for entry in &map.entries {
                    let Some(result) = entry.value.constant().map(text) else { continue };
                    let (key, caseless) = match &entry.key {
                        MapKey::Exact(key) => (text(key), None),
                        MapKey::Suffix(suffix) => (format!("www{suffix}"), None),
                        MapKey::Dot(name) => (name.clone(), None),
                        MapKey::Prefix(prefix) => (format!("{prefix}test"), None),
                        MapKey::Regex { pattern, caseless } => (pattern.clone(), Some(*caseless)),
                    };
                    table.entries.push((result, key, caseless));
                }
                let default = map.default.as_ref().and_then(|default| default.value.constant());
                table.default = default.map(text).unwrap_or_default();
            }
            VariableSource::Geo(at) => {
                let geo = &config.http.geos[at];
                let source = geo.source.map(|id| config.http.variables.get(id).name.clone());
                table.source = vec![Part::Variable(source.unwrap_or_else(|| "remote_addr".to_owned()))];
                let entries: Vec<(String, String)> = match &geo.table {
                    GeoTable::Networks(networks) => networks
                        .iter()
                        .map(|(net, result)| (text(result), net.network().to_string()))
                        .collect(),
                    GeoTable::Ranges(ranges) => {
                        ranges.iter().map(|(first, _, result)| (text(result), first.to_string())).collect()
                    }
                };
                table.entries.extend(entries.into_iter().map(|(result, key)| (result, key, None)));
                table.default = text(&geo.default);
            }
            _ => {}
        }
    }

    /// Variations that give each template each of its texts, as far as requests can have them.
    pub(super) fn variations(&self, host: &str) -> Vec<Vec<Variation>> {
        let mut found = Vec::new();
        for (template, questions) in &self.asked {
            for text in self.texts(template, questions, host) {
                for one in self.ways(template, &text, MAX_DEPTH) {
                    if !one.is_empty() && !found.contains(&one) {
                        found.push(one);
                    }
                }
            }
        }
        found
    }

    /// Texts of a template that its questions tell apart.
    fn texts(&self, template: &[Part], questions: &Questions, host: &str) -> Vec<String> {
        let mut shaped = questions.clone();
        shaped.patterns.push((self.shape(template, host), false));
        let written = questions.literals.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        let made = shaped.witnesses(Kind::Value).texts.into_iter();
        let mut texts: Vec<String> =
            written.chain(made.filter_map(|text| String::from_utf8(text).ok())).collect();
        texts.dedup();
        texts.truncate(MAX_TEXTS);
        texts
    }

    /// The expression of all texts that a template can have.
    fn shape(&self, template: &[Part], host: &str) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => regex_literal(text),
            Part::Variable(name) => match name.as_str() {
                "host" | "http_host" | "server_name" => regex_literal(host),
                "request_method" => "[A-Z]+".to_owned(),
                "scheme" => "https?".to_owned(),
                "server_port" => "[0-9]+".to_owned(),
                "uri" | "document_uri" | "request_uri" => "/[a-z/]*".to_owned(),
                name => match self.tables.get(name) {
                    Some(table) => {
                        let results = table.entries.iter().map(|(result, ..)| result).chain([&table.default]);
                        let results: Vec<String> = results.map(|result| regex_literal(result)).collect();
                        format!("({})", results.join("|"))
                    }
                    None => "[ -~]*".to_owned(),
                },
            },
        };
        format!("^{}$", template.iter().map(part).collect::<String>())
    }

    /// Variations under which a template has a text; several where the text can be cut in several ways.
    fn ways(&self, template: &[Part], text: &str, depth: usize) -> Vec<Vec<Variation>> {
        let mut found = Vec::new();
        let mut cuts = Vec::new();
        cut(template, text, &mut Vec::new(), &mut cuts);
        for values in cuts {
            let mut all = vec![Vec::new()];
            for (name, value) in values {
                let of_value = self.of_value(&name, &value, depth);
                all = all
                    .iter()
                    .flat_map(|before: &Vec<Variation>| {
                        of_value.iter().map(move |more| before.iter().chain(more).cloned().collect())
                    })
                    .take(MAX_CUTS)
                    .collect();
            }
            found.extend(all);
            if found.len() >= MAX_CUTS {
                break;
            }
        }
        found
    }

    /// Variations under which a variable has a value.
    fn of_value(&self, name: &str, value: &str, depth: usize) -> Vec<Vec<Variation>> {
        let Some(table) = self.tables.get(name).filter(|_| depth > 0) else {
            return match name {
                // The address decides them.
                "scheme" | "server_port" | "server_name" => vec![Vec::new()],
                "uri" | "document_uri" | "request_uri" if !value.starts_with('/') => Vec::new(),
                "uri" | "document_uri" | "request_uri" => vec![vec![Variation::Path(value.to_owned())]],
                _ if value.is_empty() => vec![Vec::new()],
                "request_method" => vec![vec![Variation::Method(value.to_ascii_uppercase())]],
                _ => variation(name, value.to_owned()).map(|one| vec![one]).into_iter().collect(),
            };
        };
        let mut found = Vec::new();
        if table.default.eq_ignore_ascii_case(value) {
            found.push(Vec::new());
        }
        for (_, key, caseless) in table.entries.iter().filter(|(own, ..)| own.eq_ignore_ascii_case(value)) {
            let keys = match caseless {
                None => vec![key.clone()],
                Some(caseless) => {
                    let pattern = (key.clone(), *caseless);
                    let fits = crate::behaviour::witness::Pattern::new(key, *caseless);
                    let texts = Questions { literals: Vec::new(), patterns: vec![pattern] };
                    let texts = texts.witnesses(Kind::Value).texts.into_iter();
                    let texts = texts.filter(|text| fits.as_ref().is_some_and(|fits| fits.matches(text)));
                    texts.filter_map(|text| String::from_utf8(text).ok()).take(1).collect()
                }
            };
            found.extend(keys.iter().flat_map(|key| self.ways(&table.source, key, depth - 1)));
        }
        found.truncate(MAX_CUTS);
        found
    }
}

/// Ways to cut a text into the values of a template's variables.
fn cut(
    template: &[Part],
    text: &str,
    before: &mut Vec<(String, String)>,
    found: &mut Vec<Vec<(String, String)>>,
) {
    if found.len() >= 4 * MAX_CUTS {
        return;
    }
    match template {
        [] if text.is_empty() => found.push(before.clone()),
        [] => {}
        [Part::Text(own), rest @ ..] => {
            let is_begin = text.get(..own.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(own));
            if is_begin {
                cut(rest, &text[own.len()..], before, found);
            }
        }
        [Part::Variable(name), rest @ ..] => {
            for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
                if rest.is_empty() && end != text.len() {
                    continue;
                }
                before.push((name.clone(), text[..end].to_owned()));
                cut(rest, &text[end..], before, found);
                before.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_values() {
        let variable = |name: &str| Part::Variable(name.to_owned());
        let template = [variable("a"), Part::Text(":".to_owned()), variable("b")];
        let mut found = Vec::new();
        cut(&template, "x:y", &mut Vec::new(), &mut found);
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found, [vec![value("a", "x"), value("b", "y")]]);
        found.clear();
        cut(&[variable("a"), variable("b")], "xy", &mut Vec::new(), &mut found);
        assert_eq!(found.len(), 3);
        found.clear();
        cut(&template, "xy", &mut Vec::new(), &mut found);
        assert!(found.is_empty());
    }
}
