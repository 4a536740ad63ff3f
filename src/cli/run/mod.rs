//! `ngxc run`: executes a configuration.

pub(super) mod metrics;
mod prometheus;
mod scrape;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::input::Input;
use super::render::{self, Report};
use super::{Failure, Outcome, note, process};
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

    /// Show upstream connections and ports: a page at `/`, Prometheus text at `/metrics`, JSON at `/ledger.json`. An
    /// address, a port or both; without address on loopback, without port on 9145.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = super::metrics::server::parse_place)]
    metrics: Option<SocketAddr>,

    /// Do what nginx does not: no half-range cliff, idle connections by source address, a full source gives way to
    /// the next one.
    #[arg(long)]
    improve: bool,
}

pub(super) fn run(args: &mut RunArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
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
        let input = args.input.anew().map_err(|e| e.message)?;
        let mut site = input.ready(&Disk).map_err(|e| e.message)?;
        with_log(&mut site.config);
        Ok(site)
    };
    let prefix = args.work_dir.clone();
    let mut options = RunOptions { prefix, improve: args.improve, ..RunOptions::default() };
    if let Some(place) = args.metrics {
        let (socket, address) = super::metrics::server::bind(place)?;
        if config.core.master_process.value {
            options.metrics = Some(Arc::new(socket));
        } else {
            let ledger = Arc::default();
            options.ledger = Some(Arc::clone(&ledger));
            let served = metrics::serve(socket, ledger, args.improve);
            served.map_err(|e| Failure::new(format!("`--metrics {place}`: no thread for it: {e}")))?;
        }
        note(&format!("metrics: http://{address}/"));
    }
    if args.improve {
        for line in improvements() {
            note(&format!("improve: {line}"));
        }
    }
    start(Site { config, sources }, &options, &reload)?;
    Ok(Outcome::Clean)
}

/// Runs until a signal ends it.
fn start(mut site: Site, options: &RunOptions, reload: runtime::Reload<'_>) -> Result<(), Failure> {
    with_log(&mut site.config);
    runtime::run(&site, options, &process::surroundings(), reload).map_err(|error| match &error {
        StartError::Failed { span: Some(span), .. } => {
            Failure::new(format!("{error} in {}", site.sources.place(*span)))
        }
        _ => Failure::new(error.to_string()),
    })
}

/// Improvements over nginx, in words.
fn improvements() -> [&'static str; 3] {
    let range = if scrape::searches_all_ports() {
        "a port range for each socket: connect() stays fast past half of the ports"
    } else if runtime::has_port_range() {
        "this kernel takes a port range for each socket but tries half of them first all the same (Linux 6.8 does not): \
         connect() gets slow past half of the ports"
    } else {
        "this kernel has no port range for each socket (Linux 6.3): connect() gets slow past half of the ports"
    };
    [
        range,
        "an idle connection is used again only from the address that `proxy_bind` asks for",
        "an address without a free port (99: Cannot assign requested address) gives way to the next one of the \
         `split_clients` variable, and the peer is not blamed",
    ]
}

/// Errors go somewhere even if the configuration does not say where.
fn with_log(config: &mut Config) {
    if config.core.error_log.value.is_empty() {
        // nginx falls back to the log that was compiled in.
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
    // However many: each is a reason of its own.
    render::complain_in_lines(&Report::one(sources, findings, version, &args.input.file));
    Failure::new("the configuration asks for more than `ngxc run` executes, so it was not started")
        .help("`ngxc explain DIRECTIVE` says what is done with a directive")
}

/// Prints a note for each directive that is left out without harm.
fn say_skipped(sources: &SourceMap, skipped: &[Unsupported]) {
    let mut said = std::collections::HashSet::new();
    for u in skipped {
        if said.insert(&u.what) {
            let reason = u.safe_because.unwrap_or_default();
            note(&format!("{}: `{}` is not needed: {reason}", sources.place(u.span), u.what));
        }
    }
}
