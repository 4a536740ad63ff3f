//! `=` with what looks like a pattern.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::values::condition::{self, Test};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `if` with `=` or `!=` and a text that looks like a pattern or a list: `*bot*`, `GET|POST`, `^/a`, `(a|b)`.
    ///
    /// ## Why is this bad
    ///
    /// `=` compares the whole text as it is. No browser is called `*bot*`, and no method `GET|POST`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     if ($http_user_agent = "*bot*") { return 403; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     if ($http_user_agent ~* bot) { return 403; }
    ///     if ($request_method !~ ^(?:GET|HEAD)$) { return 405; }
    ///     if ($http_accept = "*/*") { return 406; }
    /// }
    /// ```
    IF_COMPARES_PATTERN {
        name: "if-compares-pattern",
        category: Correctness,
        level: Warning,
        summary: "`=` compares with a text that looks like a pattern",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#if",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, head) in target.levels().http("if") {
        let Some(condition) = condition::of(level, head) else { continue };
        let Test::Equals(text) = &condition.test else { continue };
        let text = String::from_utf8_lossy(text);
        if !looks_like_pattern(&text) {
            continue;
        }
        let operator = if condition.negated { "!~" } else { "~" };
        found.push(
            IF_COMPARES_PATTERN
                .finding(head.head(), format!("`{text}` is compared as it is, and looks like a pattern"))
                .label("holds for this very text only")
                .help(format!("write `{operator}` and a pattern: `{}`", as_pattern(&text))),
        );
    }
}

fn looks_like_pattern(text: &str) -> bool {
    let inner = text.trim_matches('*');
    let stars = (text.starts_with('*') || text.ends_with('*')) && inner.chars().any(char::is_alphanumeric);
    let words = text.contains('|') && text.split('|').all(|word| !word.is_empty());
    let marks = text.starts_with('^')
        || text.contains(".*")
        || text.contains("\\.")
        || text.len() > 1 && text.ends_with('$');
    // Types of content have stars of their own.
    (stars && !text.contains('/')) || words || marks
}

/// The pattern that may be meant.
fn as_pattern(text: &str) -> String {
    let bare = text.trim_matches(['^', '$', '(', ')', '*']);
    if bare.contains('|') { format!("^(?:{bare})$") } else { bare.to_owned() }
}
