//! `--format json`: one document, described in `docs/json.md`. Fields are added, never renamed or removed.

use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::edit::Applicability;
use crate::source::{SourceMap, Span};

/// Version of the schema.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    nginx_version: Option<String>,
    findings: Vec<Finding<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    errors: usize,
    warnings: usize,
    infos: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    name: &'a str,
    class: &'static str,
    level: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    label: &'a str,
    help: Option<&'a str>,
    nginx: Option<&'a str>,
    related: Vec<Related<'a>>,
    includes: Vec<Place>,
    fix: Option<FixOut<'a>>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    start: u32,
    end: u32,
}

#[derive(Serialize)]
struct Related<'a> {
    text: &'a str,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct FixOut<'a> {
    title: &'a str,
    applicability: &'static str,
    edits: Vec<EditOut<'a>>,
}

#[derive(Serialize)]
struct EditOut<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        nginx_version: report.parts.first().map(|p| p.version.to_string()),
        findings: report.findings().map(|(sources, f)| finding(sources, f)).collect(),
        summary: Summary {
            errors: report.count(Level::Error),
            warnings: report.count(Level::Warning),
            infos: report.count(Level::Info),
        },
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding<'a>(sources: &SourceMap, finding: &'a Diagnostic) -> Finding<'a> {
    Finding {
        name: finding.code,
        class: match finding.class {
            Class::Syntax => "syntax",
            Class::Configuration => "configuration",
            Class::Environment => "environment",
            Class::Rule => "rule",
        },
        level: finding.level.name(),
        message: &finding.message,
        place: place(sources, finding.span),
        label: &finding.label,
        help: finding.help.as_deref(),
        nginx: finding.nginx.as_deref(),
        related: finding
            .related
            .iter()
            .map(|r| Related { text: &r.text, place: place(sources, r.span) })
            .collect(),
        includes: finding.includes.iter().map(|&span| place(sources, span)).collect(),
        fix: finding.fix.as_ref().map(|fix| FixOut {
            title: &fix.title,
            applicability: match fix.applicability {
                Applicability::Safe => "safe",
                Applicability::Unsafe => "unsafe",
            },
            edits: fix
                .edits
                .iter()
                .map(|e| EditOut { place: place(sources, e.span), text: &e.text })
                .collect(),
        }),
    }
}

fn place(sources: &SourceMap, span: Span) -> Place {
    let file = sources.file(span.file);
    let (start, end) = (file.position(span.start), file.position(span.end));
    Place {
        file: file.name(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        start: span.start,
        end: span.end,
    }
}
