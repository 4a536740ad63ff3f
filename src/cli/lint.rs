//! `ngxc lint`: check, and what nginx accepts but a person should know; repairs it if asked.

use std::io::Write;

use clap::Args;

use super::input::Input;
use super::render::{self, Report};
use super::{Failure, Outcome, fix};
use crate::diagnostic::{Diagnostic, Level};
use crate::lint::{self, BEFORE_DEFAULT_KEEPALIVE, RULES};
use crate::source::{Disk, Loader};
use crate::syntax::Configuration;

/// Arguments of `ngxc lint`.
#[derive(Args)]
pub(super) struct LintArgs {
    #[command(flatten)]
    pub(super) input: Input,

    /// Repair what can be repaired safely, in place.
    #[arg(long)]
    pub(super) fix: bool,

    /// With --fix or --diff: also make the edits that a person should look at.
    #[arg(long = "unsafe")]
    pub(super) unsafe_fixes: bool,

    /// Show the repairs as a diff and change nothing.
    #[arg(long)]
    pub(super) diff: bool,

    #[command(flatten)]
    output: render::Output,
}

pub(super) fn run(args: &LintArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if args.fix || args.diff {
        return fix::run(args, out);
    }
    let (configuration, findings) = findings(args, &Disk)?;
    report(args, &configuration, findings, out)
}

/// Prints findings and says how the command ends.
pub(super) fn report(
    args: &LintArgs,
    configuration: &Configuration,
    findings: Vec<Diagnostic>,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let report = Report::new(
        &configuration.sources,
        findings,
        args.input.version(),
        &args.input.file,
        "nothing to report",
    );
    args.output.print(&report, out)?;
    Ok(if report.count(Level::Error) + report.count(Level::Warning) > 0 {
        Outcome::Findings
    } else {
        Outcome::Clean
    })
}

/// Everything that is wrong with a configuration.
pub(super) fn findings(
    args: &LintArgs,
    loader: &dyn Loader,
) -> Result<(Configuration, Vec<Diagnostic>), Failure> {
    let configuration = args.input.load(loader)?;
    let version = args.input.version();
    let compiled = args.input.compile(&configuration, version);
    let mut found = lint::lint(&configuration, &compiled.config, RULES);
    if args.input.nginx_version.is_none() {
        // Which nginx it is for is not known, and connections are reused by default only since 1.29.7.
        let before = args.input.compile(&configuration, BEFORE_DEFAULT_KEEPALIVE);
        let before = lint::lint(&configuration, &before.config, RULES);
        found = lint::merge_versions(found, before);
    }
    let mut all = configuration.diagnostics.clone();
    all.extend(compiled.diagnostics);
    all.extend(found);
    Ok((configuration, all))
}
