//! `return`, `set`, `rewrite`, `break`, and the condition of `if` (`ngx_http_rewrite_module.c`).

use super::argument::refuse;
use super::checks::Check;
use super::directive::Directive;
use super::scope::Compiler;
use super::{argument, regex, value};
use crate::model::rewrite::{Instruction, Return};
use crate::model::value::VariableSource;

pub(super) const CHECKS: &[(&str, Check)] = &[("rewrite", rewrite)];

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
        let is_url = [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| first.starts_with(p));
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

/// The condition of `if` (`ngx_http_rewrite_if_condition`); notes its variables and captures.
pub(super) fn condition(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let mut words: Vec<(usize, Vec<u8>)> = directive.args_from(1).map(|(n, w)| (n, w.into_owned())).collect();
    let invalid = |cx: &mut Compiler<'_>, n: usize, text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let expected = "`($variable)`, `($variable = text)`, `($variable ~ pattern)` or `(-f file)`";
        argument::invalid(cx, directive, n, expected, &format!("invalid condition \"{text}\""));
    };
    if words[0].1.first() != Some(&b'(') {
        return invalid(cx, 1, &words[0].1);
    }
    let mut current = 0;
    if words[0].1.len() == 1 {
        current = 1;
    } else {
        words[0].1.remove(0);
    }
    let mut last = words.len() - 1;
    if words[last].1.last() != Some(&b')') {
        return invalid(cx, words[last].0, &words[last].1);
    }
    if words[last].1.len() > 1 {
        words[last].1.pop();
    } else if last > current {
        last -= 1;
    } else {
        // Nothing between the parentheses.
        return invalid(cx, words[last].0, b")");
    }
    let Some((n, first)) = words.get(current) else { return invalid(cx, 1, b"") };
    if first.len() > 1 && first[0] == b'$' {
        if current != last && current + 2 != last {
            return invalid(cx, *n, first);
        }
        value::reference(cx, &first[1..], directive.arg_span(*n));
        if current == last {
            return;
        }
        let (n, operator) = &words[current + 1];
        let (at, right) = &words[last];
        match &operator[..] {
            b"=" | b"!=" => {
                value::text(cx, right, directive.arg_span(*at));
            }
            b"~" | b"~*" | b"!~" | b"!~*" => {
                value::define_captures(cx, right, directive.arg_span(*at));
                regex::check(cx, right, operator.ends_with(b"*"), directive.arg_span(*at));
            }
            _ => {
                let nginx = format!("unexpected \"{}\" in condition", String::from_utf8_lossy(operator));
                argument::invalid(cx, directive, *n, "`=`, `!=`, `~`, `~*`, `!~` or `!~*`", &nginx);
            }
        }
        return;
    }
    let test = first.strip_prefix(b"!").unwrap_or(first);
    if test.len() != 2
        || test[0] != b'-'
        || current + 1 != last
        || !matches!(test[1], b'f' | b'd' | b'e' | b'x')
    {
        return invalid(cx, *n, first);
    }
    let (at, file) = &words[last];
    value::text(cx, file, directive.arg_span(*at));
}

/// `rewrite regex replacement [flag]` (`ngx_http_rewrite`).
fn rewrite<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
    if directive.arg(2).is_empty() {
        return refuse(cx, directive, 2, "a replacement", "empty replacement");
    }
    if !regex::check(cx, &directive.arg(1), false, directive.arg_span(1)) {
        return false;
    }
    if directive.len() < 3 || matches!(&*directive.arg(3), b"last" | b"break" | b"redirect" | b"permanent") {
        return true;
    }
    let nginx = format!("invalid parameter \"{}\"", directive.text(3));
    refuse(cx, directive, 3, "`last`, `break`, `redirect` or `permanent`", nginx)
}
