//! Values split at their variables, before the names are looked up.

use crate::compile::wording;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Piece of a value before its names are resolved.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::compile) enum Piece<'a> {
    Literal(&'a [u8]),
    Capture(u8),
    Variable(&'a [u8]),
}

/// Fault of a `$`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::compile) enum Fault<'a> {
    /// No name follows the `$`.
    NoName,
    /// A `${` has no `}`.
    Unclosed(&'a [u8]),
}

impl Fault<'_> {
    pub(super) fn diagnostic(&self, shown: &str, span: Span) -> Diagnostic {
        match self {
            Fault::NoName => Diagnostic::error(
                "invalid-variable",
                span,
                format!("a `$` in `{}` is not followed by a variable name", wording::abbreviate(shown)),
            )
            .label("expected a name after `$`")
            .help("nginx has no escape for `$`; a `geo $dollar { default \"$\"; }` gives one")
            .nginx("invalid variable name"),
            Fault::Unclosed(name) => {
                let name = String::from_utf8_lossy(name).into_owned();
                Diagnostic::error("invalid-variable", span, format!("`${{{name}` has no closing `}}`"))
                    .label("expected `}`")
                    .help(format!("write `${{{name}}}`"))
                    .nginx(format!("the closing bracket in \"{name}\" variable is missing"))
            }
        }
    }
}

/// Splits a value at its variables.
pub(in crate::compile) fn pieces(text: &[u8]) -> Result<Vec<Piece<'_>>, Fault<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        if dollar > 0 {
            pieces.push(Piece::Literal(&rest[..dollar]));
        }
        rest = &rest[dollar + 1..];
        match rest.first() {
            Some(digit @ b'1'..=b'9') => {
                pieces.push(Piece::Capture(digit - b'0'));
                rest = &rest[1..];
            }
            Some(b'{') => {
                let end = name_length(&rest[1..]);
                let name = &rest[1..=end];
                if rest.get(end + 1) != Some(&b'}') {
                    return Err(if rest.len() == 1 { Fault::NoName } else { Fault::Unclosed(name) });
                }
                if name.is_empty() {
                    return Err(Fault::NoName);
                }
                pieces.push(Piece::Variable(name));
                rest = &rest[end + 2..];
            }
            _ => {
                let (name, after) = rest.split_at(name_length(rest));
                if name.is_empty() {
                    return Err(Fault::NoName);
                }
                pieces.push(Piece::Variable(name));
                rest = after;
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

pub(super) fn name_length(text: &[u8]) -> usize {
    text.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_split_as_ngx_http_script_compile_splits_them() {
        use Piece::{Capture, Literal, Variable};
        let cases: &[(&str, Result<Vec<Piece<'_>>, Fault<'_>>)] = &[
            ("", Ok(vec![])),
            ("text", Ok(vec![Literal(b"text")])),
            ("$host", Ok(vec![Variable(b"host")])),
            ("${host}x", Ok(vec![Variable(b"host"), Literal(b"x")])),
            (
                "http://$host$uri?a=$arg_a",
                Ok(vec![
                    Literal(b"http://"),
                    Variable(b"host"),
                    Variable(b"uri"),
                    Literal(b"?a="),
                    Variable(b"arg_a"),
                ]),
            ),
            ("$1$2x", Ok(vec![Capture(1), Capture(2), Literal(b"x")])),
            ("$10", Ok(vec![Capture(1), Literal(b"0")])),
            ("$0", Ok(vec![Variable(b"0")])),
            ("a$", Err(Fault::NoName)),
            ("$-", Err(Fault::NoName)),
            ("${", Err(Fault::NoName)),
            ("${}", Err(Fault::NoName)),
            ("${host", Err(Fault::Unclosed(b"host"))),
            ("${ho-st}", Err(Fault::Unclosed(b"ho"))),
        ];
        for (text, expected) in cases {
            assert_eq!(pieces(text.as_bytes()), *expected, "{text}");
        }
    }
}
