//! Virtual servers.

use serde::{Deserialize, Serialize};

use super::rewrite::Instruction;
use super::{HttpSettings, Listen, Location};
use crate::source::Span;

/// A pattern of `server_name` (`ngx_http_core_server_name`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerName {
    /// `example.com`, also the empty name; lower case.
    Exact(String),
    /// `*.example.com`: any name that ends with the suffix, which begins with a dot.
    WildcardHead(String),
    /// `.example.com`: the name itself and any below it; without the leading dot.
    DotHead(String),
    /// `www.example.*`: any name that begins with the prefix, which ends with a dot.
    WildcardTail(String),
    /// `~regex`, without the tilde.
    Regex(String),
}

/// `server { … }` in `http`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Server {
    /// The block's head.
    pub span: Span,
    /// Where it listens; never empty.
    pub listen: Vec<Listen>,
    /// Its names in source order; the first is `$server_name`. Never empty: a server without
    /// `server_name` has the empty name.
    pub names: Vec<ServerName>,
    /// What holds where no location says otherwise.
    pub settings: HttpSettings,
    /// `return`, `rewrite`, `set` and `if` of the server level in order.
    pub instructions: Vec<Instruction>,
    /// Locations in source order, and the blocks of the server level's `if`s.
    pub locations: Vec<Location>,
}
