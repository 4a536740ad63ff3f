//! GitLab's code quality report.

use std::io::{self, Write};

use serde_json::json;

use super::Report;
use super::fingerprint::Fingerprints;
use crate::diagnostic::Level;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut fingerprints = Fingerprints::default();
    let issues: Vec<_> = report
        .findings()
        .map(|(sources, finding)| {
            let file = sources.file(finding.span.file);
            json!({
                "description": finding.message,
                "check_name": finding.code,
                "fingerprint": fingerprints.next(sources, finding),
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
