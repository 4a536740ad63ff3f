//! All servers and locations, with what answers and where.

use std::io::{self, Write};

use serde::Serialize;

use super::{ModelNames, way};
use crate::catalog;
use crate::model::location::Handler;
use crate::model::rewrite::Instruction;
use crate::model::{HttpSettings, Location, Server};
use crate::source::Span;
use crate::syntax::Configuration;

/// A server.
#[derive(Debug, Serialize)]
pub(super) struct ServerRow {
    names: String,
    listen: Vec<String>,
    answer: String,
    place: String,
    locations: Vec<LocationRow>,
}

/// A location, also an `if` or `limit_except`.
#[derive(Debug, Serialize)]
pub(super) struct LocationRow {
    location: String,
    answer: String,
    place: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<LocationRow>,
}

pub(super) fn servers(book: ModelNames<'_>, configuration: &Configuration) -> Vec<ServerRow> {
    let servers = book.config.http.servers.iter();
    servers
        .map(|server| ServerRow {
            names: written_names(book, configuration, server).unwrap_or_else(|| way::names(server)),
            listen: server
                .listen
                .iter()
                .map(|listen| {
                    listen.span.map_or_else(|| format!("listen {}", listen.endpoint), |s| book.text(s))
                })
                .collect(),
            answer: unknown_answer(book, configuration, server.span)
                .unwrap_or_else(|| answer(book, &server.instructions, None, &server.settings)),
            place: book.place(server.span),
            locations: server.locations.iter().map(|l| location(book, configuration, l)).collect(),
        })
        .collect()
}

/// Names as they are written, if a template decides about any of them.
fn written_names(book: ModelNames<'_>, configuration: &Configuration, server: &Server) -> Option<String> {
    let block = configuration.tree(server.span.file).directive_at(server.span.start)?.block()?;
    let all: Vec<_> = block.directives().filter(|d| d.name().is("server_name")).collect();
    let is_unknown = all.iter().any(|d| configuration.touches_template(d.head()));
    let names = all.iter().flat_map(|d| d.args()).map(|name| book.text(name.span()));
    is_unknown.then(|| names.collect::<Vec<_>>().join(" "))
}

fn location(book: ModelNames<'_>, configuration: &Configuration, model: &Location) -> LocationRow {
    LocationRow {
        location: book.text(model.span),
        answer: unknown_answer(book, configuration, model.span)
            .unwrap_or_else(|| answer(book, &model.instructions, model.handler.as_ref(), &model.settings)),
        place: book.place(model.span),
        locations: model.inner.iter().map(|l| location(book, configuration, l)).collect(),
    }
}

/// The directive that answers in a block, as written, if its value is a placeholder that the model does not have.
fn unknown_answer(book: ModelNames<'_>, configuration: &Configuration, head: Span) -> Option<String> {
    let block = configuration.tree(head.file).directive_at(head.start)?.block()?;
    let answers = |name: &[u8]| {
        matches!(name, b"return" | b"rewrite")
            || catalog::directives(name).iter().any(|entry| entry.content_handler)
    };
    let mut inside = block.directives().filter(|directive| answers(&directive.name().value()));
    let found = inside.find(|directive| configuration.touches_template(directive.head()))?;
    Some(book.text(found.head()))
}

/// The directive that answers in a block, if the configuration has one.
fn answer(
    book: ModelNames<'_>,
    instructions: &[Instruction],
    handler: Option<&Handler>,
    settings: &HttpSettings,
) -> String {
    let content = &settings.content;
    let answers =
        instructions.iter().find_map(|i| if let Instruction::Return(r) = i { Some(r.span) } else { None });
    if let Some(span) = answers.or(handler.map(Handler::span)) {
        return book.text(span);
    }
    if let Some(span) = content.try_files.origin.span() {
        return book.text(span);
    }
    match content.root.origin.span() {
        Some(span) => book.text(span),
        None => "root html".to_owned(),
    }
}

pub(super) fn print(servers: &[ServerRow], out: &mut dyn Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for server in servers {
        lines.push((format!("server {}", server.names), server.listen.join("; "), server.place.as_str()));
        if server.locations.iter().all(|l| l.location.starts_with("if")) {
            lines.push(("  (no location)".to_owned(), server.answer.clone(), ""));
        }
        rows(&server.locations, 1, &mut lines);
    }
    let width =
        |text: &dyn Fn(&(String, String, &str)) -> usize| lines.iter().map(text).max().unwrap_or(0).min(48);
    let (first, second) = (width(&|l| l.0.len()), width(&|l| l.1.len()));
    for (left, middle, place) in &lines {
        writeln!(out, "{}", format!("{left:first$}  {middle:second$}  {place}").trim_end())?;
    }
    Ok(())
}

fn rows<'r>(locations: &'r [LocationRow], depth: usize, lines: &mut Vec<(String, String, &'r str)>) {
    for row in locations {
        let name = format!("{:1$}{2}", "", depth * 2, row.location);
        lines.push((name, row.answer.clone(), row.place.as_str()));
        rows(&row.locations, depth + 1, lines);
    }
}
