//! Variables in the parameters of SSI commands, and the expressions of `if` (`ngx_http_ssi_evaluate_string`).

use crate::eval::regex::Regex;
use crate::runtime::filters::ssi::{Page, TIMEFMT};
use crate::runtime::net::clock::Clock;
use crate::runtime::request::scope::Scope;

/// The value of a name: set by the page, captured by its `if`, or a variable of the request.
pub(super) fn lookup(page: &Page, scope: &mut Scope<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let set = &scope.request.ssi.variables;
    if let Some((_, value)) = set.iter().find(|(other, _)| *other == name) {
        return Some(value.clone());
    }
    if let Ok(group @ 1..=9) = name.parse::<usize>() {
        return page.captures.get(group).map(<[u8]>::to_vec);
    }
    if let "date_gmt" | "date_local" = name.as_str() {
        return Some(date(&page.timefmt, name == "date_local"));
    }
    let mut out = Vec::new();
    let found = match scope.worker.config.http.variables.find(&name) {
        Some(id) => scope.variable(id, &mut out),
        None => {
            (scope.worker.server.variable)(&name).is_some_and(|getter| getter.get(scope, &name, &mut out))
        }
    };
    found.then_some(out)
}

/// `$date_local` and `$date_gmt` where no page says how they are written.
pub(crate) fn plain_date(out: &mut Vec<u8>, local: bool) -> bool {
    out.extend(date(TIMEFMT, local));
    true
}

fn date(format: &str, local: bool) -> Vec<u8> {
    let now = jiff::Timestamp::from_second(Clock::now().as_secs().cast_signed()).unwrap_or_default();
    let zone = if local { jiff::tz::TimeZone::system() } else { jiff::tz::TimeZone::UTC };
    // strftime() calls it so.
    let format = if local { format.to_owned() } else { format.replace("%Z", "GMT") };
    jiff::fmt::strtime::format(&format, &now.to_zoned(zone)).unwrap_or_default().into_bytes()
}

/// Longest value: variables in variables grow fast.
const LONGEST: usize = 16 << 20;

/// Replaces `$name` and `${name}`; a backslash takes the meaning of a dollar or a quote away. `None`: no such text.
pub(super) fn evaluate(page: &Page, scope: &mut Scope<'_>, text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, rest.first()) {
            (b'\\', Some(escaped @ (b'$' | b'\'' | b'"' | b'\\'))) => {
                out.push(*escaped);
                rest = &rest[1..];
            }
            (b'$', Some(_)) => {
                let (name, after) = if let Some(inner) = rest.strip_prefix(b"{") {
                    let end = memchr::memchr(b'}', inner)?;
                    (&inner[..end], &inner[end + 1..])
                } else {
                    let end = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'));
                    rest.split_at(end.unwrap_or(rest.len()))
                };
                if name.is_empty() {
                    return None;
                }
                out.extend(lookup(page, scope, name).unwrap_or_default());
                if out.len() > LONGEST {
                    return None;
                }
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    Some(out)
}

/// True if an expression of `if` holds: `text`, `text = text`, `text != text`, `text = /regex/`; `None`: it is none.
pub(super) fn holds(page: &mut Page, scope: &mut Scope<'_>, expression: &[u8]) -> Option<bool> {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'{' | b'}' | b'_' | b'"' | b'\'');
    let end = expression.iter().position(|b| !is_word(b)).unwrap_or(expression.len());
    let (left, rest) = expression.split_at(end);
    let left = evaluate(page, scope, &left.to_ascii_lowercase())?;
    let rest = trim_spaces(rest);
    if rest.is_empty() {
        return Some(!left.is_empty());
    }
    let (is_negative, right) = match rest {
        [b'=', right @ ..] => (false, right),
        [b'!', b'=', right @ ..] => (true, right),
        _ => return None,
    };
    let right = trim_spaces(right);
    let is_equal = if let [b'/', inner @ .., last] = right {
        if *last != b'/' {
            return None;
        }
        let pattern = String::from_utf8(evaluate(page, scope, inner)?).ok()?;
        let config = &scope.worker.config;
        let regex = Regex::new(&pattern, false, config.http.span?, config).ok()?;
        let captures = regex.exec(&left).ok()?;
        let matches = captures.is_some();
        for (group, name) in regex.names() {
            let value = captures.as_ref().and_then(|captures| captures.get(group)).unwrap_or_default();
            if !scope.request.ssi.set(name.as_bytes(), value.to_vec()) {
                return None;
            }
        }
        page.captures = captures.unwrap_or_default();
        matches
    } else {
        let right = if right.len() > 2 && right.starts_with(b"\\/") { &right[1..] } else { right };
        evaluate(page, scope, right)? == left
    };
    Some(is_equal != is_negative)
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| *b != b' ').unwrap_or(text.len());
    &text[start..]
}
