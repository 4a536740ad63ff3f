//! The differences for machines, and for a pull request.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::entry::{Entry, Report};
use super::human::{counts, request, url};
use super::side::{ComparedInputs, LoadedSide};
use crate::behaviour::diff::Witness;
use crate::source::Span;

/// Version of the schema.
const SCHEMA: u32 = 1;
/// Requests of an entry in Markdown.
const SHOWN: usize = 3;

pub(super) fn json(report: &Report, sides: &ComparedInputs<'_>, out: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<Value> = report.entries.iter().map(|entry| value(entry, sides)).collect();
    let document = json!({
        "schema": SCHEMA,
        "old": sides.names[0],
        "new": sides.names[1],
        "nginx_versions": [sides.old.config.version.to_string(), sides.new.config.version.to_string()],
        "differences": entries,
        "notes": report.notes,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn value(entry: &Entry, sides: &ComparedInputs<'_>) -> Value {
    let written = |lines: &[(String, String)]| -> Vec<Value> {
        lines.iter().map(|(text, place)| json!({ "text": text, "place": place })).collect()
    };
    let settings: Vec<Value> = entry
        .settings
        .iter()
        .map(|change| {
            json!({
                "name": change.name,
                "block": change.block,
                "old": { "text": change.old.0, "origin": change.old.1 },
                "new": { "text": change.new.0, "origin": change.new.1 },
            })
        })
        .collect();
    json!({
        "class": entry.class.name(),
        "what": entry.what,
        "old": written(&entry.old),
        "new": written(&entry.new),
        "requests": entry.witnesses.iter().map(|witness| of_witness(witness, sides)).collect::<Vec<_>>(),
        "settings": settings,
    })
}

fn of_witness(witness: &Witness, sides: &ComparedInputs<'_>) -> Value {
    let side = |loaded: &LoadedSide, value: &Option<String>, told: &(String, Option<Span>)| json!({ "value": value, "answer": told.0, "place": told.1.map(|span| loaded.book().place(span)) });
    let probe = &witness.probe;
    let variables: serde_json::Map<String, Value> = probe
        .facts
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), json!(String::from_utf8_lossy(value))))
        .collect();
    json!({
        "method": probe.method,
        "url": url(witness),
        "host": probe.host,
        "address": witness.endpoint.to_string(),
        "headers": probe.headers,
        "client": probe.client,
        "body_size": probe.facts.body,
        "variables": variables,
        "all_files": probe.facts.files == Some(crate::simulate::facts::Files::all()),
        "auth_request": probe.facts.auth_request,
        "user": probe.facts.user,
        "upstream_status": probe.facts.upstream.as_ref().map(|response| response.status),
        "effect": witness.field,
        "old": side(sides.old, &witness.old, &witness.old_told),
        "new": side(sides.new, &witness.new, &witness.new_told),
    })
}

pub(super) fn markdown(report: &Report, sides: &ComparedInputs<'_>, out: &mut dyn Write) -> io::Result<()> {
    if report.entries.is_empty() {
        writeln!(
            out,
            "**No difference in behaviour** between `{}` and `{}`.",
            sides.names[0], sides.names[1]
        )?;
    } else {
        writeln!(out, "**Differences in behaviour**: {}\n", counts(report))?;
        writeln!(out, "| class | edit | request or setting | before | after |\n|---|---|---|---|---|")?;
    }
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for entry in &report.entries {
        let lines = entry.old.iter().map(|(text, _)| format!("- `{text}`"));
        let lines = lines.chain(entry.new.iter().map(|(text, place)| format!("+ `{text}` ({place})")));
        let edit = lines.collect::<Vec<_>>().join("<br>");
        let mut rows: Vec<(String, String, String)> = Vec::new();
        for witness in entry.witnesses.iter().take(SHOWN) {
            let value = |value: &Option<String>, told: &(String, Option<Span>)| match witness.field.as_str() {
                "answer" => told.0.clone(),
                field => format!("{field}: {}", value.as_deref().unwrap_or("none")),
            };
            rows.push((
                format!("`{}`", request(witness)),
                value(&witness.old, &witness.old_told),
                value(&witness.new, &witness.new_told),
            ));
        }
        for change in entry.settings.iter().take(SHOWN) {
            let what = format!("`{}` of `{}`", change.name, change.block);
            rows.push((what, format!("`{}`", change.old.0), format!("`{}`", change.new.0)));
        }
        if rows.is_empty() {
            rows.push((entry.what.clone(), String::new(), String::new()));
        }
        for (what, before, after) in rows {
            let (class, what, before, after) = (entry.class.name(), cell(&what), cell(&before), cell(&after));
            writeln!(out, "| {class} | {} | {what} | {before} | {after} |", cell(&edit))?;
        }
    }
    for note in &report.notes {
        writeln!(out, "\n{note}")?;
    }
    Ok(())
}
