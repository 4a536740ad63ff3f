//! `ngxc coverage`: which parts of a configuration the requests of access logs reached; and the reports that
//! `ngxc test` shares.

pub(super) mod report;

mod count;
mod html;
mod lcov;
mod shadow;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::input::{self, Input};
use super::{Failure, Outcome, log_file, log_format, note};
use crate::behaviour::coverage::Coverage;
use crate::behaviour::logged::Reader;
use crate::source::Disk;

/// Arguments of `ngxc coverage`.
#[derive(Args)]
pub(super) struct LogArgs {
    #[command(flatten)]
    input: Input,

    /// Access log, plain or gzip; `-` is standard input; may be repeated.
    #[arg(long, value_name = "LOG", required = true, num_args = 1..)]
    log: Vec<PathBuf>,

    /// `log_format` of the logs [default: that of the first `access_log`, else combined].
    #[arg(long, value_name = "NAME")]
    log_format: Option<String>,

    /// Write a page with the tree of the configuration.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Write the counts in the format of lcov.
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,

    /// Fail if less than this share of all parts was reached, in per cent.
    #[arg(long, value_name = "PERCENT", value_parser = report::percentage)]
    min_coverage: Option<f64>,

    /// Form of the counts.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading.
    Human,
    /// The schema of docs/coverage.md.
    Json,
}

pub(super) fn run(args: &mut LogArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    let config = Arc::new(config);
    let sources = &configuration.sources;
    let format = log_format::choose(&config, args.log_format.as_deref(), log_format::written(&config))?;
    let ground = input::ground(Arc::clone(&config), sources)?;
    let reader = Reader::new(&ground, format).map_err(Failure::new)?;
    reader.assumptions().iter().for_each(|missing| note(&format!("note: {missing}")));
    let empty = Coverage::new(&config, sources);
    let mut coverage = empty.clone();
    let (mut foreign, mut samples) = (0, Vec::new());
    for path in &args.log {
        let failed = |why: String| Failure::new(format!("cannot read `{}`: {why}", path.display()));
        let input = log_file::open(path).map_err(|error| failed(error.to_string()))?;
        let counted = count::count(&ground, &reader, &empty, input).map_err(failed)?;
        coverage.add(&counted.coverage);
        foreign += counted.foreign;
        samples.extend(
            counted.samples.into_iter().map(|(line, why)| format!("{}:{line}: {why}", path.display())),
        );
    }
    samples.truncate(3);
    if coverage.requests == 0 && foreign > 0 {
        return Err(Failure::new(format!(
            "no line fits the log_format `{}`: {}",
            format.name,
            samples.join("; ")
        ))
        .help("`--log-format NAME` says which log_format of the configuration the log has"));
    }
    match args.format {
        Format::Human => {
            report::counts(&coverage, sources, out)?;
            shadow::print(&coverage, &ground, sources, out)?;
            if foreign > 0 {
                writeln!(out, "\n{foreign} lines do not fit the log_format `{}`", format.name)?;
                samples.iter().try_for_each(|sample| writeln!(out, "  {sample}"))?;
            }
        }
        Format::Json => {
            let mut document = report::json(&coverage, sources);
            document["schema"] = serde_json::json!(1);
            document["foreign_lines"] = serde_json::json!(foreign);
            document["samples"] = serde_json::json!(samples);
            serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    let reports = report::CoverageArgs::of(args.html.clone(), args.lcov.clone(), args.min_coverage);
    let short = reports.write(&coverage, sources, false, out)?;
    if let Some(short) = &short {
        note(&format!("error: {short}"));
    }
    Ok(if short.is_some() { Outcome::Findings } else { Outcome::Clean })
}
