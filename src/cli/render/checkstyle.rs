//! Checkstyle XML: findings by file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Report;
use super::xml::escape;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut files: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (sources, finding) in report.findings() {
        files.entry(sources.file(finding.span.file).name()).or_default().push((sources, finding));
    }
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">")?;
    for (name, findings) in files {
        writeln!(out, "  <file name=\"{}\">", escape(&name))?;
        for (sources, finding) in findings {
            let at = sources.position(finding.span);
            writeln!(
                out,
                "    <error line=\"{}\" column=\"{}\" severity=\"{}\" message=\"{}\" source=\"ngxc.{}\"/>",
                at.line,
                at.column,
                finding.level.name(),
                escape(&finding.message),
                finding.code
            )?;
        }
        writeln!(out, "  </file>")?;
    }
    writeln!(out, "</checkstyle>")
}
