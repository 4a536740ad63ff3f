//! One file an output format, behind one function type.

mod human;
mod json;
mod short;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::diagnostic::{Diagnostic, Level};
use crate::source::SourceMap;
use crate::version::Version;

/// How findings are printed.
#[derive(Args, Clone, Copy)]
pub(super) struct Output {
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Print every finding; otherwise the human format shows the first of many that are alike.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Source excerpts, labels and help.
    Human,
    /// One line a finding: `file:line:column: level: message [name]`.
    Short,
    /// One JSON document; its schema is documented and stable.
    Json,
}

/// What a command found.
pub(super) struct Report<'a> {
    sources: &'a SourceMap,
    findings: Vec<Diagnostic>,
    version: Version,
    file: PathBuf,
    /// What to say when there is nothing.
    clean: &'static str,
}

impl<'a> Report<'a> {
    /// Findings in the order of the source.
    pub(super) fn new(
        sources: &'a SourceMap,
        mut findings: Vec<Diagnostic>,
        version: Version,
        file: &Path,
        clean: &'static str,
    ) -> Self {
        findings.sort_by(|a, b| {
            (a.span, std::cmp::Reverse(a.level), a.code).cmp(&(b.span, std::cmp::Reverse(b.level), b.code))
        });
        // A file that is included in two places is right or wrong once.
        findings.dedup_by(|a, b| a.span == b.span && a.code == b.code && a.message == b.message);
        Self { sources, findings, version, file: file.to_owned(), clean }
    }

    /// How many findings there are of a level.
    pub(super) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|d| d.level == level).count()
    }

    /// `2 errors, 1 warning`
    fn summary(&self) -> String {
        let mut parts = Vec::new();
        for level in [Level::Error, Level::Warning, Level::Info] {
            let plural = if level == Level::Info { "notes" } else { level.name() };
            match self.count(level) {
                0 => {}
                1 if level == Level::Info => parts.push("1 note".to_owned()),
                1 => parts.push(format!("1 {}", level.name())),
                n if level == Level::Info => parts.push(format!("{n} {plural}")),
                n => parts.push(format!("{n} {plural}s")),
            }
        }
        parts.join(", ")
    }
}

impl Output {
    /// Prints a report.
    pub(super) fn print(self, report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Human => {
                let terminal = io::stdout().is_terminal();
                let color = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
                human::print(report, &human::Style { color, all: self.all }, out)
            }
            Format::Short => short::print(report, out),
            Format::Json => json::print(report, out),
        }
    }
}
