//! Hover: what a directive is and what holds here, what a variable can be, who uses an upstream, what a location takes.

pub(super) mod block;
mod setting;

use std::fmt::Write as _;

use lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::index::{Key, Kind};
use super::place::Place;
use super::state::State;
use crate::catalog::{self, Body, Directive, Inheritance, Variable};
use crate::cli::{explain, show};
use crate::version::Version;

pub(super) fn hover(server: &State<'_>, params: &HoverParams) -> Option<Hover> {
    let at = &params.text_document_position_params;
    let place = server.place(&at.text_document.uri, at.position)?;
    let (text, span) = if let Some(name) = place.name() {
        (of_name(&place, &name.key)?, name.span)
    } else {
        let (position, word) = place.word?;
        let text = if position == 0 { of_directive(&place) } else { block::of_argument(&place) }?;
        (text, word.span())
    };
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: text });
    Some(Hover { contents, range: Some(place.range(span)) })
}

fn of_name(place: &Place<'_>, key: &Key) -> Option<String> {
    match key.kind {
        Kind::Variable => Some(of_variable(place, key)),
        Kind::Upstream => block::of_upstream(place, &key.name),
        _ => {
            let names = place.analysed.names();
            let count = names.of_key(key).filter(|one| !one.defines).count();
            let defined = names.of_key(key).find(|one| one.defines);
            let at = defined.map_or_else(
                || "not defined in this configuration".to_owned(),
                |one| format!("defined in {}", place.analysed.configuration().sources.place(one.span)),
            );
            Some(format!("{} `{}`\n\n{at}; used {}", key.kind.noun(), key.name, times(count)))
        }
    }
}

/// "once", "3 times".
fn times(count: usize) -> String {
    match count {
        0 => "nowhere".to_owned(),
        1 => "once".to_owned(),
        many => format!("{many} times"),
    }
}

fn of_variable(place: &Place<'_>, key: &Key) -> String {
    let mut text = format!("variable `${}`", key.name);
    let names = place.analysed.names();
    let sources = &place.analysed.configuration().sources;
    let definitions: Vec<String> =
        names.of_key(key).filter(|one| one.defines).map(|one| sources.place(one.span)).collect();
    if !definitions.is_empty() {
        let _ = write!(text, "\n\ndefined in {}", definitions.join(", "));
    } else if let Some(known) = catalog::variable(key.subsystem, key.name.as_bytes()) {
        let _ = write!(text, "\n\n{}", origin(known));
        if !known.doc.is_empty() {
            let _ = write!(text, "  \n[nginx.org](https://nginx.org{})", known.doc);
        }
    } else {
        text.push_str("\n\nno directive of this configuration defines it");
    }
    let block = place
        .blocks
        .iter()
        .rev()
        .find(|block| block.name().is("location") || block.name().is("server") || block.name().is("if"));
    if let Some(block) = block.filter(|_| key.subsystem == catalog::Subsystem::Http) {
        let book = show::ModelNames { config: place.analysed.model(), sources };
        let value = format!("${}", key.name);
        let lines = show::value::lines(book, place.analysed.configuration(), &value, block.head());
        if !lines.is_empty() {
            let _ = write!(text, "\n\nvalues here:\n```text\n{}\n```", lines.join("\n"));
        }
    }
    text
}

/// The module of a variable, and since when.
pub(super) fn origin(variable: &Variable) -> String {
    let since = variable.since.map(|since| format!(", since nginx {since}")).unwrap_or_default();
    format!("{}{since}", variable.module)
}

fn of_directive(place: &Place<'_>) -> Option<String> {
    let name = String::from_utf8_lossy(&place.directive?.name().value()).into_owned();
    let Some(entry) = place.entry() else { return block::of_entry(place) };
    let mut text = documentation(entry, place.analysed.version());
    if let Some(held) = setting::held(place, &name) {
        let _ = write!(text, "\n\n{held}");
    }
    if let Some(more) = block::of_block(place) {
        let _ = write!(text, "\n\n{more}");
    }
    Some(text)
}

/// Description of a directive for a version of nginx.
pub(super) fn documentation(entry: &Directive, version: Version) -> String {
    let end = if entry.body == Body::None { ";" } else { " { … }" };
    let forms: Vec<String> = match entry.syntax {
        [] => vec![format!("{} …{end}", entry.name)],
        forms => forms.iter().map(|form| format!("{form}{end}")).collect(),
    };
    let mut text = format!("```nginx\n{}\n```\n", forms.join("\n"));
    let contexts: Vec<&str> = entry.contexts_in(version).iter().map(catalog::Context::name).collect();
    let mut line = |name: &str, value: &str| {
        let _ = write!(text, "\n{name}: {value}  ");
    };
    line("module", &format!("{}{}", entry.module, explain::origin(entry.tier)));
    line("contexts", &contexts.join(", "));
    match entry.default_in(version) {
        Some(default) => line(&format!("default in nginx {version}"), &format!("`{default}`")),
        None if entry.body == Body::None => line("default", "none"),
        None => {}
    }
    match entry.inheritance {
        Inheritance::Override => line("inheritance", "an inner value replaces the outer one"),
        Inheritance::Array => line("inheritance", "a level with any of its own inherits none"),
        Inheritance::None => line("inheritance", "holds only in its own block"),
        _ => {}
    }
    if let Some(since) = entry.since {
        line("since", &format!("nginx {since}"));
    }
    if let Some(removed) = entry.removed {
        line("removed", &format!("in nginx {removed}"));
    }
    if let Some(replacement) = entry.replacement {
        line("write instead", &format!("`{replacement}`"));
    }
    if !entry.doc.is_empty() {
        let _ = write!(text, "\n[nginx.org{doc}](https://nginx.org{doc})", doc = entry.doc);
    }
    text
}
