//! `map` blocks (`ngx_http_map_module`).

use serde::{Deserialize, Serialize};

use super::value::{ComplexValue, VariableId};
use crate::source::Span;

/// Key of a `map` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MapKey {
    /// A string, compared case-insensitively.
    Exact(#[serde(with = "super::serial::text")] Box<[u8]>),
    /// `*.example.com`, with `hostnames`: the suffix with its dot.
    Suffix(String),
    /// `.example.com`, with `hostnames`: without the leading dot.
    Dot(String),
    /// `example.*`, with `hostnames`: the prefix with its dot.
    Prefix(String),
    /// `~regex`, `~*regex`
    Regex {
        /// The pattern without the tilde.
        pattern: String,
        /// `~*`
        caseless: bool,
    },
}

/// An entry of a `map`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapEntry {
    /// Key of the entry.
    pub key: MapKey,
    /// The result.
    pub value: ComplexValue,
    /// The entry.
    pub span: Span,
}

/// `map source $variable { … }`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Text to look up.
    pub source: ComplexValue,
    /// Variable that the block defines.
    pub variable: VariableId,
    /// Entries in source order, `default` left out.
    pub entries: Vec<MapEntry>,
    /// `default`, else empty.
    pub default: Option<MapDefault>,
    /// `hostnames`
    pub hostnames: bool,
    /// `volatile`
    pub volatile: bool,
    /// The block's head.
    pub span: Span,
}

/// The `default` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapDefault {
    /// The result.
    pub value: ComplexValue,
    /// The entry.
    pub span: Span,
}
