//! `ngxc check`: would nginx accept it?

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::input::Meaning;
use super::render::{self, Report};
use super::{Failure, Outcome, estate, extract, surroundings};
use crate::diagnostic::Level;
use crate::source::Disk;

/// Arguments of `ngxc check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    /// Configurations, or directories of them; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    meaning: Meaning,

    #[command(flatten)]
    extract: extract::Extract,

    /// Refuse directives and parameters of third-party modules and of NGINX Plus, as an nginx without them does; a
    /// `load_module` allows them [default: they are noted].
    #[arg(long)]
    strict_modules: bool,

    /// Fail on warnings too [default: on errors only, as `nginx -t`].
    #[arg(long)]
    deny_warnings: bool,

    #[command(flatten)]
    host: HostArgs,

    #[command(flatten)]
    output: render::Output,
}

/// Whether this host takes part.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct HostArgs {
    /// Look at nothing but the configuration [default].
    #[arg(long)]
    offline: bool,

    /// Also ask this host for the files, users and host names that the configuration needs.
    #[arg(long)]
    host: bool,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let (mut meaning, mut files) = (args.meaning.clone(), args.files.clone());
    args.extract.files(&mut files, &mut meaning)?;
    let version = meaning.version();
    let mut checked = Vec::new();
    for file in estate::configurations(&files, |_| false)? {
        let mut configuration = meaning.load(&file, &Disk)?;
        let mut compiled = meaning.compile_with(&configuration, version, args.strict_modules);
        if args.host.host {
            surroundings::demand_includes(&mut configuration);
        } else {
            let is_in_place = surroundings::is_in_place(&meaning, &configuration);
            surroundings::soften(&configuration, &mut compiled, is_in_place);
        }
        let mut findings = configuration.diagnostics.clone();
        if args.host.host {
            findings.extend(crate::compile::host::check(&configuration, &compiled, None));
        }
        findings.extend(compiled.diagnostics);
        findings.retain(|d| d.level == Level::Error || !configuration.is_stand_in(d.span.file));
        checked.push((file, configuration, findings));
    }
    let mut report = Report::new("valid");
    for (file, configuration, findings) in &mut checked {
        report.add(&configuration.sources, std::mem::take(findings), version, file);
    }
    args.output.print(&report, out)?;
    let least = if args.deny_warnings { Level::Warning } else { Level::Error };
    Ok(report.outcome_from(Some(least)))
}
