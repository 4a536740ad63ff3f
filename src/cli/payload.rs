//! The JSON of `ngxc parse` and `ngxc build`: crossplane's payload, field by field.

use serde::{Deserialize, Serialize};

/// A configuration.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    /// `ok` or `failed`.
    #[serde(default)]
    pub(super) status: String,
    /// Errors in any file.
    #[serde(default)]
    pub(super) errors: Vec<PayloadError>,
    /// The files; `includes` counts in this list, from 0.
    pub(super) config: Vec<ConfigFile>,
}

/// An error with its file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PayloadError {
    pub(super) file: String,
    pub(super) error: String,
    pub(super) line: Option<u32>,
}

/// One file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConfigFile {
    pub(super) file: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) errors: Vec<FileError>,
    pub(super) parsed: Vec<Statement>,
}

/// An error of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FileError {
    pub(super) error: String,
    pub(super) line: Option<u32>,
}

/// A directive, or a comment whose `directive` is `#`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Statement {
    /// File of the directive; only in a combined payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    pub(super) directive: String,
    #[serde(default)]
    pub(super) line: u32,
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// The text after `#`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
    /// Positions of the included files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) includes: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) block: Option<Vec<Statement>>,
}

/// True if the last argument is Lua source between braces.
pub(super) fn is_lua(directive: &str) -> bool {
    directive.ends_with("_by_lua_block")
}
