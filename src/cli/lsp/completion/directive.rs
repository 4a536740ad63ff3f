//! Names of directives, with a snippet for their arguments.

use std::collections::HashSet;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, Documentation, InsertTextFormat, MarkupContent,
    MarkupKind,
};

use super::question::Question;
use crate::catalog::{self, Body, Directive, Kind, Tier};
use crate::cli::lsp::hover;

/// Directives that the context allows in the version; nginx's own first.
pub(super) fn items(question: &Question<'_>) -> Vec<CompletionItem> {
    let Some(context) = question.context else { return entries(question) };
    let version = question.analysed.version();
    let mut seen = HashSet::new();
    let all = catalog::DIRECTIVES.iter().filter(|directive| {
        directive.exists_in(version)
            && directive.contexts_in(version).contains(context)
            && seen.insert(directive.name)
    });
    let mut items: Vec<CompletionItem> = all.map(|directive| item(question, directive)).collect();
    let declared = question.analysed.judged.ground.meaning.reading.directives.iter();
    for name in declared.flat_map(|declared| declared.names()) {
        items.push(CompletionItem {
            kind: Some(CompletionItemKind::KEYWORD),
            detail: Some("declared".to_owned()),
            ..question.item(0, name, name)
        });
    }
    items
}

fn item(question: &Question<'_>, directive: &'static Directive) -> CompletionItem {
    let version = question.analysed.version();
    let is_deprecated = directive.obsolete.is_some_and(|since| since <= version);
    // Letters sort the list: nginx's own, separately built, NGINX Plus, others.
    let rank = match directive.tier {
        Tier::OpenSource => 'a',
        Tier::External | Tier::Declared => 'b',
        Tier::Plus => 'c',
        Tier::ThirdParty => 'd',
    };
    let is_free = question.rest.trim_start().is_empty();
    let (text, format) = if question.server.has_snippets && is_free {
        (snippet(directive, question), InsertTextFormat::SNIPPET)
    } else {
        (directive.name.to_owned(), InsertTextFormat::PLAIN_TEXT)
    };
    CompletionItem {
        kind: Some(if directive.body == Body::None {
            CompletionItemKind::PROPERTY
        } else {
            CompletionItemKind::STRUCT
        }),
        detail: Some(directive.module.to_owned()),
        documentation: Some(Documentation::MarkupContent(MarkupContent {
            kind: MarkupKind::Markdown,
            value: hover::documentation(directive, version),
        })),
        tags: is_deprecated.then(|| vec![CompletionItemTag::DEPRECATED]),
        sort_text: Some(format!("{}{}", if is_deprecated { 'e' } else { rank }, directive.name)),
        insert_text_format: Some(format),
        insert_text: Some(text),
        filter_text: Some(directive.name.to_owned()),
        ..question.item(0, directive.name, directive.name)
    }
}

/// The directive with places to fill in: `listen ${1:80};`, `location ${1:/} {`.
fn snippet(directive: &Directive, question: &Question<'_>) -> String {
    let name = directive.name;
    let version = question.analysed.version();
    let escape = |text: &str| text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}");
    let arity = directive.arity_in(version);
    let value = match directive.kind_in(version) {
        _ if arity.allows(0) && !arity.allows(1) => None,
        Kind::Flag => Some("${1|on,off|}".to_owned()),
        Kind::Enum
            if !directive.words.is_empty()
                && !directive.words.iter().any(|word| word.contains([',', '|'])) =>
        {
            Some(format!("${{1|{}|}}", directive.words.join(",")))
        }
        _ => {
            let default = directive.default_in(version).and_then(|text| {
                let text = text.split(';').next()?.trim();
                let text = text.strip_prefix(name).map_or(text, str::trim);
                (!text.is_empty() && !text.contains('|')).then_some(text)
            });
            Some(default.map_or_else(|| "$1".to_owned(), |default| format!("${{1:{}}}", escape(default))))
        }
    };
    let head = value.map_or_else(|| name.to_owned(), |value| format!("{name} {value}"));
    if directive.body == Body::None { format!("{head};$0") } else { format!("{head} {{\n\t$0\n}}") }
}

/// Words that begin an entry of a block that has no directives.
fn entries(question: &Question<'_>) -> Vec<CompletionItem> {
    let words: &[&str] = match question.block.as_str() {
        "map" => &["default", "hostnames", "include", "volatile"],
        "geo" => &["default", "include", "proxy", "delete", "ranges"],
        "split_clients" => &["*"],
        "types" | "charset_map" => &["include"],
        _ => &[],
    };
    let items = words.iter().map(|word| CompletionItem {
        kind: Some(CompletionItemKind::KEYWORD),
        ..question.item(0, word, word)
    });
    items.collect()
}
