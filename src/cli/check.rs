//! `ngxc check`: would nginx accept it?

use std::io::Write;

use clap::Args;

use super::input::Input;
use super::render::{self, Report};
use super::{Failure, Outcome};
use crate::diagnostic::Level;
use crate::source::Disk;

/// Arguments of `ngxc check`.
#[derive(Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    host: HostArgs,

    #[command(flatten)]
    output: render::Output,
}

/// Whether this host takes part.
#[derive(Args, Clone, Copy)]
#[group(multiple = false)]
pub(super) struct HostArgs {
    /// Look at nothing but the configuration [default].
    #[arg(long)]
    offline: bool,

    /// Also ask this host for the files, users and host names that the configuration needs.
    #[arg(long)]
    pub(super) host: bool,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let configuration = args.input.load(&Disk)?;
    let compiled = args.input.compile(&configuration, args.input.version());
    let mut findings = configuration.diagnostics.clone();
    findings.extend(compiled.diagnostics);
    if args.host.host {
        findings.extend(crate::compile::host::check(&configuration, &compiled.config));
    }
    let report =
        Report::new(&configuration.sources, findings, args.input.version(), &args.input.file, "valid");
    args.output.print(&report, out)?;
    Ok(if report.count(Level::Error) + report.count(Level::Warning) > 0 {
        Outcome::Findings
    } else {
        Outcome::Clean
    })
}
