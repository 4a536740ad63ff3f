//! `ngxc test`: requests, and what is expected of them, against a configuration.

mod execute;
mod find;
mod human;
pub(super) mod init;
mod machine;

pub(super) use execute::asked;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::coverage::report::CoverageArgs;
use super::input::Input;
use super::show::Book;
use super::{Failure, Outcome, note};
use crate::behaviour::coverage::Coverage;
use crate::simulate::walk::Ground;
use crate::source::Disk;

/// Arguments of `ngxc test`.
#[derive(Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    input: Input,

    /// Files of cases, or directories with `*.test.toml` [default: the directory of FILE, with what is below it].
    #[arg(value_name = "CASES")]
    cases: Vec<PathBuf>,

    /// Only cases with this text in their name.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Print a case for each location that some request reaches, with what holds today; runs nothing.
    #[arg(long)]
    init: bool,

    /// Print a case for each request of a list (`METHOD URL` a line), with what holds today; `-` is standard input.
    #[arg(long, value_name = "LIST", conflicts_with = "init")]
    record: Option<PathBuf>,

    #[command(flatten)]
    coverage: CoverageArgs,

    /// How the results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading.
    Human,
    /// The schema of docs/test.md.
    Json,
    /// `JUnit` XML.
    Junit,
    /// Test Anything Protocol.
    Tap,
    /// Annotations of GitHub Actions.
    Github,
}

pub(super) fn run(args: &mut TestArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    let config = Arc::new(config);
    let sources = &configuration.sources;
    let ground = Ground::new(Arc::clone(&config))
        .map_err(|error| Failure::new(format!("{error} in {}", sources.place(error.span))))?;
    if args.init || args.record.is_some() {
        match &args.record {
            Some(list) => init::record(&ground, list, out)?,
            None => init::init(&ground, out)?,
        }
        return Ok(Outcome::Clean);
    }
    let cases = find::cases(&args.input.file, &args.cases, args.filter.as_deref())?;
    let coverage = Coverage::new(&config, sources);
    let (results, coverage) = execute::all(&ground, sources, cases, coverage);
    let book = Book { config: &config, sources };
    let report = machine::Report { book, ground: &ground, results: &results };
    match args.format {
        Format::Human => human::print(&report, out)?,
        Format::Json => machine::json(&report, args.coverage.is_asked().then_some(&coverage), out)?,
        Format::Junit => machine::junit(&report, out)?,
        Format::Tap => machine::tap(&report, out)?,
        Format::Github => machine::github(&report, out)?,
    }
    let is_covered = args.coverage.write(&coverage, sources, args.format == Format::Human, out)?;
    if results.is_empty() {
        return Err(Failure::new("no case has that text in its name")
            .help("`ngxc test FILE` without `--filter` runs all cases"));
    }
    if let Some(short) = &is_covered {
        note(&format!("error: {short}"));
    }
    let is_clean = results.iter().all(execute::Result::is_passed) && is_covered.is_none();
    Ok(if is_clean { Outcome::Clean } else { Outcome::Findings })
}
