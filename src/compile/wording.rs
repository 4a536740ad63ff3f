//! Pieces of messages: the forms of a directive, alternatives, long words made short.

use crate::catalog::{self, Body};

/// Forms of a directive as a help line.
pub(super) fn syntax_help(catalog: &catalog::Directive) -> String {
    if catalog.syntax.iter().map(|form| form.len()).sum::<usize>() > 160 {
        return format!("see `ngxc explain {}`", catalog.name);
    }
    let end = if catalog.body == Body::None { ";" } else { " { … }" };
    match catalog.syntax {
        [] => format!("see the documentation of {}", catalog.module),
        [one] => format!("syntax: {one}{end}"),
        forms => format!(
            "syntax: {}",
            forms.iter().map(|f| format!("{f}{end}")).collect::<Vec<_>>().join("  or  ")
        ),
    }
}

/// `a`, `b` or `c`.
pub(super) fn one_of<T: AsRef<str> + Ord + Copy>(words: &[T]) -> String {
    let mut unique: Vec<T> = Vec::new();
    for &word in words {
        if !unique.contains(&word) {
            unique.push(word);
        }
    }
    match unique.as_slice() {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [init @ .., last] => {
            let init: Vec<&str> = init.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", init.join(", "), last.as_ref())
        }
    }
}

/// At most forty characters of a word, for messages.
pub(super) fn abbreviate(word: &str) -> String {
    if word.chars().count() <= 40 {
        word.to_owned()
    } else {
        word.chars().take(37).chain("...".chars()).collect()
    }
}
