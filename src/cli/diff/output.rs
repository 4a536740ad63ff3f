//! Output of differences, and the exit status that they give.

use std::io::Write;

use clap::ValueEnum;

use super::side::ComparedInputs;
use super::{entry, human, machine};
use crate::behaviour::diff::class::Class;
use crate::cli::Outcome;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For reading.
    Human,
    /// The schema of docs/diff.md.
    Json,
    /// For a pull request.
    Markdown,
}

pub(super) fn print(
    report: &entry::Report,
    sides: &ComparedInputs<'_>,
    format: Format,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    match format {
        Format::Human => human::print(report, sides, out),
        Format::Json => machine::json(report, sides, out),
        Format::Markdown => machine::markdown(report, sides, out),
    }
}

pub(super) fn outcome(report: &entry::Report, classes: &[Class]) -> Outcome {
    let counts = |class: Class| classes.is_empty() || classes.contains(&class);
    if report.entries.iter().any(|entry| counts(entry.class)) { Outcome::Findings } else { Outcome::Clean }
}
