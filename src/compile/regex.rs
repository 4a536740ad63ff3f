//! Regular expressions, compiled as nginx does, to find the malformed ones (`ngx_regex_compile`).

use std::collections::HashSet;

use super::scope::Compiler;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// Patterns known to compile, each with the mark of `~*`.
#[derive(Default)]
struct Patterns(HashSet<(Vec<u8>, bool)>);

/// Compiles a pattern; false if it is malformed, which is reported. Each pattern is compiled once.
pub(super) fn check(cx: &mut Compiler<'_>, pattern: &[u8], caseless: bool, span: Span) -> bool {
    let Ok(text) = std::str::from_utf8(pattern) else { return true };
    let key = (pattern.to_vec(), caseless);
    if cx.states.of::<Patterns>().0.contains(&key) {
        return true;
    }
    let compiled = pcre2::bytes::RegexBuilder::new().caseless(caseless).build(text);
    let Err(error) = compiled else {
        cx.states.of::<Patterns>().0.insert(key);
        return true;
    };
    let offset = error.offset().unwrap_or(text.len()).min(text.len());
    // "PCRE2: error compiling pattern at offset 1: missing …"
    let message = error.to_string();
    let reason = message.rsplit(": ").next().unwrap_or_default();
    let rest = text.get(offset..).unwrap_or_default();
    let nginx = if rest.is_empty() {
        format!("pcre2_compile() failed: {reason} in \"{text}\"")
    } else {
        format!("pcre2_compile() failed: {reason} in \"{text}\" at \"{rest}\"")
    };
    let found = super::wording::abbreviate(text);
    cx.report(
        Diagnostic::error("invalid-regex", span, format!("`{found}` is no regular expression: {reason}"))
            .label(if rest.is_empty() {
                "at its end".to_owned()
            } else {
                format!("at `{}`", super::wording::abbreviate(rest))
            })
            .nginx(nginx),
    );
    false
}

/// Number of capture groups.
pub(super) fn captures(pattern: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pattern);
    pcre2::bytes::Regex::new(&text).map_or(0, |regex| regex.captures_len() - 1)
}
