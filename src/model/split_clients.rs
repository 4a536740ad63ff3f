//! `split_clients` blocks (`ngx_http_split_clients_module`).

use serde::{Deserialize, Serialize};

use super::value::{ComplexValue, VariableId};
use crate::source::Span;

/// An entry of a `split_clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Share in hundredths of a percent, 1 ..= 10000; 0 stands for `*`, as in nginx.
    pub percent: u32,
    /// Value of the variable; variables in it are not evaluated.
    #[serde(with = "super::serial::text")]
    pub value: Box<[u8]>,
    /// The entry.
    pub span: Span,
}

/// `split_clients key $variable { … }`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitClients {
    /// Text to hash.
    pub key: ComplexValue,
    /// Variable that the block defines.
    pub variable: VariableId,
    /// Entries in source order; the shares add up to at most 10000.
    pub buckets: Vec<Bucket>,
    /// The block's head.
    pub span: Span,
}
