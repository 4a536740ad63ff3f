//! Values for the arguments of a directive: variables, names of the configuration, words of the grammar, files.

use std::collections::BTreeSet;

use lsp_types::{CompletionItem, CompletionItemKind};

use super::file;
use super::question::Question;
use crate::catalog::{self, Directive, Kind, Subsystem, Tier};
use crate::cli::lsp::index::{Argument, Kind as Name, ROWS};
use crate::cli::lsp::{contexts, hover};

pub(super) fn items(question: &Question<'_>) -> Vec<CompletionItem> {
    let word = &question.statement.word;
    // Behind a dollar only a variable can follow.
    if let Some(dollar) = word.rfind('$') {
        let open = &word[dollar..];
        let name = open.trim_start_matches("${").trim_start_matches('$');
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return variables(question, dollar, open.starts_with("${"));
        }
    }
    let mut items = named(question);
    if let Some(entry) = question.entry() {
        items.extend(words(question, entry));
        items.extend(file::items(question, entry));
    }
    items
}

/// Variables of nginx and of the configuration.
fn variables(question: &Question<'_>, dollar: usize, braced: bool) -> Vec<CompletionItem> {
    let subsystem = subsystem(question);
    let version = question.analysed.version();
    let is_log = question.statement.words.first().is_some_and(|name| name == "log_format");
    let own = question.analysed.names().defined(Name::Variable, subsystem);
    let own: BTreeSet<&str> = own.into_iter().collect();
    let known = catalog::VARIABLES.iter().filter(|variable| {
        variable.subsystem == subsystem
            && !variable.internal
            && (is_log || !variable.log_only)
            && variable.since.is_none_or(|since| since <= version)
            && variable.tier != Tier::ThirdParty
    });
    let text = |name: &str| if braced { format!("${{{name}}}") } else { format!("${name}") };
    let mut items: Vec<CompletionItem> = own
        .iter()
        .map(|name| CompletionItem {
            kind: Some(CompletionItemKind::VARIABLE),
            detail: Some("defined in this configuration".to_owned()),
            sort_text: Some(format!("a{name}")),
            ..question.item(dollar, &text(name), &text(name))
        })
        .collect();
    items.extend(known.filter(|variable| !own.contains(variable.name)).map(|variable| {
        // A family such as `$http_` is completed up to the name that follows.
        let label = if variable.prefix { format!("${}", variable.name) } else { text(variable.name) };
        CompletionItem {
            kind: Some(CompletionItemKind::VARIABLE),
            detail: Some(hover::origin(variable)),
            sort_text: Some(format!("b{}", variable.name)),
            ..question.item(dollar, &label, &label)
        }
    }));
    items
}

/// Names that the configuration defines, where the directive takes one.
fn named(question: &Question<'_>) -> Vec<CompletionItem> {
    let Some(name) = question.statement.words.first() else { return Vec::new() };
    let (position, word) = (question.statement.words.len() - 1, &question.statement.word);
    let mut items = Vec::new();
    for row in ROWS.iter().filter(|row| row.directive == name && !row.defines) {
        let defined = question.analysed.names().defined(row.kind, subsystem(question));
        let (kept, prefix) = match row.argument {
            Argument::At(at) if at != position => continue,
            Argument::At(_) | Argument::Last => (0, String::new()),
            Argument::Parameter(key) => {
                let is_begun = word.starts_with(&format!("{key}="));
                if is_begun { (key.len() + 1, String::new()) } else { (0, format!("{key}=")) }
            }
            Argument::Host if position != 0 => continue,
            Argument::Host => match word.find("://") {
                Some(scheme) => (scheme + 3, String::new()),
                None if name == "proxy_pass" => (0, "http://".to_owned()),
                None if name == "grpc_pass" => (0, "grpc://".to_owned()),
                None => (0, String::new()),
            },
        };
        items.extend(defined.into_iter().map(|name| CompletionItem {
            kind: Some(CompletionItemKind::REFERENCE),
            detail: Some(row.kind.noun().to_owned()),
            sort_text: Some(format!("0{name}")),
            ..question.item(kept, &format!("{prefix}{name}"), &format!("{prefix}{name}"))
        }));
    }
    items
}

/// Words and parameters of the grammar.
fn words(question: &Question<'_>, entry: &'static Directive) -> Vec<CompletionItem> {
    let version = question.analysed.version();
    let mut words: Vec<&str> = entry.words.to_vec();
    words.extend(literals(entry).filter(|word| !entry.words.contains(word)));
    if entry.kind_in(version) == Kind::Flag {
        words = vec!["on", "off"];
    }
    let is_new = |word: &str| entry.words_since.iter().any(|(own, since)| *own == word && version < *since);
    let is_old = |word: &str| {
        entry
            .words_obsolete
            .iter()
            .any(|own| own.word.trim_end_matches('=') == word.trim_end_matches('=') && own.since <= version)
    };
    let used = |word: &str| question.statement.words[1..].iter().any(|own| own.starts_with(word));
    let left = words.into_iter().filter(|word| !is_new(word) && !is_old(word) && !used(word));
    left.map(|word| CompletionItem {
        kind: Some(if word.ends_with('=') {
            CompletionItemKind::FIELD
        } else {
            CompletionItemKind::ENUM_MEMBER
        }),
        sort_text: Some(format!("1{word}")),
        ..question.item(0, word, word)
    })
    .collect()
}

/// Words that the written forms of a directive have as they stand: `epoch`, `max` and `off` of `expires epoch | max | off`.
fn literals(entry: &'static Directive) -> impl Iterator<Item = &'static str> {
    let of_form = |form: &'static str| {
        // Text in angle brackets stands for something else, and a parameter has its words in the table.
        let outside = form.split_once(' ').map_or("", |(_, arguments)| arguments);
        outside
            .split([' ', '|', '[', ']'])
            .filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let mut found: Vec<&str> = entry.syntax.iter().flat_map(|form| of_form(form)).collect();
    found.retain(|word| !word.is_empty());
    found.sort_unstable();
    found.dedup();
    found.into_iter()
}

fn subsystem(question: &Question<'_>) -> Subsystem {
    if question.context.is_some_and(contexts::is_stream) { Subsystem::Stream } else { Subsystem::Http }
}
