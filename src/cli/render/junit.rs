//! `JUnit` XML: a test case a configuration, a failure a finding.

use std::io::{self, Write};

use super::Report;
use super::xml::escape;
use crate::diagnostic::Level;

pub(super) fn print(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let failures = report.count(Level::Error) + report.count(Level::Warning);
    let clean = report.parts.iter().filter(|p| p.findings.iter().all(|f| f.level == Level::Info));
    let clean: usize = clean.map(|part| part.files.len()).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuite name=\"ngxc\" tests=\"{}\" failures=\"{failures}\">", failures + clean)?;
    for part in &report.parts {
        let failed = part.findings.iter().filter(|f| f.level > Level::Info);
        let mut any = false;
        for finding in failed {
            any = true;
            let place = part.sources.place(finding.span);
            writeln!(
                out,
                "  <testcase classname=\"{}\" name=\"{}\">\n    <failure type=\"{}\" message=\"{}\">{}</failure>\n  </testcase>",
                escape(&place),
                escape(finding.code),
                finding.level.name(),
                escape(&finding.message),
                escape(finding.help.as_deref().unwrap_or_default())
            )?;
        }
        for file in part.files.iter().filter(|_| !any) {
            let name = escape(&file.display().to_string());
            writeln!(out, "  <testcase classname=\"{name}\" name=\"ngxc\"/>")?;
        }
    }
    writeln!(out, "</testsuite>")
}
