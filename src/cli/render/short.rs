//! `file:line:column: level: message [name]`, one line a finding.

use std::io::{self, Write};

use super::Report;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (sources, finding) in report.findings() {
        let file = sources.file(finding.span.file);
        let at = file.position(finding.span.start);
        writeln!(
            out,
            "{}:{}:{}: {}: {} [{}]",
            file.path.display(),
            at.line,
            at.column,
            finding.level.name(),
            finding.message,
            finding.code
        )?;
    }
    Ok(())
}
