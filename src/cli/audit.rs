//! `ngxc audit`: known vulnerabilities of a version of nginx that a configuration is exposed to.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::input::Meaning;
use super::render::{self, Report};
use super::{Failure, Outcome};
use crate::lint;
use crate::source::Disk;

/// Arguments of `ngxc audit`.
#[derive(Args)]
pub(super) struct AuditArgs {
    /// Configurations; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    meaning: Meaning,

    #[command(flatten)]
    output: render::Output,
}

pub(super) fn run(args: &AuditArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let Some(version) = args.meaning.nginx_version else {
        return Err(Failure::new("which nginx runs the configuration?")
            .help("say `--nginx-version 1.28.0`; `nginx -v` prints it. Distributions repair old versions: see theirs too"));
    };
    let configurations =
        args.files.iter().map(|file| args.meaning.load(file, &Disk)).collect::<Result<Vec<_>, _>>()?;
    let mut report = Report::new("no known vulnerability of this version is exposed");
    for (file, configuration) in args.files.iter().zip(&configurations) {
        let mut found = configuration.diagnostics.clone();
        found.extend(lint::audit(configuration, version));
        report.add(&configuration.sources, found, version, file);
    }
    args.output.print(&report, out)?;
    Ok(report.outcome())
}
