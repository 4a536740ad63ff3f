//! `return`, `set`, `rewrite`, `break`, and the condition of `if` (`ngx_http_rewrite_module.c`).

use super::argument::refuse;
use super::directive::Directive;
use super::scope::{Check, Compiler};
use super::{argument, regex, value};
use crate::model::rewrite::{Condition, FileTest, Instruction, Return, Rewrite, RewriteFlag};
use crate::model::value::VariableSource;

pub(super) const CHECKS: &[(&str, Check)] = &[("rewrite", check)];

/// Instruction of a directive; `None` for other directives.
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
        // `check` has reported the error.
        _ => return None,
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
    let mut words: Vec<(usize, Vec<u8>)> = directive.args_from(1).map(|(n, w)| (n, w.into_owned())).collect();
    let invalid = |cx: &mut Compiler<'_>, n: usize, text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        let expected = "`($variable)`, `($variable = text)`, `($variable ~ pattern)` or `(-f file)`";
        argument::invalid(cx, directive, n, expected, &format!("invalid condition \"{text}\""));
        Condition::Invalid
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
        // The parentheses are empty.
        return invalid(cx, words[last].0, b")");
    }
    let Some((n, first)) = words.get(current) else { return invalid(cx, 1, b"") };
    if first.len() > 1 && first[0] == b'$' {
        if current != last && current + 2 != last {
            return invalid(cx, *n, first);
        }
        let variable = value::reference(cx, &first[1..], directive.arg_span(*n));
        if current == last {
            return Condition::True(variable);
        }
        let (n, operator) = &words[current + 1];
        let (at, right) = &words[last];
        let span = directive.arg_span(*at);
        let negated = operator.starts_with(b"!");
        return match &operator[..] {
            b"=" | b"!=" => Condition::Equal { variable, text: value::text(cx, right, span), negated },
            b"~" | b"~*" | b"!~" | b"!~*" => {
                value::define_captures(cx, right, span);
                let caseless = operator.ends_with(b"*");
                regex::check(cx, right, caseless, span);
                let pattern = String::from_utf8_lossy(right).into_owned();
                Condition::Match { variable, pattern, caseless, negated }
            }
            _ => {
                let nginx = format!("unexpected \"{}\" in condition", String::from_utf8_lossy(operator));
                argument::invalid(cx, directive, *n, "`=`, `!=`, `~`, `~*`, `!~` or `!~*`", &nginx);
                Condition::Invalid
            }
        };
    }
    let (negated, test) = match first.strip_prefix(b"!") {
        Some(test) => (true, test),
        None => (false, &first[..]),
    };
    let test = match test {
        b"-f" => FileTest::File,
        b"-d" => FileTest::Directory,
        b"-e" => FileTest::Exists,
        b"-x" => FileTest::Executable,
        _ => return invalid(cx, *n, first),
    };
    if current + 1 != last {
        return invalid(cx, *n, first);
    }
    let (at, path) = &words[last];
    Condition::File { test, path: value::text(cx, path, directive.arg_span(*at)), negated }
}

/// `rewrite regex replacement [flag]` (`ngx_http_rewrite`).
fn check<'t>(cx: &mut Compiler<'t>, directive: &Directive<'t>) -> bool {
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
