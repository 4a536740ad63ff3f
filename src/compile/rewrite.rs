//! `return`, `set`, `rewrite`, `break`, and the condition of `if` (`ngx_http_rewrite_module.c`).

use std::borrow::Cow;

use super::directive::Directive;
use super::scope::Compiler;
use super::{argument, value};
use crate::model::rewrite::{Condition, FileTest, Instruction, Return, Rewrite, RewriteFlag};
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
            match rewrite(cx, directive) {
                Some(rewrite) => Instruction::Rewrite(rewrite),
                None => Instruction::Other("rewrite", span),
            }
        }
        "break" => Instruction::Break(span),
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

/// `ngx_http_rewrite`
fn rewrite(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Option<Rewrite> {
    let text = directive.arg(2);
    let (text, keeps_args) = match text.strip_suffix(b"?") {
        Some(without) => (without, false),
        None => (&*text, true),
    };
    let has_scheme = [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| text.starts_with(p));
    let word = directive.arg(3);
    let flag = match &*word {
        b"redirect" => RewriteFlag::Redirect(302),
        b"permanent" => RewriteFlag::Redirect(301),
        b"" | b"last" | b"break" if has_scheme => RewriteFlag::Redirect(302),
        b"last" => RewriteFlag::Last,
        b"break" => RewriteFlag::Break,
        b"" if directive.len() == 2 => RewriteFlag::Next,
        _ => {
            let nginx = format!("invalid parameter \"{}\"", directive.text(3));
            argument::invalid(cx, directive, 3, "`last`, `break`, `redirect` or `permanent`", &nginx);
            return None;
        }
    };
    let span = directive.arg_span(2);
    let mark = text.iter().position(|b| *b == b'?');
    let (replacement, args) = match (flag, mark) {
        (RewriteFlag::Redirect(_), _) | (_, None) => (value::text(cx, text, span), None),
        (_, Some(mark)) => {
            (value::text(cx, &text[..mark], span), Some(value::text(cx, &text[mark + 1..], span)))
        }
    };
    let (has_args, span) = (mark.is_some(), directive.span());
    Some(Rewrite { pattern: directive.text(1), replacement, args, has_args, keeps_args, flag, span })
}

/// The condition of `if` (`ngx_http_rewrite_if_condition`).
pub(super) fn condition(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> Condition {
    let words = words(directive);
    let [(n, first), rest @ ..] = words.as_slice() else { return invalid_condition(cx, directive, 1) };
    if let Some(name) = first.strip_prefix(b"$") {
        let variable = value::reference(cx, name, directive.arg_span(*n));
        return match rest {
            [] => Condition::True(variable),
            [(_, sign), (n, right)] => comparison(cx, directive, variable, sign, *n, right),
            _ => invalid_condition(cx, directive, *n),
        };
    }
    let (negated, test) = match first.strip_prefix(b"!") {
        Some(test) => (true, test),
        None => (false, &**first),
    };
    let test = match test {
        b"-f" => FileTest::File,
        b"-d" => FileTest::Directory,
        b"-e" => FileTest::Exists,
        b"-x" => FileTest::Executable,
        _ => return invalid_condition(cx, directive, *n),
    };
    match rest {
        [(n, path)] => Condition::File { test, path: value::text(cx, path, directive.arg_span(*n)), negated },
        _ => invalid_condition(cx, directive, *n),
    }
}

/// The words of a condition, without the parentheses around them.
fn words<'t>(directive: &Directive<'t>) -> Vec<(usize, Cow<'t, [u8]>)> {
    let last = directive.len();
    let stripped = directive.args_from(1).map(|(n, mut text)| {
        if n == 1 && text.starts_with(b"(") {
            text = text[1..].to_vec().into();
        }
        if n == last && text.ends_with(b")") {
            text = text[..text.len() - 1].to_vec().into();
        }
        (n, text)
    });
    // `( $a` and `$a )` are words of their own; an empty text to compare with is not.
    stripped
        .filter(|(n, text)| !text.is_empty() || (*n != 1 && (*n != last || *directive.arg(*n) != *b")")))
        .collect()
}

fn comparison(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    variable: crate::model::VariableId,
    sign: &[u8],
    n: usize,
    right: &[u8],
) -> Condition {
    let span = directive.arg_span(n);
    match sign {
        b"=" | b"!=" => {
            Condition::Equal { variable, text: value::text(cx, right, span), negated: sign == b"!=" }
        }
        b"~" | b"~*" | b"!~" | b"!~*" => {
            value::define_captures(cx, right, span);
            Condition::Match {
                variable,
                pattern: String::from_utf8_lossy(right).into_owned(),
                caseless: sign.ends_with(b"*"),
                negated: sign.starts_with(b"!"),
            }
        }
        _ => {
            let nginx = format!("unexpected \"{}\" in condition", String::from_utf8_lossy(sign));
            let expected = "`=`, `!=`, `~`, `~*`, `!~` or `!~*`";
            argument::invalid(cx, directive, n - 1, expected, &nginx);
            Condition::Invalid
        }
    }
}

fn invalid_condition(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> Condition {
    let nginx = format!("invalid condition \"{}\"", directive.text(n));
    let expected = "`$variable`, a comparison like `$variable = text`, or a test of a file like `-f path`";
    argument::invalid(cx, directive, n, expected, &nginx);
    Condition::Invalid
}
