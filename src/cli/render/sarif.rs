//! SARIF 2.1.0, with the help of each rule and the edits of each fix.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::Report;
use super::fingerprint::Fingerprints;
use crate::diagnostic::{Diagnostic, Level, names};
use crate::lint::{Category, RULES};
use crate::source::{FileId, SourceMap, Span};

/// Help page for findings without a page of their own.
const HELP: &str = "https://nginx.org/en/docs/";

/// The name of our fingerprints; a change of how they are made is a new number.
const FINGERPRINT: &str = "ngxcFinding/v1";

const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut codes: Vec<&str> = report.findings().map(|(_, f)| f.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let mut fingerprints = Fingerprints::default();
    let results: Vec<Value> = report
        .findings()
        .map(|(sources, finding)| {
            let index = codes.binary_search(&finding.code).unwrap_or_default();
            let mut result = result(sources, finding, index);
            result["partialFingerprints"] = json!({ FINGERPRINT: fingerprints.next(sources, finding) });
            result
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "ngxc",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": HELP,
                "rules": rules,
            }},
            // Columns count characters.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

fn rule(code: &str) -> Value {
    let Some(rule) = RULES.iter().find(|r| r.name == code) else {
        let meaning = names::named(code).map_or(code, |(_, meaning)| meaning);
        return json!({
            "id": code,
            "name": code,
            "shortDescription": { "text": meaning },
            "help": { "text": meaning },
            "helpUri": HELP,
            "properties": { "tags": ["configuration"] },
        });
    };
    let mut described = json!({
        "id": rule.name,
        "name": rule.name,
        "shortDescription": { "text": rule.summary },
        "help": { "text": rule.docs, "markdown": rule.docs },
        "helpUri": if rule.doc.is_empty() { HELP.to_owned() } else { format!("https://nginx.org{}", rule.doc) },
        "defaultConfiguration": { "level": level(rule.level) },
        "properties": { "tags": [rule.category.name()] },
    });
    if rule.category == Category::Security {
        described["properties"]["security-severity"] = severity(rule.level).into();
    }
    described
}

/// Severity that readers of SARIF sort by, from 0.0 to 10.0: high, medium, low.
fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "8.0",
        Level::Warning => "5.5",
        Level::Info => "2.5",
    }
}

fn result(sources: &SourceMap, finding: &Diagnostic, index: usize) -> Value {
    let help = finding.help.as_ref().map(|h| format!("\n{h}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": level(finding.level),
        "message": { "text": format!("{}{help}", finding.message) },
        "locations": [location(sources, finding.span, &finding.label)],
    });
    let further = finding.related.iter().map(|r| location(sources, r.span, &r.text));
    let includes = finding.includes.iter().map(|&span| location(sources, span, "included from here"));
    let related: Vec<Value> = further.chain(includes).collect();
    if !related.is_empty() {
        result["relatedLocations"] = related.into();
    }
    if let Some(fix) = &finding.fix {
        let mut files: BTreeMap<FileId, Vec<Value>> = BTreeMap::new();
        for edit in &fix.edits {
            files.entry(edit.span.file).or_default().push(json!({
                "deletedRegion": { "byteOffset": edit.span.start, "byteLength": edit.span.end - edit.span.start },
                "insertedContent": { "text": edit.text },
            }));
        }
        let changes: Vec<Value> = files
            .into_iter()
            .map(|(file, replacements)| {
                json!({ "artifactLocation": artifact(sources, file), "replacements": replacements })
            })
            .collect();
        result["fixes"] = json!([{ "description": { "text": fix.title }, "artifactChanges": changes }]);
    }
    result
}

fn artifact(sources: &SourceMap, file: FileId) -> Value {
    let name = sources.file(file).name();
    // A URI reference: what is no unreserved character or separator is escaped.
    let mut uri = if name.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into());
            }
            other => uri.extend(['%', HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]]),
        }
    }
    json!({ "uri": uri })
}

fn location(sources: &SourceMap, span: Span, text: &str) -> Value {
    let file = sources.file(span.file);
    let (start, end) = (file.position(span.start), file.position(span.end));
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": artifact(sources, span.file),
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        },
    });
    if !text.is_empty() {
        location["message"] = json!({ "text": text });
    }
    location
}
