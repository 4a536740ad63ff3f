//! Without `-t`: runs the configuration. What nginx says in the error log when it cannot start, so does this.

use std::process::ExitCode;

use super::super::process;
use super::log::{self, Log, Severity};
use super::options::Options;
use super::order::ReadConfiguration;
use super::place::{self, Places};
use super::read::{self, TestResult};
use crate::model::log::{ErrorLog, LogTarget, Severity as LogLevel};
use crate::model::{Config, Setting};
use crate::runtime::{self, RunOptions, StartError};
use crate::site::Site;
use crate::source::{SourceMap, Span};

/// Runs until a signal ends it.
pub(super) fn start(tested: TestResult, options: &Options, places: &Places, log: &Log) -> ExitCode {
    let (Some(read), Some(mut config)) = (tested.read, tested.config) else { return ExitCode::FAILURE };
    let sources = &read.configuration.sources;
    let refused: Vec<_> =
        runtime::unsupported(&config).into_iter().filter(|u| u.safe_because.is_none()).collect();
    for unsupported in &refused {
        // A directive, or a few words about what is meant.
        let what = &unsupported.what;
        let what = if what.contains(' ') { what.replace('`', "\"") } else { format!("\"{what}\"") };
        let text = format!("{what} is not executed by this program");
        log.write(Severity::Emerg, &[text.as_bytes(), &at(sources, unsupported.span)].concat());
    }
    if !refused.is_empty() {
        return ExitCode::FAILURE;
    }
    complete(&mut config, &read, places);
    let surroundings = process::surroundings();
    if config.core.daemon.value && !surroundings.is_daemon && !surroundings.takes_over {
        return process::start_daemon(&surroundings).unwrap_or_else(|error| {
            log.write(Severity::Emerg, format!("execve() failed{}", log::reason(&error)).as_bytes());
            ExitCode::FAILURE
        });
    }
    let prefix = if places.prefix.is_empty() { b"." } else { places.prefix.as_slice() };
    let reload = || {
        let tested = read::test(options, places);
        let failed = tested.messages.iter().find(|m| m.severity <= Severity::Crit);
        if let Some(message) = failed {
            return Err(String::from_utf8_lossy(&message.text).into_owned());
        }
        let (Some(read), Some(mut config)) = (tested.read, tested.config) else {
            return Err("the configuration could not be read".to_owned());
        };
        complete(&mut config, &read, places);
        Ok(Site { config, sources: read.configuration.sources })
    };
    let site = Site { config, sources: read.configuration.sources };
    let options = RunOptions { prefix: place::path(prefix), ..RunOptions::default() };
    log.close();
    match runtime::run(&site, &options, &surroundings, &reload) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let place = match &error {
                StartError::Failed { span: Some(span), .. } => at(&site.sources, *span),
                _ => Vec::new(),
            };
            log.write(Severity::Emerg, &[error.to_string().as_bytes(), &place].concat());
            ExitCode::FAILURE
        }
    }
}

/// Adds the error log and the pid file that nginx has built in, if the configuration has none.
fn complete(config: &mut Config, read: &ReadConfiguration, places: &Places) {
    if config.core.error_log.value.is_empty() {
        config.core.error_log.value.push(ErrorLog {
            target: if places.error_log.is_empty() {
                LogTarget::Stderr
            } else {
                LogTarget::File(String::from_utf8_lossy(&places.error_log).into_owned())
            },
            severity: LogLevel::Error,
            span: None,
        });
    }
    if !config.core.pid.is_set_here() {
        // The runtime writes the file that is named; nginx always writes one.
        let main = read.configuration.tree(read.configuration.main).root().span();
        config.core.pid = Setting::set(place::PID_PATH.to_owned(), main);
    }
}

/// ` in FILE:LINE`
fn at(sources: &SourceMap, span: Span) -> Vec<u8> {
    format!(" in {}", sources.place(span)).into_bytes()
}
