//! `ngxc audit`: known vulnerabilities of a version of nginx that a configuration is exposed to.

mod vex;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::baseline::{self, BaselineArgs};
use super::meaning::Meaning;
use super::render::{self, Report};
use super::{Failure, Outcome, estate, note};
use crate::lint::{self, Advisories, Status};
use crate::source::{Disk, Loader};
use crate::syntax::Configuration;
use crate::version::Version;

/// Arguments of `ngxc audit`.
#[derive(Args)]
pub(super) struct AuditArgs {
    /// Configurations, or directories of them; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    meaning: Meaning,

    /// Newer advisories than those of this program, in the form of its `grammar/advisories.toml`.
    #[arg(long, value_name = "FILE")]
    advisories: Option<PathBuf>,

    #[command(flatten)]
    baseline: BaselineArgs,

    /// Output format of the findings.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Print every finding; otherwise the human format shows the first of many that are alike.
    #[arg(long)]
    all: bool,
}

/// Findings as of other commands, or what every vulnerability means.
#[derive(Clone, Copy)]
enum Format {
    Findings(render::Format),
    Vex(Vex),
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Vex {
    /// `OpenVEX` 0.2.0: what every vulnerability means for one configuration, with the reason
    Openvex,
    /// The same as `CycloneDX` 1.6
    Cyclonedx,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Format>> = LazyLock::new(|| {
            let findings = render::Format::value_variants().iter().copied().map(Format::Findings);
            findings.chain(Vex::value_variants().iter().copied().map(Format::Vex)).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Format::Findings(format) => format.to_possible_value(),
            Format::Vex(format) => format.to_possible_value(),
        }
    }
}

pub(super) fn run(args: &mut AuditArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.baseline.settle(&mut args.files);
    args.meaning.reading.stdin.settle(args.files.iter_mut())?;
    let mut configurations = Vec::new();
    for root in estate::roots(&args.files, &args.meaning)? {
        let meaning = args.meaning.of(&root.file)?;
        let Some(version) = meaning.nginx_version else {
            return Err(Failure::new("which nginx runs the configuration?").help(
                "say `--nginx-version 1.28.0`, or `nginx-version` in `ngxc.toml`; `nginx -v` prints it. Distributions repair old versions: see theirs too",
            ));
        };
        let mut configuration = meaning.load(&root.file, &Disk)?;
        let mut settings =
            meaning.found.clone().unwrap_or_default().file.settings(None).map_err(Failure::new)?;
        meaning.level.set(&mut settings)?;
        settings.settle(&mut configuration.diagnostics);
        configurations.push((root, version, configuration));
    }
    let advisories = match &args.advisories {
        Some(path) => read(path)?,
        None => Advisories::built_in(),
    };
    say_date(advisories);
    let format = match args.format {
        Format::Findings(format) => format,
        Format::Vex(format) => {
            let [(root, version, configuration)] = configurations.as_slice() else {
                return Err(Failure::new("a VEX document is about one configuration").help("name one FILE"));
            };
            if args.baseline.is_given() {
                return Err(Failure::new(
                    "a VEX document says what every vulnerability means: it has no baseline",
                )
                .help("leave out `--baseline`"));
            }
            return statements(format, configuration, &root.file, *version, advisories, out);
        }
    };
    let mut report = Report::new("no known vulnerability of this version is exposed");
    let audited = |(_, version, configuration): &(_, Version, Configuration)| {
        let mut found = configuration.diagnostics.clone();
        found.extend(lint::audit(configuration, *version, advisories));
        found
    };
    let mut all: Vec<_> = configurations.iter().map(audited).collect();
    // The baseline of the settings file is that of `lint`.
    let parts = configurations.iter().zip(&mut all).map(|((root, _, configuration), findings)| {
        baseline::BaselinePart { root, configuration, findings, settled: None }
    });
    args.baseline.apply(parts.collect())?;
    for ((root, version, configuration), found) in configurations.iter().zip(all) {
        // Vulnerabilities of a version concern the whole configuration, whichever of its files was named.
        report.add(&configuration.sources, found, *version, &[&root.file]);
    }
    render::Output::new(format, args.all).print(&report, out)?;
    Ok(report.outcome())
}

/// Prints what every vulnerability means for a configuration.
fn statements(
    format: Vex,
    configuration: &Configuration,
    file: &Path,
    version: Version,
    advisories: &'static Advisories,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let now = jiff::Timestamp::from_second(i64::try_from(seconds()).unwrap_or(0));
    let subject = vex::Subject {
        version,
        file: file.display().to_string(),
        sources: &configuration.sources,
        advisories: advisories.date(),
        now: now.map(|now| now.to_string()).unwrap_or_default(),
    };
    let verdicts = lint::verdicts(configuration, version, advisories);
    let document = match format {
        Vex::Openvex => vex::openvex(&subject, &verdicts),
        Vex::Cyclonedx => vex::cyclonedx(&subject, &verdicts),
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(std::io::Error::from)?;
    writeln!(out)?;
    let is_affected = verdicts.iter().any(|verdict| verdict.status == Status::Affected);
    Ok(if is_affected { Outcome::Findings } else { Outcome::Clean })
}

/// Seconds since 1970; `SOURCE_DATE_EPOCH` says another time, for documents that are made twice.
fn seconds() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    given.unwrap_or_else(now)
}

/// Advisories older than this are said to be old, in days.
const OLD: i64 = 60;

/// A file of advisories, which lives as long as the program: its names are those of findings.
fn read(path: &Path) -> Result<&'static Advisories, Failure> {
    let failed = |error: String| Failure::new(format!("`{}`: {error}", path.display()));
    let bytes = Disk.read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("is not UTF-8".to_owned()))?;
    let advisories = Advisories::parse(&text).map_err(failed)?;
    Ok(Box::leak(Box::new(advisories)))
}

/// Says of which day the data are: what was published later is not in the answer.
fn say_date(advisories: &Advisories) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let age = advisories.age(i64::try_from(now / 86_400).unwrap_or(0));
    note(&format!("{} advisories, as of {}", advisories.count(), advisories.date()));
    if age > OLD {
        note(&format!(
            "warning: the advisories are {age} days old; newer ones may concern this version: `--advisories FILE` takes them"
        ));
    }
}
