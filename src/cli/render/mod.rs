//! One file an output format, behind one function type.

mod checkstyle;
mod fingerprint;
pub(super) mod github;
mod gitlab;
mod human;
mod json;
mod junit;
mod sarif;
mod short;
pub(super) mod xml;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::common::{color, is_quiet};
use super::{Outcome, paths};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::SourceMap;
use crate::version::Version;

/// Arguments about the output of findings.
#[derive(Args, Clone, Copy)]
pub(super) struct Output {
    /// Output format of the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// Print every finding; otherwise the human format shows the first of many that are alike.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Source excerpts, labels and help.
    Human,
    /// One line a finding: `file:line:column: level: message [name]`.
    Short,
    /// One JSON document; its schema is documented and stable.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// Code quality report of GitLab.
    Gitlab,
    /// `JUnit` XML.
    Junit,
    /// Checkstyle XML.
    Checkstyle,
}

impl Output {
    /// In a format; `all`: also of many findings that are alike.
    pub(super) fn new(format: Format, all: bool) -> Self {
        Self { format, all }
    }
}

/// Findings of a command.
pub(super) struct Report<'a> {
    parts: Vec<ReportPart<'a>>,
    /// Message about a configuration without findings.
    clean: &'static str,
    /// Findings that nginx refuses, and that settings or comments took out.
    hidden: usize,
    known: ReportedFindings,
}

/// Findings in one configuration.
pub(super) struct ReportPart<'a> {
    sources: &'a SourceMap,
    findings: Vec<Diagnostic>,
    version: Version,
    files: Vec<PathBuf>,
}

impl<'a> Report<'a> {
    /// An empty report.
    pub(super) fn new(clean: &'static str) -> Self {
        Self { parts: Vec::new(), clean, hidden: 0, known: ReportedFindings::default() }
    }

    /// A report of one configuration.
    pub(super) fn one(
        sources: &'a SourceMap,
        findings: Vec<Diagnostic>,
        version: Version,
        file: &Path,
    ) -> Self {
        let mut report = Self::new("");
        report.add(sources, findings, version, &[file]);
        report
    }

    /// Adds the findings of a configuration, which will be in the order of its source. A file that is included in two
    /// places, or by two configurations, is right or wrong once.
    pub(super) fn add(
        &mut self,
        sources: &'a SourceMap,
        mut findings: Vec<Diagnostic>,
        version: Version,
        files: &[&Path],
    ) {
        findings.sort_by(|a, b| (a.span, Reverse(a.level), a.code).cmp(&(b.span, Reverse(b.level), b.code)));
        findings.dedup_by(|a, b| a.span == b.span && a.code == b.code && a.message == b.message);
        for part in &self.parts[self.known.parts..] {
            self.known.add(part);
        }
        if !self.parts.is_empty() {
            findings.retain(|finding| !self.known.has(sources, finding));
        }
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        self.parts.push(ReportPart { sources, findings, version, files });
    }

    /// Every finding with the texts it points into.
    fn findings(&self) -> impl Iterator<Item = (&SourceMap, &Diagnostic)> {
        self.parts.iter().flat_map(|part| part.findings.iter().map(move |f| (part.sources, f)))
    }

    /// Number of findings of a level.
    pub(super) fn count(&self, level: Level) -> usize {
        self.findings().filter(|(_, d)| d.level == level).count()
    }

    /// Counts findings that nginx refuses and that settings or comments took out.
    pub(super) fn hide(&mut self, count: usize) {
        self.hidden += count;
    }

    /// Sentence of the summary about findings that nginx refuses and that do not count as errors.
    pub(super) fn lowered(&self) -> Option<String> {
        let count = self.findings().filter(|(_, d)| d.lowered).count() + self.hidden;
        (count > 0).then(|| lowered(count))
    }

    /// Outcome of the command if findings of level `least` and above make it fail; `None`: no finding does.
    pub(super) fn outcome_from(&self, least: Option<Level>) -> Outcome {
        let fails = least.is_some_and(|least| self.findings().any(|(_, d)| d.level >= least));
        if fails { Outcome::Findings } else { Outcome::Clean }
    }

    /// Outcome of the command: notes alone do not make it fail.
    pub(super) fn outcome(&self) -> Outcome {
        if self.count(Level::Error) + self.count(Level::Warning) > 0 {
            Outcome::Findings
        } else {
            Outcome::Clean
        }
    }

    /// `2 errors, 1 warning`
    fn summary(&self) -> String {
        let named = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Info, "note")];
        let counts = named.map(|(level, name)| (self.count(level), name));
        let parts = counts.iter().filter(|(n, _)| *n > 0);
        parts
            .map(|(n, name)| format!("{n} {name}{}", if *n == 1 { "" } else { "s" }))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Findings that are in a report, whatever way leads to their file.
#[derive(Default)]
struct ReportedFindings {
    findings: HashSet<Key>,
    /// Number of the report's parts whose findings are in `findings`; the only part of a report needs no entry.
    parts: usize,
    /// Paths as they are and as they are compared.
    identities: HashMap<PathBuf, PathBuf>,
}

/// File, length of its text (dumps of two hosts have files of one name), range and name of a finding.
type Key = (PathBuf, usize, u32, u32, &'static str);

impl ReportedFindings {
    fn key(&mut self, sources: &SourceMap, finding: &Diagnostic) -> Key {
        let file = sources.file(finding.span.file);
        let identity = self.identities.entry(file.path.clone());
        let identity = identity.or_insert_with(|| paths::identity(&file.path)).clone();
        (identity, file.text.len(), finding.span.start, finding.span.end, finding.code)
    }

    fn has(&mut self, sources: &SourceMap, finding: &Diagnostic) -> bool {
        let key = self.key(sources, finding);
        self.findings.contains(&key)
    }

    fn add(&mut self, part: &ReportPart<'_>) {
        for finding in &part.findings {
            let key = self.key(part.sources, finding);
            self.findings.insert(key);
        }
        self.parts += 1;
    }
}

impl Output {
    /// Prints a report.
    pub(super) fn print(self, report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Some(lowered) = report.lowered() {
            super::note(&format!("note: {lowered}"));
        }
        match self.format {
            Format::Human => {
                let color = color(&io::stdout());
                human::print(report, &human::Style { color, all: self.all }, out)
            }
            Format::Short => short::print(report, out),
            Format::Json => json::print(report, out),
            Format::Sarif => sarif::print(report, out),
            Format::Github => github::print(report, out),
            Format::Gitlab => gitlab::print(report, out),
            Format::Junit => junit::print(report, out),
            Format::Checkstyle => checkstyle::print(report, out),
        }
    }
}

/// Says how many findings that nginx refuses are no errors.
pub(super) fn lowered(count: usize) -> String {
    let what = if count == 1 { "finding that nginx refuses is" } else { "findings that nginx refuses are" };
    format!("{count} {what} no error here, by settings or comments")
}

/// Prints a report to standard error, for commands whose output is something else.
pub(super) fn complain(report: &Report<'_>) {
    let style = human::Style { color: color(&io::stderr()), all: false };
    // A failure to write to standard error cannot be reported.
    let _ = human::print(report, &style, &mut io::stderr().lock());
}

/// Prints findings on standard error, all of them, in one line each.
pub(super) fn complain_in_lines(report: &Report<'_>) {
    let _ = short::print(report, &mut io::stderr().lock());
}

/// Columns of the terminal, as far as the shell tells.
pub(super) fn terminal_width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    columns.unwrap_or(100).clamp(60, 120)
}
