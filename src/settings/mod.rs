//! `ngxc.toml`: what the settings file nearest to a configuration tells every command.
//!
//! One declaration gives the reading, the schema for editors and the page `docs/settings.md`.

mod value;

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::catalog::{Release, closest, release};
use crate::lint::{Category, Profile, Settings};
pub use value::{Definitions, Language, Level, Names, VersionName};
use value::{Value, ValueFault};

/// One setting, for the schema and the page.
pub struct Key {
    /// Name of the setting in the file.
    pub name: &'static str,
    /// An older spelling that is read as well.
    pub alias: Option<&'static str>,
    /// Description, one line after the other.
    pub docs: &'static [&'static str],
    /// Example of the setting in the file.
    pub example: &'static str,
    /// The JSON schema of its value.
    pub schema: fn() -> serde_json::Value,
}

/// Declares the settings: field, type, name, perhaps an older spelling, and an example.
macro_rules! settings_file {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $name:literal $(or $alias:literal)?, $example:literal;)+) => {
        /// The text of `ngxc.toml`, read.
        #[derive(Clone, Debug, Default)]
        pub struct File {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        /// Every setting, in the order of the page.
        pub const KEYS: &[Key] = &[$(Key {
            name: $name,
            alias: first(&[$($alias)?]),
            docs: &[$($doc),+],
            example: $example,
            schema: <$type as Value>::schema,
        }),+];

        impl File {
            /// Sets the setting of a name; false if there is none.
            fn set(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<bool, ValueFault> {
                match name {
                    $($name $(| $alias)? => self.$field = Value::read(value)?,)+
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
}

/// The only one, if there is one.
const fn first(of: &[&'static str]) -> Option<&'static str> {
    match of {
        [one, ..] => Some(*one),
        [] => None,
    }
}

settings_file! {
    /// The nginx that the configurations are meant for: `1.28.0`, or `1.28` for the newest 1.28.x.
    nginx_version: Option<VersionName> = "nginx-version" or "nginx_version", "\"1.28.0\"";
    /// The rules of `lint` to start from: `reuse`, `recommended` or `strict`.
    profile: Option<Profile> = "profile", "\"recommended\"";
    /// The level of each rule, category or diagnostic: `error`, `warning`, `info`, `off`. A rule comes before its category.
    rules: BTreeMap<String, Level> = "rules", "{ reuse = \"error\", connection-close-sent = \"off\" }";
    /// Findings that are not told, by pattern of files, relative to the settings file: names of rules, categories and diagnostics.
    allow: BTreeMap<String, Names> = "allow", "{ \"legacy/**\" = [\"upstream-not-pooled\"] }";
    /// Patterns of files that are left out where a directory is named, relative to the settings file.
    exclude: Vec<String> = "exclude", "[\"vendor/**\"]";
    /// Main files whose includes are looked through for files that are named alone; patterns, relative to the settings file.
    roots: Vec<String> = "roots", "[\"nginx.conf\"]";
    /// Directory of relative includes, otherwise the directory of the main file; relative to the settings file.
    prefix: Option<String> = "prefix", "\"etc/nginx\"";
    /// Directories that lie elsewhere on this machine, relative to the settings file.
    path_map: BTreeMap<String, String> = "path-map" or "path_map", "{ \"/etc/nginx\" = \"nginx\" }";
    /// Files of directives and variables of your own modules, relative to the settings file.
    directives: Vec<String> = "directives", "[\"house.toml\"]";
    /// Values of `$NAME` and `${NAME}` in templates.
    define: Definitions = "define", "{ PORT = 8080 }";
    /// Files of lines `NAME=value`, relative to the settings file; `define` comes first.
    env_file: Vec<String> = "env-file" or "env_file", "[\".env\"]";
    /// The language of templates that are looked through: `envsubst`, `jinja`, `go`, `erb`, `terraform`.
    template: Option<Language> = "template", "\"jinja\"";
    /// The baseline of `lint`, relative to the settings file.
    baseline: Option<String> = "baseline", "\"known.json\"";
}

/// Fault of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The text that was found there, and the one that was expected.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl File {
    /// Reads the text of `ngxc.toml`.
    ///
    /// # Errors
    /// If it is not TOML, has a setting or word that there is not, names a rule that there is not, or a version that is
    /// none; says what was probably meant.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let problem = |at: usize, message: String| {
            let before = &text.as_bytes()[..at.min(text.len())];
            Problem { line: 1 + memchr::memchr_iter(b'\n', before).count(), message }
        };
        let table = DeTable::parse(text).map_err(|error| {
            problem(error.span().map_or(0, |span| span.start), error.message().to_owned())
        })?;
        let mut file = File::default();
        let mut set: Vec<&str> = Vec::new();
        for (name, value) in table.get_ref() {
            let at = name.span().start;
            let known = file.set(name.get_ref(), value).map_err(|wrong| problem(wrong.at, wrong.message))?;
            let key = KEYS.iter().find(|k| k.name == *name.get_ref() || k.alias == Some(name.get_ref()));
            let Some(key) = key.filter(|_| known) else { return Err(problem(at, unknown(name.get_ref()))) };
            if set.contains(&key.name) {
                return Err(problem(at, format!("`{}` is set twice", key.name)));
            }
            set.push(key.name);
        }
        Ok(file)
    }

    /// The release that it names, and whether that is newer than the data.
    pub fn release(&self) -> Option<Release> {
        // `parse` has checked it.
        release(&self.nginx_version.as_ref()?.0).ok()
    }

    /// The levels it asks for; `profile` of the command line comes before its own. A rule's own level comes before
    /// that of its category.
    ///
    /// # Errors
    /// If it names a rule that there is not.
    pub fn settings(&self, profile: Option<Profile>) -> Result<Settings, String> {
        let mut settings = Settings::of(profile.or(self.profile).unwrap_or_default());
        let is_category = |name: &str| Category::ALL.iter().any(|c| c.name() == name);
        let (categories, rules): (Vec<_>, Vec<_>) =
            self.rules.iter().partition(|(name, _)| is_category(name));
        for (name, level) in categories.into_iter().chain(rules) {
            settings.set(name, level.0)?;
        }
        Ok(settings)
    }
}

fn unknown(name: &str) -> String {
    let names = || KEYS.iter().map(|k| k.name);
    if let Some(near) = closest(name.as_bytes(), names()) {
        return format!("no setting is called `{name}`; did you mean `{near}`?");
    }
    let all: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    format!("no setting is called `{name}`; expected one of {}", all.join(", "))
}

/// The JSON schema of the file, for editors.
pub fn schema() -> serde_json::Value {
    let mut properties = serde_json::Map::new();
    for key in KEYS {
        let mut value = (key.schema)();
        value["description"] = key.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").into();
        if let Some(alias) = key.alias {
            let mut older = value.clone();
            older["description"] = format!("an older spelling of `{}`", key.name).into();
            properties.insert(alias.to_owned(), older);
        }
        properties.insert(key.name.to_owned(), value);
    }
    serde_json::json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "ngxc.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
