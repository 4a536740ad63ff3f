//! Kinds of settings' values: the reader and the schema of each.

use std::collections::BTreeMap;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use crate::catalog::{closest, release};
use crate::lint::{self, Profile};
use crate::{diagnostic, syntax};

/// Fault of a value, and its place in the text.
pub(super) struct ValueFault {
    /// Offset in the text.
    pub(super) at: usize,
    /// The value that was found, and the one that was expected.
    pub(super) message: String,
}

/// A kind of value.
pub(super) trait Value: Sized {
    /// Reads it.
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault>;

    /// JSON schema of the value.
    fn schema() -> serde_json::Value;
}

fn wrong(value: &Spanned<DeValue<'_>>, message: impl Into<String>) -> ValueFault {
    ValueFault { at: value.span().start, message: message.into() }
}

fn expected(value: &Spanned<DeValue<'_>>, what: &str) -> ValueFault {
    wrong(value, format!("expected {what}, found {}", found(value.get_ref())))
}

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("`{text}`"),
        other => format!("a value of the kind {}", other.type_str()),
    }
}

fn text<'v>(value: &'v Spanned<DeValue<'_>>, what: &str) -> Result<&'v str, ValueFault> {
    value.get_ref().as_str().ok_or_else(|| expected(value, what))
}

impl Value for String {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        text(value, "a text in quotes").map(str::to_owned)
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string" })
    }
}

impl<T: Value> Value for Option<T> {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        T::read(value).map(Some)
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        let list = value.get_ref().as_array().ok_or_else(|| expected(value, "a list in `[` and `]`"))?;
        list.iter().map(T::read).collect()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl<T: Value + Keyed> Value for BTreeMap<String, T> {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        let table = value.get_ref().as_table().ok_or_else(|| expected(value, "a table"))?;
        let mut map = Self::new();
        for (name, value) in table {
            T::check(name.get_ref()).map_err(|message| ValueFault { at: name.span().start, message })?;
            map.insert(name.get_ref().clone().into_owned(), T::read(value)?);
        }
        Ok(map)
    }

    fn schema() -> serde_json::Value {
        let names = T::names();
        if names.is_empty() {
            return json!({ "type": "object", "additionalProperties": T::schema() });
        }
        let properties: serde_json::Map<String, serde_json::Value> = names
            .into_iter()
            .map(|(name, docs)| {
                let mut schema = T::schema();
                schema["description"] = docs.into();
                (name, schema)
            })
            .collect();
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }
}

/// Meaning of the names in a table.
pub(super) trait Keyed {
    /// Says what is wrong with a name.
    fn check(_name: &str) -> Result<(), String> {
        Ok(())
    }

    /// Every name that there can be, with what it is; none if any name will do.
    fn names() -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Keyed for String {}

/// A version of nginx as it was written; one that there is.
#[derive(Clone, Debug)]
pub struct VersionName(pub String);

impl Value for VersionName {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        let name = text(value, "a version in quotes, as \"1.28.0\"")?;
        release(name).map_err(|message| wrong(value, message))?;
        Ok(Self(name.to_owned()))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$" })
    }
}

/// Reads one of a few words; says which one was probably meant.
fn choice<T: Copy>(value: &Spanned<DeValue<'_>>, words: &[(&'static str, T)]) -> Result<T, ValueFault> {
    let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let all = format!("one of {}", all.join(", "));
    let word = text(value, &all)?;
    if let Some((_, choice)) = words.iter().find(|(known, _)| *known == word) {
        return Ok(*choice);
    }
    let near = closest(word.as_bytes(), words.iter().map(|(known, _)| *known));
    Err(match near {
        Some(near) => wrong(value, format!("`{word}` is none of the words here; did you mean `{near}`?")),
        None => expected(value, &all),
    })
}

fn words<T>(words: &[(&'static str, T)]) -> serde_json::Value {
    json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
}

impl Value for Profile {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        choice(value, &Profile::NAMES)
    }

    fn schema() -> serde_json::Value {
        words(&Profile::NAMES)
    }
}

/// The level of a rule, a category or a diagnostic; `None` is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub Option<diagnostic::Level>);

impl Value for Level {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        choice(value, &lint::LEVELS).map(Self)
    }

    fn schema() -> serde_json::Value {
        words(&lint::LEVELS)
    }
}

impl Keyed for Level {
    fn check(name: &str) -> Result<(), String> {
        lint::check_name(name)
    }

    fn names() -> Vec<(String, String)> {
        lint::all_names().map(|(name, docs)| (name.to_owned(), docs)).collect()
    }
}

/// Names of rules, categories and diagnostics.
#[derive(Clone, Debug, Default)]
pub struct Names(pub Vec<String>);

impl Value for Names {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        let list = value.get_ref().as_array().ok_or_else(|| expected(value, "a list of names"))?;
        let name = |value: &Spanned<DeValue<'_>>| {
            let name = text(value, "the name of a rule in quotes")?;
            lint::check_name(name).map_err(|message| wrong(value, message))?;
            Ok(name.to_owned())
        };
        list.iter().map(name).collect::<Result<_, ValueFault>>().map(Self)
    }

    fn schema() -> serde_json::Value {
        let names: Vec<&str> = lint::all_names().map(|(name, _)| name).collect();
        json!({ "type": "array", "items": { "enum": names } })
    }
}

impl Keyed for Names {}

/// Values by name, as `envsubst` knows them. A number stands for its digits.
#[derive(Clone, Debug, Default)]
pub struct Definitions(pub BTreeMap<String, String>);

impl Value for Definitions {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        let table = value.get_ref().as_table().ok_or_else(|| expected(value, "a table"))?;
        let mut all = BTreeMap::new();
        for (name, value) in table {
            if !syntax::Templates::is_name(name.get_ref()) {
                let message =
                    format!("`{name}` is no name: expected letters, digits and `_`", name = name.get_ref());
                return Err(ValueFault { at: name.span().start, message });
            }
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Boolean(word) => word.to_string(),
                _ => return Err(expected(value, "a text in quotes, or a number")),
            };
            all.insert(name.get_ref().clone().into_owned(), text);
        }
        Ok(Self(all))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": { "type": ["string", "integer", "boolean"] } })
    }
}

/// The language of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language(pub syntax::Language);

impl Value for Language {
    fn read(value: &Spanned<DeValue<'_>>) -> Result<Self, ValueFault> {
        choice(value, &syntax::Language::OPTIONS).map(Self)
    }

    fn schema() -> serde_json::Value {
        words(&syntax::Language::OPTIONS)
    }
}
