//! Lines of an outer level that an inner list replaces: array directives are inherited as a whole or not at all.

use super::levels::Level;
use super::{Target, place};
use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::syntax::{Directive, Word};

/// The key by which the lines of a list are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// By the first argument, without regard to case.
    Caseless,
    /// By the first argument.
    Exact,
    /// By every argument but the last: the status codes of `error_page`.
    AllButLast,
}

/// Every level of `http` that has a directive of its own, each once.
pub(super) fn levels_with<'a>(target: Target<'a>, name: &str) -> Vec<Level<'a>> {
    let mut all: Vec<Level<'a>> = target.levels().http(name).map(|(level, _)| level).collect();
    all.dedup();
    all
}

/// The lines of the nearest outer list that `level`, which has a list of its own, does not repeat; none if a file
/// that could repeat them is missing.
pub(super) fn lines<'a>(level: Level<'a>, name: &str, keys: Keys) -> Vec<Directive<'a>> {
    let Some(outer) = level.outer().and_then(|outer| outer.holder(name)) else { return Vec::new() };
    if !level.is_complete() {
        return Vec::new();
    }
    let is_repeated = |key: Word<'_>| {
        let value = key.value();
        let same = |own: Word<'_>| match keys {
            Keys::Caseless => own.value().eq_ignore_ascii_case(&value),
            Keys::Exact | Keys::AllButLast => own.value() == value,
        };
        level.own(name).flat_map(|line| keys_of(line, keys)).any(same)
    };
    outer.own(name).filter(|line| !keys_of(*line, keys).all(is_repeated)).collect()
}

/// True if a list repeats a line of the outer one, whatever its value.
pub(super) fn repeats(level: Level<'_>, name: &str) -> bool {
    let Some(outer) = level.outer().and_then(|outer| outer.holder(name)) else { return false };
    let key = |line: Directive<'_>| line.arg(0).map(|word| word.value().to_ascii_lowercase());
    let outer: Vec<_> = outer.own(name).filter_map(key).collect();
    level.own(name).filter_map(key).any(|own| outer.contains(&own))
}

fn keys_of(line: Directive<'_>, keys: Keys) -> impl Iterator<Item = Word<'_>> {
    let count = match keys {
        Keys::Caseless | Keys::Exact => 1,
        Keys::AllButLast => line.args().len().saturating_sub(1),
    };
    let is_code = move |word: &Word<'_>| keys != Keys::AllButLast || !word.content().starts_with(b"=");
    line.args().take(count).filter(is_code)
}

/// "`A`, `B` and 2 more are".
pub(super) fn names(lines: &[Directive<'_>]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> = Vec::new();
    for line in lines {
        let name = line.arg(0).map(|w| format!("`{w}`")).unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    match (names.split_last(), more) {
        (Some((last, first)), 0) if !first.is_empty() => format!("{} and {last} {verb}", first.join(", ")),
        (_, 0) => format!("{} {verb}", names.join(", ")),
        (_, more) => format!("{} and {more} more {verb}", names.join(", ")),
    }
}

/// Adds what is lost and how to get it back.
pub(super) fn explain(
    target: Target<'_>,
    mut finding: Diagnostic,
    level: Level<'_>,
    name: &str,
    lost: &[Directive<'_>],
) -> Diagnostic {
    finding = finding.label("replaces the whole list of the outer level");
    for line in lost.iter().take(3) {
        finding = finding.related(line.head(), "has no effect in the inner block");
    }
    finding = finding.help("repeat the lines here");
    let Some(last) = level.own(name).last() else { return finding };
    let mut text = Vec::new();
    for line in lost {
        let whole = &line.tree().text()[line.span().range()];
        let Some(edit) = std::str::from_utf8(whole)
            .ok()
            .filter(|text| !text.contains(['\n', '#']))
            .and_then(|text| place::after(target.configuration, last.head(), text))
        else {
            return finding;
        };
        text.push(edit);
    }
    let Some(first) = text.first() else { return finding };
    let joined: String = text.iter().map(|edit| edit.text.as_str()).collect();
    let edit = Edit { span: first.span, text: joined };
    finding.fix(Fix::unsafe_("repeat the lines of the outer level", vec![edit]))
}
