//! `ngxc test`: requests, and what is expected of them, against a configuration.

mod execute;
mod find;
mod human;
pub(super) mod init;
#[cfg(feature = "runtime")]
mod live;
mod machine;
mod record;
mod watch;

pub(super) use execute::asked;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::coverage::report::CoverageArgs;
use super::input::{self, Input};
use super::show::ModelNames;
use super::{Failure, Outcome, note};
use crate::behaviour::coverage::Coverage;
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

    /// Print a case for each request of a list (`METHOD URL` a line) or of an access log, with what holds today; `-` is
    /// standard input.
    #[arg(long, value_name = "LIST|LOG", conflicts_with = "init")]
    record: Option<PathBuf>,

    /// `log_format` of the log that is recorded [default: that of the first `access_log`, else combined].
    #[arg(long, value_name = "NAME", requires = "record")]
    log_format: Option<String>,

    /// Run the cases again whenever a file of the configuration or of cases changes, until Ctrl-C.
    #[arg(long, conflicts_with_all = ["init", "record"])]
    watch: bool,

    /// Ask `ngxc run` as well: on loopback, with stubs for the upstreams and the files that the cases state.
    #[cfg(feature = "runtime")]
    #[arg(long)]
    live: bool,

    /// Ask a real nginx as well, in the same way: the path of its program; may be repeated.
    #[cfg(feature = "runtime")]
    #[arg(long, value_name = "PATH")]
    nginx: Vec<PathBuf>,

    #[command(flatten)]
    coverage: CoverageArgs,

    /// Form of the results.
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
    if args.input.file.to_string_lossy().ends_with(find::SUFFIX) {
        let name = args.input.file.display();
        return Err(Failure::new(format!(
            "`{name}` is a file of cases; expected the configuration before it"
        ))
        .help(format!("`ngxc test nginx.conf {name}`")));
    }
    args.input.settle()?;
    if args.watch {
        return watch::run(args, out);
    }
    once(args, out, &mut Vec::new())
}

/// Runs the cases; `files` gets the files that they and the configuration were read from.
fn once(args: &TestArgs, out: &mut dyn Write, files: &mut Vec<PathBuf>) -> Result<Outcome, Failure> {
    let (configuration, config) = args.input.valid(&Disk)?;
    let config = Arc::new(config);
    let sources = &configuration.sources;
    files.extend(sources.files().map(|(_, file)| file.path.clone()));
    let ground = input::ground(Arc::clone(&config), sources)?;
    if let Some(list) = &args.record {
        record::record(&ground, list, args.log_format.as_deref(), out)?;
        return Ok(Outcome::Clean);
    }
    if args.init {
        init::init(&ground, out)?;
        return Ok(Outcome::Clean);
    }
    let cases = find::cases(&args.input.file, &args.cases, args.filter.as_deref())?;
    files.extend(cases.iter().map(|found| found.file.clone()));
    if cases.is_empty() {
        return Err(match &args.filter {
            Some(text) => Failure::new(format!("no case has `{text}` in its name"))
                .help("`ngxc test FILE` without `--filter` runs all cases"),
            None => Failure::new("the files have no case")
                .help("`ngxc test FILE --init` prints a case for each location"),
        });
    }
    let coverage = Coverage::new(&config, sources);
    #[cfg_attr(not(feature = "runtime"), expect(unused_mut, reason = "nothing else executes cases"))]
    let (mut results, coverage) = execute::all(&ground, sources, cases, coverage);
    #[cfg_attr(not(feature = "runtime"), expect(unused_mut, reason = "nothing else executes cases"))]
    let mut engines: Vec<String> = Vec::new();
    #[cfg(feature = "runtime")]
    for nginx in
        args.live.then_some(None).into_iter().chain(args.nginx.iter().map(|path| Some(path.as_path())))
    {
        engines.push(live::run(nginx, &configuration, &ground, &mut results)?);
    }
    let book = ModelNames { config: &config, sources };
    let report = machine::Report { book, ground: &ground, results: &results };
    match args.format {
        Format::Human => human::print(&report, &engines, out)?,
        Format::Json => machine::json(&report, args.coverage.is_asked().then_some(&coverage), out)?,
        Format::Junit => machine::junit(&report, out)?,
        Format::Tap => machine::tap(&report, out)?,
        Format::Github => machine::github(&report, out)?,
    }
    let is_covered = args.coverage.write(
        &coverage,
        &std::collections::HashMap::new(),
        sources,
        args.format == Format::Human,
        out,
    )?;
    if let Some(short) = &is_covered {
        note(&format!("error: {short}"));
    }
    let is_clean = results.iter().all(execute::Result::is_passed) && is_covered.is_none();
    Ok(if is_clean { Outcome::Clean } else { Outcome::Findings })
}
