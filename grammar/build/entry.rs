//! An entry as written in `grammar/*.toml`; `grammar/README.md` explains each field.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Defaults that stand above the entries of a file under `directives/`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub module: Option<String>,
    pub project: Option<String>,
    pub tier: Option<Tier>,
    pub doc: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directive {
    pub name: String,
    pub module: Option<String>,
    pub tier: Option<Tier>,
    pub contexts: Vec<String>,
    pub args: Option<String>,
    pub plus_args: Option<String>,
    pub body: Option<String>,
    pub kind: Option<Kind>,
    pub grammar: Option<String>,
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub words_since: BTreeMap<String, String>,
    #[serde(default)]
    pub words_obsolete: Vec<ObsoleteWord>,
    pub bounds: Option<(i64, i64)>,
    pub variables: Option<Vec<u8>>,
    pub defines: Option<u8>,
    pub default: Option<String>,
    #[serde(default)]
    pub old_defaults: Vec<OldDefault>,
    #[serde(default)]
    pub contexts_since: BTreeMap<String, String>,
    #[serde(default)]
    pub contexts_until: BTreeMap<String, String>,
    #[serde(default)]
    pub old_args: Vec<OldArgs>,
    #[serde(default)]
    pub old_kinds: Vec<OldKind>,
    pub duplicate: Option<Duplicate>,
    pub inherit: Option<Inheritance>,
    pub inherit_group: Option<String>,
    #[serde(default)]
    pub if_inherit: bool,
    #[serde(default)]
    pub content_handler: bool,
    pub since: Option<String>,
    pub backported: Option<String>,
    pub plus_only_before: Option<String>,
    pub obsolete: Option<String>,
    pub removed: Option<String>,
    pub replacement: Option<String>,
    pub platform: Option<String>,
    pub runtime: Option<Runtime>,
    #[serde(default)]
    pub syntax: Vec<String>,
    pub sample: Option<String>,
    pub doc: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Variable {
    pub name: String,
    pub subsystem: Subsystem,
    pub module: String,
    pub tier: Option<Tier>,
    #[serde(default)]
    pub prefix: bool,
    #[serde(default)]
    pub settable: bool,
    #[serde(default)]
    pub nocacheable: bool,
    #[serde(default)]
    pub deprecated: bool,
    #[serde(default)]
    pub internal: bool,
    #[serde(default)]
    pub log_only: bool,
    pub since: Option<String>,
    #[serde(default)]
    pub doc: String,
}

/// The file `versions.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    pub newest: String,
    #[serde(default)]
    pub date: String,
    pub releases: BTreeMap<String, String>,
    #[serde(default)]
    pub change: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub version: String,
    pub kind: ChangeKind,
    pub directives: Vec<String>,
    pub old: Option<String>,
    pub new: Option<String>,
    pub cve: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldDefault {
    pub until: String,
    pub value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldArgs {
    pub until: String,
    pub args: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldKind {
    pub until: String,
    pub kind: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObsoleteWord {
    pub word: String,
    pub since: String,
    pub replacement: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    OpenSource,
    Plus,
    External,
    ThirdParty,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Duplicate {
    Reject,
    Accumulate,
    Unique,
    Last,
    First,
    Idempotent,
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Inheritance {
    Override,
    Array,
    None,
    Global,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    Executed,
    Ignored(String),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    None,
    Flag,
    Num,
    Size,
    Offset,
    Msec,
    Sec,
    Time,
    Bufs,
    Enum,
    Bitmask,
    String,
    Strings,
    Complex,
    ComplexSize,
    Predicate,
    KeyValue,
    Bind,
    Access,
    PathLevels,
    Path,
    File,
    Uri,
    MimeTypes,
    Glob,
    Block,
    Listen,
    Obsolete,
    Unknown,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Subsystem {
    Http,
    Stream,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    Default,
    Behaviour,
    Restriction,
    Deprecated,
    Removed,
    Security,
    Fix,
}
