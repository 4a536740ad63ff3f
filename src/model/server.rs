//! Virtual servers.

use serde::{Deserialize, Serialize};

use super::http_settings::HttpSettings;
use super::listen::Listen;
use super::location::Location;
use super::rewrite::Instruction;
use crate::source::Span;

/// A pattern of `server_name` (`ngx_http_core_server_name`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ServerName {
    /// `example.com`, also the empty name; lower case.
    Exact(String),
    /// `*.example.com`: any name that ends with the suffix, which begins with a dot.
    WildcardHead(String),
    /// `.example.com`: the name itself and all names below; without the leading dot.
    DotHead(String),
    /// `www.example.*`: any name that begins with the prefix, which ends with a dot.
    WildcardTail(String),
    /// `~regex`, without the tilde.
    Regex(String),
}

impl std::fmt::Display for ServerName {
    /// Writes the name as in `server_name`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerName::Exact(name) => f.write_str(name),
            ServerName::WildcardHead(suffix) => write!(f, "*{suffix}"),
            ServerName::DotHead(name) => write!(f, ".{name}"),
            ServerName::WildcardTail(prefix) => write!(f, "{prefix}*"),
            ServerName::Regex(pattern) => write!(f, "~{pattern}"),
        }
    }
}

/// `server { … }` in `http`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    /// The block's head.
    pub span: Span,
    /// Addresses; never empty.
    pub listen: Vec<Listen>,
    /// Names in source order; the first is `$server_name`. Never empty: a server without `server_name` has the empty
    /// name.
    pub names: Vec<ServerName>,
    /// Settings in force unless a location overrides them.
    pub settings: HttpSettings,
    /// `return`, `rewrite`, `set` and `if` of the server level in order.
    pub instructions: Vec<Instruction>,
    /// Locations in source order, and the server level's `if` blocks.
    pub locations: Vec<Location>,
}
