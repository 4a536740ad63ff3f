//! Instructions of the rewrite phase (`ngx_http_rewrite_module`), in the order they are executed.

use super::value::{ComplexValue, VariableId};
use crate::source::Span;

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// `return`
    Return(Return),
    /// `set $variable value`
    Set {
        /// The variable.
        variable: VariableId,
        /// Its new value.
        value: ComplexValue,
        /// The directive.
        span: Span,
    },
    /// `if (…) { … }`: the block is the inner location at this position.
    If {
        /// Position in `inner` of the location, or in `locations` of the server.
        inner: usize,
        /// The directive's head.
        span: Span,
    },
    /// `rewrite` and `break`, which only nginx executes so far.
    Other(&'static str, Span),
}

/// `return code [text]`, `return code URL`, `return URL`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// Status, 0 ..= 999; 444 closes the connection.
    pub status: u16,
    /// Body, or for 301, 302, 303, 307 and 308 the target of the redirection.
    pub text: Option<ComplexValue>,
    /// The directive.
    pub span: Span,
}
