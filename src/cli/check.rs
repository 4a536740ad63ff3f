//! `ngxc check`: would nginx accept it?

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::baseline::{self, BaselineArgs};
use super::meaning::Meaning;
use super::render::{self, Report};
use super::{Failure, Outcome, estate, extract, surroundings, told};
use crate::diagnostic::{Diagnostic, Level};
use crate::source::Disk;
use crate::syntax::Configuration;
use crate::version::Version;

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
    baseline: BaselineArgs,

    #[command(flatten)]
    host: HostArgs,

    #[command(flatten)]
    output: render::Output,
}

/// Arguments about the part of this host in a check.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
struct HostArgs {
    /// Read only the configuration and the files it includes [default].
    #[arg(long)]
    offline: bool,

    /// Also ask this host for the files, users and host names that the configuration needs.
    #[arg(long)]
    host: bool,
}

/// A configuration with what was found in it.
type Checked = (estate::Root, Version, Configuration, Vec<Diagnostic>);

pub(super) fn run(args: &mut CheckArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.baseline.settle(&mut args.files);
    args.meaning.reading.stdin.settle(args.files.iter_mut())?;
    args.extract.files(&mut args.files, &mut args.meaning)?;
    let mut checked: Vec<Checked> = Vec::new();
    let mut report = Report::new("valid");
    for root in estate::roots(&args.files, &args.meaning)? {
        let meaning = args.meaning.of(&root.file)?;
        let found = meaning.found.clone().unwrap_or_default();
        let mut settings = found.file.settings(None).map_err(Failure::new)?;
        args.meaning.level.set(&mut settings)?;
        let mut configuration = meaning.load(&root.file, &Disk)?;
        let meaning = &estate::meaning(&root, &meaning, &configuration);
        let mut compiled = meaning.compile_with(&configuration, meaning.version(), args.strict_modules);
        if args.host.host {
            surroundings::demand_includes(&mut configuration);
        } else {
            let is_in_place = surroundings::is_in_place(meaning, &configuration);
            surroundings::soften(&configuration, &mut compiled, is_in_place);
        }
        let mut findings = configuration.diagnostics.clone();
        if args.host.host {
            findings.extend(crate::compile::host::check(&configuration, &compiled, None));
        }
        findings.extend(compiled.diagnostics);
        let (mut findings, hidden) = told::tell(&configuration, &settings, &found, findings, &[]);
        report.hide(hidden);
        estate::note_elsewhere(&root, estate::retain_asked(&mut findings, &root, &configuration));
        estate::name_files(&mut configuration.sources, &root, &findings);
        checked.push((root, meaning.version(), configuration, findings));
    }
    let refused =
        |checked: &[Checked]| checked.iter().flat_map(|c| &c.3).filter(|d| d.level == Level::Error).count();
    let before = refused(&checked);
    // The baseline of the settings file is that of `lint`: what nginx refuses is told here unless somebody asks otherwise.
    let parts = checked.iter_mut().map(|(root, _, configuration, findings)| baseline::BaselinePart {
        root,
        configuration,
        findings,
        settled: None,
    });
    args.baseline.apply(parts.collect())?;
    report.hide(before - refused(&checked));
    for (root, version, configuration, findings) in &mut checked {
        report.add(&configuration.sources, std::mem::take(findings), *version, &root.names());
    }
    args.output.print(&report, out)?;
    let least = if args.deny_warnings { Level::Warning } else { Level::Error };
    Ok(report.outcome_from(Some(least)))
}
