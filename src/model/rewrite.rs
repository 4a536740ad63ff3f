//! Instructions of the rewrite phase (`ngx_http_rewrite_module`), in the order they are executed.

use serde::{Deserialize, Serialize};

use super::value::{ComplexValue, VariableId};
use crate::source::Span;

/// An instruction of the rewrite module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Instruction {
    /// `return`
    Return(Return),
    /// `set $variable value`
    Set {
        /// The variable.
        variable: VariableId,
        /// New value of the variable.
        value: ComplexValue,
        /// The directive.
        span: Span,
    },
    /// `if (…) { … }`: the block is the inner location at this position.
    If {
        /// Position in `inner` of the location, or in `locations` of the server.
        inner: usize,
        /// Condition of the block.
        condition: Condition,
        /// The directive's head.
        span: Span,
    },
    /// `rewrite`
    Rewrite(Rewrite),
    /// `break`
    Break(Span),
    /// Instruction that could not be understood; a diagnostic reports it.
    Other(#[serde(with = "super::serial::word")] super::serial::word::AcceptedWord, Span),
}

/// `rewrite regex replacement [flag]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The pattern as written.
    pub pattern: String,
    /// Replacement; unless it is a redirect, only up to its first `?`.
    pub replacement: ComplexValue,
    /// Arguments: the text after the first `?`, if there is one. A redirect keeps them in `replacement`.
    pub args: Option<ComplexValue>,
    /// The replacement has a `?`: the request's arguments are appended with `&`.
    pub has_args: bool,
    /// The request's arguments are appended; a `?` at the end of the replacement prevents this.
    pub keeps_args: bool,
    /// Action after the replacement.
    pub flag: RewriteFlag,
    /// The directive.
    pub span: Span,
}

/// Action after a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewriteFlag {
    /// Go on with the next instruction.
    Next,
    /// `last`: find the location anew.
    Last,
    /// `break`: stay in the location.
    Break,
    /// `redirect`, `permanent`, or a replacement that begins with a scheme: status 302 or 301.
    Redirect(u16),
}

/// The condition of `if`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// `$variable`: neither empty nor `0`.
    True(VariableId),
    /// `$variable = text`, or `!=` if negated.
    Equal {
        /// The left side.
        variable: VariableId,
        /// The right side.
        text: ComplexValue,
        /// `!=`
        negated: bool,
    },
    /// `$variable ~ regex`, `~*`, `!~`, `!~*`
    Match {
        /// The left side.
        variable: VariableId,
        /// The pattern as written.
        pattern: String,
        /// `~*`
        caseless: bool,
        /// `!~`
        negated: bool,
    },
    /// `-f`, `-d`, `-e`, `-x`
    File {
        /// Kind of the test.
        test: FileTest,
        /// Path of the file; relative to the prefix.
        path: ComplexValue,
        /// `!-f`
        negated: bool,
    },
    /// Condition that could not be understood; a diagnostic reports it.
    Invalid,
}

/// Kinds of file tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileTest {
    /// `-f`
    File,
    /// `-d`
    Directory,
    /// `-e`
    Exists,
    /// `-x`
    Executable,
}

/// `return code [text]`, `return code URL`, `return URL`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Status, 0 ..= 999; 444 closes the connection.
    pub status: u16,
    /// Body, or for 301, 302, 303, 307 and 308 the target of the redirect.
    pub text: Option<ComplexValue>,
    /// The directive.
    pub span: Span,
}
