//! Upper and lower case in one variable.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a variable that is written in different case at different places.
    ///
    /// ## Why is this bad
    ///
    /// nginx does not tell the two apart: who meant two variables has one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     set $Target a;
    ///     set $target b;
    ///     return 200 $target;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     set $target b;
    ///     return 200 $target;
    /// }
    /// ```
    MIXED_CASE_VARIABLE {
        name: "mixed-case-variable",
        category: Correctness,
        level: Info,
        summary: "one variable, spelled in two ways",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#set",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let mut spelled: HashMap<String, (&[u8], Span)> = HashMap::new();
    // Most files have no upper case in variables: look before walking the trees.
    let mixed = target.configuration.trees.iter().any(|tree| has_upper(tree.text()));
    if !mixed {
        return;
    }
    let mut reported = HashSet::new();
    for tree in &target.configuration.trees {
        for word in tree.directives().flat_map(|d| d.words().collect::<Vec<_>>()) {
            for name in spellings(word.content()) {
                let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
                let first = *spelled.entry(lower.clone()).or_insert((name, word.span()));
                if first.0 != name && reported.insert(lower) {
                    let (one, other) = (String::from_utf8_lossy(first.0), String::from_utf8_lossy(name));
                    found.push(
                        MIXED_CASE_VARIABLE
                            .finding(word.span(), format!("`${other}` and `${one}` are the same variable"))
                            .related(first.1, "is spelled differently")
                            .help("spell it in one way"),
                    );
                }
            }
        }
    }
}

fn has_upper(text: &[u8]) -> bool {
    spellings(text).any(|name| name.iter().any(u8::is_ascii_uppercase))
}

/// The names after each `$`.
fn spellings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'$', text).filter_map(|at| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix(b"{").unwrap_or(rest);
        let end = rest.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}
