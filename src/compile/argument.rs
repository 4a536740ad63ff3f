//! Values by kind: the grammars of nginx's standard setters (`ngx_conf_set_*_slot`, `ngx_parse.c`).

use super::directive::Directive;
use super::scope::Compiler;
use crate::catalog::Kind;
use crate::diagnostic::Diagnostic;
pub(super) use crate::model::time::{digits, offset, size, time};

/// Checks a directive's value by its kind in the catalog; false if an error was reported.
pub(super) fn check(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let catalog = directive.catalog;
    match catalog.kind_in(cx.version()) {
        Kind::Flag => flag(cx, directive, 1).is_some(),
        Kind::Num => number(cx, directive, 1).is_some(),
        Kind::Size => expect(cx, directive, 1, size(&directive.arg(1)), SIZE).is_some(),
        Kind::Offset => expect(cx, directive, 1, offset(&directive.arg(1)), OFFSET).is_some(),
        Kind::Msec => expect(cx, directive, 1, time(&directive.arg(1), false), MSEC).is_some(),
        Kind::Sec => expect(cx, directive, 1, time(&directive.arg(1), true), SEC).is_some(),
        Kind::Bufs => buffers(cx, directive),
        Kind::Enum => word(cx, directive, 1).is_some(),
        Kind::Bitmask => (1..=directive.len()).all(|n| word(cx, directive, n).is_some()),
        Kind::ComplexSize if !directive.arg(1).contains(&b'$') => {
            expect(cx, directive, 1, size(&directive.arg(1)), SIZE).is_some()
        }
        Kind::Obsolete => {
            obsolete(cx, directive);
            true
        }
        _ => true,
    }
}

const SIZE: &str = "a size in bytes, with `k` or `m`: `8k`";
const OFFSET: &str = "a size in bytes, with `k`, `m` or `g`: `10m`";
const MSEC: &str = "a time with `ms`, `s`, `m`, `h`, `d` or `w`: `60s`";
const SEC: &str = "a time with `s`, `m`, `h`, `d`, `w`, `M` or `y`: `60s`";

/// Reports the `expected` text if there is no value.
pub(super) fn expect<T>(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    value: Option<T>,
    expected: &str,
) -> Option<T> {
    if value.is_none() {
        invalid(cx, directive, n, expected, "invalid value");
    }
    value
}

/// Reports an argument; always false.
pub(super) fn refuse(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    expected: &str,
    nginx: impl AsRef<str>,
) -> bool {
    invalid(cx, directive, n, expected, nginx.as_ref());
    false
}

/// Reports an argument that the directive does not accept. `nginx` is the message of nginx's setter.
pub(super) fn invalid(
    cx: &mut Compiler<'_>,
    directive: &Directive<'_>,
    n: usize,
    expected: &str,
    nginx: &str,
) {
    let name = directive.name();
    let found = super::wording::abbreviate(&directive.text(n));
    let nginx = if nginx == "invalid value" || nginx == "invalid number" {
        format!("\"{name}\" directive {nginx}")
    } else {
        nginx.to_owned()
    };
    let version = cx.version();
    let newer = directive.catalog.old_kinds.iter().rev().find(|&&(until, _)| version < until);
    let help = match newer {
        Some((since, _)) => format!("since nginx {since} it takes more; this is checked for {version}"),
        None => super::wording::syntax_help(directive.catalog),
    };
    cx.report(
        Diagnostic::error(
            "invalid-value",
            directive.arg_span(n),
            format!("`{name}` cannot be `{found}`; expected {expected}"),
        )
        .label(format!("expected {expected}"))
        .help(help)
        .nginx(nginx),
    );
}

/// Flag: `on` or `off`, case-insensitively.
pub(super) fn flag(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> Option<bool> {
    let text = directive.arg(n);
    if text.eq_ignore_ascii_case(b"on") {
        return Some(true);
    }
    if text.eq_ignore_ascii_case(b"off") {
        return Some(false);
    }
    let nginx = format!(
        "invalid value \"{}\" in \"{}\" directive, it must be \"on\" or \"off\"",
        directive.text(n),
        directive.name()
    );
    let name = directive.name();
    let found = super::wording::abbreviate(&directive.text(n));
    cx.report(
        Diagnostic::error(
            "invalid-value",
            directive.arg_span(n),
            format!("`{name}` cannot be `{found}`; expected `on` or `off`"),
        )
        .label("expected `on` or `off`")
        .nginx(nginx),
    );
    None
}

/// Number within the bounds of the directive.
pub(super) fn number(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> Option<u64> {
    let bounds = directive.catalog.bounds;
    let value = digits(&directive.arg(n));
    let inside =
        |v: u64| bounds.is_none_or(|(low, high)| i64::try_from(v).is_ok_and(|v| low <= v && v <= high));
    match (value, bounds) {
        (Some(value), _) if inside(value) => Some(value),
        (Some(_), Some((low, high))) => {
            let nginx = match high {
                -1 | i64::MAX => format!("value must be equal to or greater than {low}"),
                _ => format!("value must be between {low} and {high}"),
            };
            invalid(cx, directive, n, &format!("a number from {low} to {high}"), &nginx);
            None
        }
        _ => {
            let nginx = match directive.name() {
                "worker_connections" => format!("invalid number \"{}\"", directive.text(n)),
                _ => "invalid number".to_owned(),
            };
            // `invalid` recognises this text and adds the usual sentence.
            invalid(cx, directive, n, "a number", &nginx);
            None
        }
    }
}

/// One of the words of an enum or a bitmask, case-insensitively.
pub(super) fn word(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize) -> Option<&'static str> {
    let text = directive.arg(n);
    // An nginx for Linux has only this event method, unless it was built with others.
    let only_epoll = directive.name() == "use" && cx.options.strict_modules;
    let words = if only_epoll { &["epoll"][..] } else { directive.catalog.words };
    if let Some(word) = words.iter().find(|w| text.eq_ignore_ascii_case(w.as_bytes())) {
        return since(cx, directive, n, word).then_some(word);
    }
    let quoted: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
    let refs: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let name = directive.name();
    let what = match name {
        "use" => "invalid event type",
        "protocol" => "unknown protocol",
        _ => "invalid value",
    };
    let nginx = format!("{what} \"{}\"", directive.text(n));
    let found = directive.text(n);
    let expected = super::wording::one_of(&refs);
    let near = words.iter().find(|w| strsim::osa_distance(w, &found) <= 2);
    let diagnostic = Diagnostic::error(
        "invalid-value",
        directive.arg_span(n),
        format!("`{name}` cannot be `{}`; expected {expected}", super::wording::abbreviate(&found)),
    )
    .label(if near.is_some() { "not one of its words".to_owned() } else { format!("expected {expected}") })
    .nginx(nginx);
    cx.report(match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    });
    None
}

/// True if the selected version knows `word` of the directive; reports an unknown word.
pub(super) fn since(cx: &mut Compiler<'_>, directive: &Directive<'_>, n: usize, word: &str) -> bool {
    let version = cx.version();
    let since = directive.catalog.words_since.iter().find(|(w, _)| *w == word).map(|(_, since)| *since);
    let Some(since) = since.filter(|&since| !cx.is_since(since)) else { return true };
    let message = format!(
        "`{word}` of `{}` exists since nginx {since}; this is checked for {version}",
        directive.name()
    );
    let what = if matches!(directive.catalog.kind, Kind::Enum | Kind::Bitmask) {
        "invalid value"
    } else {
        "invalid parameter"
    };
    cx.report(
        Diagnostic::error("parameter-of-other-version", directive.arg_span(n), message)
            .label(format!("unknown to nginx {version}"))
            .nginx(format!("{what} \"{}\"", directive.text(n))),
    );
    false
}

fn buffers(cx: &mut Compiler<'_>, directive: &Directive<'_>) -> bool {
    let expected = "the number and the size of buffers: `8 4k`";
    let number = digits(&directive.arg(1)).filter(|&n| n > 0);
    let number = expect(cx, directive, 1, number, expected);
    let size = size(&directive.arg(2)).filter(|&n| n > 0);
    number.is_some() && expect(cx, directive, 2, size, expected).is_some()
}

/// Warns about a directive that works, but should no longer be written (`ngx_conf_deprecated`).
pub(super) fn deprecated(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let catalog = directive.catalog;
    let version = cx.version();
    let works = matches!(catalog.kind_in(version), Kind::Flag | Kind::Size);
    let since = catalog.obsolete.filter(|&since| since <= version && works);
    let (Some(since), Some(other)) = (since, catalog.replacement) else { return };
    let name = directive.name();
    cx.report(
        Diagnostic::warning(
            "deprecated-directive",
            directive.span(),
            format!("`{name}` is deprecated since nginx {since}"),
        )
        .label("deprecated")
        .help(format!("write `{other}` instead"))
        .nginx(format!("the \"{name}\" directive is deprecated, use the \"{other}\" directive instead")),
    );
}

fn obsolete(cx: &mut Compiler<'_>, directive: &Directive<'_>) {
    let name = directive.name();
    // nginx names no replacement for the server push directives: their replacement is not a directive.
    let pushes = name.starts_with("http2_push") || name == "http2_max_concurrent_pushes";
    let nginx = match directive.catalog.replacement {
        Some(other) if !pushes => {
            format!("the \"{name}\" directive is obsolete, use the \"{other}\" directive instead")
        }
        _ => format!("the \"{name}\" directive is obsolete, ignored"),
    };
    let mut diagnostic = Diagnostic::warning(
        "obsolete-directive",
        directive.span(),
        format!("`{name}` is obsolete and has no effect"),
    )
    .label("nginx ignores it")
    .nginx(nginx);
    if let Some(other) = directive.catalog.replacement {
        diagnostic = diagnostic.help(format!("write `{other}` instead"));
    }
    cx.report(diagnostic);
}

/// `ngx_atofp`: digits with at most `point` decimals, as an integer of that many decimals.
pub(super) fn fixed_point(text: &[u8], point: u32) -> Option<u64> {
    let mut left = point;
    let mut seen_dot = false;
    let mut value: u64 = 0;
    if text.is_empty() {
        return None;
    }
    for &byte in text {
        if seen_dot && left == 0 {
            return None;
        }
        match byte {
            b'.' if !seen_dot => seen_dot = true,
            b'0'..=b'9' => {
                value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
                left -= u32::from(seen_dot);
            }
            _ => return None,
        }
    }
    let value = value.checked_mul(10u64.pow(left))?;
    (value <= i64::MAX as u64).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sizes_are_as_ngx_parse_size_and_ngx_parse_offset() {
        let cases: &[(&str, Option<u64>, Option<u64>)] = &[
            ("0", Some(0), Some(0)),
            ("8k", Some(8192), Some(8192)),
            ("8K", Some(8192), Some(8192)),
            ("1m", Some(1 << 20), Some(1 << 20)),
            ("1g", None, Some(1 << 30)),
            ("", None, None),
            ("k", None, None),
            ("1kk", None, None),
            ("-1", None, None),
            ("1.5m", None, None),
            ("9223372036854775807", Some(i64::MAX as u64), Some(i64::MAX as u64)),
            ("9223372036854775808", None, None),
            ("9007199254740992k", None, None),
        ];
        for &(text, as_size, as_offset) in cases {
            assert_eq!(size(text.as_bytes()), as_size, "{text}");
            assert_eq!(offset(text.as_bytes()), as_offset, "{text}");
        }
    }

    #[test]
    fn times_are_as_ngx_parse_time() {
        let ms = |n| Some(Duration::from_millis(n));
        let cases: &[(&str, Option<Duration>, Option<Duration>)] = &[
            ("60", ms(60_000), ms(60_000)),
            ("60s", ms(60_000), ms(60_000)),
            ("500ms", ms(500), None),
            ("1m30s", ms(90_000), ms(90_000)),
            ("1m 30s", ms(90_000), ms(90_000)),
            ("1s1", ms(2_000), ms(2_000)),
            ("30s1m", None, None),
            ("1s1s", None, None),
            ("1y", None, ms(365 * 86_400_000)),
            ("1M", None, ms(30 * 86_400_000)),
            ("1d", ms(86_400_000), ms(86_400_000)),
            ("", None, None),
            ("s", None, None),
            ("1x", None, None),
            ("-1", None, None),
            ("1h5", ms(3_605_000), ms(3_605_000)),
        ];
        for &(text, msec, sec) in cases {
            assert_eq!(time(text.as_bytes(), false), msec, "{text} as ms");
            assert_eq!(time(text.as_bytes(), true), sec, "{text} as s");
        }
    }

    #[test]
    fn percentages_are_as_ngx_atofp() {
        let cases: &[(&str, Option<u64>)] = &[
            ("10", Some(1000)),
            ("0.01", Some(1)),
            ("33.33", Some(3333)),
            ("33.333", None),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1.2.3", None),
            ("", None),
            ("x", None),
        ];
        for &(text, expected) in cases {
            assert_eq!(fixed_point(text.as_bytes(), 2), expected, "{text}");
        }
    }
}
