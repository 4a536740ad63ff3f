//! GitLab's code quality report.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};

use serde_json::json;

use super::Report;
use crate::diagnostic::{Diagnostic, Level};
use crate::source::SourceMap;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<_> = report
        .findings()
        .map(|(sources, finding)| {
            let file = sources.file(finding.span.file);
            json!({
                "description": finding.message,
                "check_name": finding.code,
                "fingerprint": fingerprint(sources, finding),
                "severity": match finding.level {
                    Level::Error => "critical",
                    Level::Warning => "major",
                    Level::Info => "info",
                },
                "location": {
                    "path": file.name(),
                    "lines": { "begin": file.position(finding.span.start).line },
                },
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

/// The same for the same finding in every run, and when lines above it change.
fn fingerprint(sources: &SourceMap, finding: &Diagnostic) -> String {
    let file = sources.file(finding.span.file);
    let line = file.line(file.position(finding.span.start).line);
    // The keys of `DefaultHasher::new` are fixed.
    let mut hasher = DefaultHasher::new();
    (file.name(), finding.code, &finding.message, line.trim_ascii()).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
