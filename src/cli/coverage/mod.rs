//! `ngxc coverage`: which parts of a configuration the requests of access logs reached; and the reports that
//! `ngxc test` shares.

pub(super) mod report;

mod count;
mod html;
mod lcov;
mod noticed;
mod shadow;

use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::input::{self, Input};
use super::{Failure, Outcome, log_file, log_format, note};
use crate::behaviour::coverage::Coverage;
use crate::behaviour::logged::{Counts, Reader};
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

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::new(format!("cannot read `{}`: {why}", path.display()))
}

/// A log; what was looked at is read again.
fn opened(path: &Path) -> Result<BufReader<Box<dyn Read + Send>>, Failure> {
    Ok(BufReader::new(log_file::open(path).map_err(|error| unreadable(path, &error.to_string()))?))
}

pub(super) fn run(args: &mut LogArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    let (configuration, config) = args.input.valid(&Disk)?;
    let config = Arc::new(config);
    let sources = &configuration.sources;
    let mut first = opened(&args.log[0])?;
    let line = first.fill_buf().map_err(|error| unreadable(&args.log[0], &error.to_string()))?;
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end().to_vec();
    let format = log_format::of_line(&config, args.log_format.as_deref(), &line)?;
    let mut first = Some(first);
    let ground = input::ground(Arc::clone(&config), sources)?;
    let reader = Reader::new(&ground, format).map_err(Failure::new)?;
    reader.assumptions().iter().for_each(|missing| note(&format!("note: {missing}")));
    let empty = Coverage::new(&config, sources);
    let mut coverage = empty.clone();
    let (mut foreign, mut samples, mut noticed) = (0, Vec::new(), Counts::default());
    for path in &args.log {
        let input = first.take().map_or_else(|| opened(path), Ok)?;
        let counted = count::count(&ground, &reader, &empty, input).map_err(|why| unreadable(path, &why))?;
        coverage.add(&counted.coverage);
        noticed.add(counted.noticed);
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
    noticed::notes(&noticed);
    let shadows = shadow::find(&coverage, &ground);
    match args.format {
        Format::Human => {
            report::counts(&coverage, sources, out)?;
            noticed::print(&noticed, out)?;
            shadow::print(&shadows, &ground, sources, out)?;
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
            document["lacking"] = serde_json::json!(noticed.lacking);
            document["failed_upstreams"] = serde_json::json!(noticed.failed);
            document["contradicted"] = serde_json::json!(noticed.contradicted);
            document["contradictions"] = serde_json::json!(noticed.contradictions);
            document["shadowed"] = shadow::json(&shadows, &ground, sources);
            serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    let reports = report::CoverageArgs::of(args.html.clone(), args.lcov.clone(), args.min_coverage);
    let shadowed = shadows.iter().map(|(id, by)| (ground.router.get(*id).span, ground.router.get(*by)));
    let shadowed = shadowed.map(|(span, by)| (span, format!("{} ({})", by.kind, sources.place(by.span))));
    let short = reports.write(&coverage, &shadowed.collect(), sources, false, out)?;
    if let Some(short) = &short {
        note(&format!("error: {short}"));
    }
    Ok(if short.is_some() { Outcome::Findings } else { Outcome::Clean })
}
