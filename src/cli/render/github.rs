//! Workflow commands of GitHub Actions, which become annotations of the changed lines.

use std::io::{self, Write};

use super::Report;
use crate::diagnostic::Level;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (sources, finding) in report.findings() {
        let file = sources.file(finding.span.file);
        let (start, end) = (file.position(finding.span.start), file.position(finding.span.end));
        let command = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "notice",
        };
        let help = finding.help.as_ref().map(|h| format!("\n{h}")).unwrap_or_default();
        writeln!(
            out,
            "::{command} file={},line={},endLine={},col={},title={}::{}",
            property(&file.name()),
            start.line,
            end.line,
            start.column,
            property(finding.code),
            data(&format!("{}{help}", finding.message))
        )?;
    }
    Ok(())
}

/// Line ends and percent signs end a command.
pub(in crate::cli) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Commas and colons end a property too.
pub(in crate::cli) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
