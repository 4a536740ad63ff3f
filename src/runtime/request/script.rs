//! The instructions of a level with their patterns compiled: `rewrite`, `return`, `set`, `if` and `break`.

use crate::eval::regex::Regex;
use crate::eval::select::LocationId;
use crate::model::rewrite::{Condition, Return, Rewrite};
use crate::model::{ComplexValue, VariableId};

/// Instructions with their patterns compiled.
#[derive(Debug, Default)]
pub(crate) struct Script(pub(crate) Vec<Code>);

#[derive(Debug)]
pub(crate) enum Code {
    Return(Return),
    Set(VariableId, ComplexValue),
    If(Test, LocationId),
    Rewrite(Regex, Rewrite),
    Break,
    /// Reported when the configuration was compiled.
    Invalid,
}

#[derive(Debug)]
pub(crate) enum Test {
    Other(Condition),
    Match(VariableId, Regex, String, bool),
}
