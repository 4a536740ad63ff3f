//! `return`, `set`, `rewrite`, `break`, and the condition of `if` (`ngx_http_rewrite_module.c`).

use super::directive::Directive;
use super::scope::Compiler;
use super::{argument, value};
use crate::model::rewrite::{Instruction, Return};
use crate::model::value::VariableSource;

/// The instruction of a directive; `None` if it is none.
pub(super) fn instruction(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Instruction> {
    let span = directive.span();
    Some(match directive.name() {
        "return" => match return_(cx, directive) {
            Some(result) => Instruction::Return(result),
            None => Instruction::Other("return", span),
        },
        "set" => {
            let value = value::argument(cx, directive, 2);
            match value::define(cx, directive, 1, VariableSource::Set) {
                Some(variable) => Instruction::Set { variable, value, span },
                None => Instruction::Other("set", span),
            }
        }
        "rewrite" => {
            value::define_captures(cx, &directive.arg(1), directive.arg_span(1));
            value::argument(cx, directive, 2);
            Instruction::Other("rewrite", span)
        }
        "break" => Instruction::Other("break", span),
        _ => return None,
    })
}

/// `ngx_http_rewrite_return`: a status with a text or a target, or a target alone, which means 302.
fn return_(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Return> {
    let first = directive.arg(1);
    let span = directive.span();
    let Some(status) = argument::digits(&first) else {
        let is_url = [&b"http://"[..], b"https://", b"$scheme"]
            .iter()
            .any(|p| first.len() >= p.len() && first[..p.len()].eq_ignore_ascii_case(p));
        if directive.len() == 1 && is_url {
            return Some(Return { status: 302, text: Some(value::argument(cx, directive, 1)), span });
        }
        invalid_code(
            cx,
            directive,
            "a status code, or a URL that begins with `http://`, `https://` or `$scheme`",
        );
        return None;
    };
    let Some(status) = u16::try_from(status).ok().filter(|&s| s <= 999) else {
        invalid_code(cx, directive, "a status code from 0 to 999");
        return None;
    };
    let text = (directive.len() == 2).then(|| value::argument(cx, directive, 2));
    Some(Return { status, text, span })
}

fn invalid_code(cx: &mut Compiler<'_>, directive: &Directive<'_>, expected: &str) {
    let nginx = format!("invalid return code \"{}\"", directive.text(1));
    argument::invalid(cx, directive, 1, expected, &nginx);
}

/// Notes the variables and captures of a condition.
pub(super) fn condition(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let mut is_pattern = false;
    for (n, text) in directive.args_from(1) {
        let text = text.strip_prefix(b"(").filter(|_| n == 1).unwrap_or(&text);
        let text = text.strip_suffix(b")").filter(|_| n == directive.len()).unwrap_or(text);
        if is_pattern {
            value::define_captures(cx, text, directive.arg_span(n));
        } else if text.contains(&b'$') {
            value::text(cx, text, directive.arg_span(n));
        }
        is_pattern = matches!(text, b"~" | b"~*" | b"!~" | b"!~*");
    }
}
