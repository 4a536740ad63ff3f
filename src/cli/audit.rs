//! `ngxc audit`: known vulnerabilities of a version of nginx that a configuration is exposed to.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::meaning::Meaning;
use super::render::{self, Report};
use super::{Failure, Outcome, estate, note};
use crate::lint::{self, Advisories};
use crate::source::{Disk, Loader};

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
    output: render::Output,
}

pub(super) fn run(args: &mut AuditArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.meaning.reading.stdin.settle(args.files.iter_mut())?;
    let mut configurations = Vec::new();
    for root in estate::roots(&args.files, &args.meaning)? {
        let meaning = args.meaning.of(&root.file)?;
        let Some(version) = meaning.nginx_version else {
            return Err(Failure::new("which nginx runs the configuration?").help(
                "say `--nginx-version 1.28.0`, or `nginx-version` in `ngxc.toml`; `nginx -v` prints it. Distributions repair old versions: see theirs too",
            ));
        };
        let configuration = meaning.load(&root.file, &Disk)?;
        configurations.push((root, version, configuration));
    }
    let advisories = match &args.advisories {
        Some(path) => read(path)?,
        None => Advisories::built_in(),
    };
    say_date(advisories);
    let mut report = Report::new("no known vulnerability of this version is exposed");
    for (root, version, configuration) in &configurations {
        let mut found = configuration.diagnostics.clone();
        found.extend(lint::audit(configuration, *version, advisories));
        estate::retain_asked(&mut found, root, configuration);
        report.add(&configuration.sources, found, *version, &root.names());
    }
    args.output.print(&report, out)?;
    Ok(report.outcome())
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
