//! `ngxc run`: executes a configuration.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::input::Input;
use super::render::{self, Report};
use super::{Failure, Outcome, note};
use crate::diagnostic::{Class, Diagnostic, Level};
use crate::model::log::{ErrorLog, LogTarget, Severity};
use crate::model::{Config, Unsupported};
use crate::runtime::{self, RunOptions, StartError};
use crate::site::Site;
use crate::source::{Disk, SourceMap};

/// Arguments of `ngxc run`.
#[derive(Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    input: Input,

    /// Directory that relative log and pid files belong to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    work_dir: PathBuf,

    /// Say what would be executed, skipped and refused, and do not start.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let Site { config, sources } = args.input.ready(&Disk)?;
    let (skipped, refused): (Vec<Unsupported>, Vec<Unsupported>) =
        runtime::unsupported(&config).into_iter().partition(|u| u.safe_because.is_some());
    if !refused.is_empty() {
        return Err(refuse(args, &sources, &refused));
    }
    say_skipped(&sources, &skipped);
    if args.dry_run {
        writeln!(out, "{}: can be executed", args.input.file.display())?;
        return Ok(Outcome::Clean);
    }
    let reload = || {
        let mut config = args.input.ready(&Disk).map_err(|e| e.message)?.config;
        with_log(&mut config);
        Ok(config)
    };
    start(&sources, config, args.work_dir.clone(), &reload)?;
    Ok(Outcome::Clean)
}

/// Runs until a signal ends it.
fn start(
    sources: &SourceMap,
    mut config: Config,
    prefix: PathBuf,
    reload: runtime::Reload<'_>,
) -> Result<(), Failure> {
    with_log(&mut config);
    runtime::run(Arc::new(config), &RunOptions { prefix }, reload).map_err(|error| match &error {
        StartError::Failed { span: Some(span), .. } => {
            Failure::new(format!("{error} in {}", sources.place(*span)))
        }
        _ => Failure::new(error.to_string()),
    })
}

/// Errors go somewhere even if the configuration does not say where.
fn with_log(config: &mut Config) {
    if config.core.error_log.value.is_empty() {
        // Where nginx has the log that was compiled in.
        let log = ErrorLog { target: LogTarget::Stderr, severity: Severity::Error, span: None };
        config.core.error_log.value.push(log);
    }
}

/// Each directive that would have to be executed and is not, with its place.
fn refuse(args: &RunArgs, sources: &SourceMap, refused: &[Unsupported]) -> Failure {
    let findings = refused
        .iter()
        .map(|u| {
            let what = if u.what.contains('`') || u.what.contains(' ') {
                u.what.clone()
            } else {
                format!("`{}`", u.what)
            };
            let message = format!("{what} is not executed by `ngxc run`");
            Diagnostic::new("not-executed", Class::Configuration, Level::Error, u.span, message)
                .label("refused")
        })
        .collect();
    let version = args.input.meaning.version();
    render::complain(&Report::one(sources, findings, version, &args.input.file));
    Failure::new("the configuration asks for more than `ngxc run` executes, so it was not started")
        .help("`ngxc explain DIRECTIVE` says what is done with a directive")
}

/// What is left out without harm, once at start and in one line each.
fn say_skipped(sources: &SourceMap, skipped: &[Unsupported]) {
    let mut said = std::collections::HashSet::new();
    for u in skipped {
        if said.insert(&u.what) {
            let reason = u.safe_because.unwrap_or_default();
            note(&format!("{}: `{}` is not needed: {reason}", sources.place(u.span), u.what));
        }
    }
}
