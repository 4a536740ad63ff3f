//! The logs: those that were named, else those of the configuration; the last reload, which divides them.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::input::Input;
use super::gathered::{GatheredFacts, printable};
use super::{DoctorArgs, rotated};
use crate::model::Config;
use crate::model::log::{AccessLogs, LogFormat, LogTarget};
use crate::ports::access_log::AccessLog;
use crate::ports::dates::stamp;
use crate::ports::error_log::{ErrorLog, Reload};
use crate::simulate::lines;

/// Options that name logs.
pub(super) const ERROR_LOG: &str = "--error-log";
pub(super) const ACCESS_LOG: &str = "--access-log";

/// Tells the evidence when nginx was reloaded, unless the error log says that it was not.
pub(super) fn settle_reload(found: &mut GatheredFacts) {
    let Some(log) = &found.evidence.errors else { return };
    let at = found.when.as_ref().map(|when| when.at);
    found.evidence.reloaded = at.zip(log.reload.as_ref().map(|reload| reload.at));
    if let Some(reload) = log.reload.as_ref().filter(|_| !log.before.is_empty()) {
        found.notes.push(format!(
            "nginx was reloaded or started at {}: what the error log has from before is marked and does not count",
            stamp(reload.at)
        ));
    }
}

/// The logs that were named, else those of the configuration that are there.
pub(super) fn logs_of(
    named: &[PathBuf],
    configured: &[&str],
    input: &Input,
    option: &'static str,
    found: &mut GatheredFacts,
) -> Vec<PathBuf> {
    let mut logs = Vec::new();
    for path in if named.is_empty() { places(configured, input) } else { named.to_vec() } {
        if is_own_output(&path) {
            found.notes.push(format!("{}: this output goes there, so it is not read", path.display()));
            continue;
        }
        if named.is_empty() {
            found.configured.push((path.clone(), option));
            if !fs::metadata(&path).is_ok_and(|meta| meta.is_file()) {
                found.has_no_line(&path, option, format!("{}: not there, so not read", path.display()));
                continue;
            }
        }
        logs.push(path);
    }
    logs
}

/// Paths of logs as this program opens them.
pub(super) fn places(configured: &[&str], input: &Input) -> Vec<PathBuf> {
    let directory = input.file.parent().unwrap_or(Path::new(""));
    let prefix = input.meaning.reading.prefix.as_deref().unwrap_or(directory);
    configured.iter().map(|path| mapped(input, prefix.join(path))).collect()
}

/// The access log that is followed: the one that was named, else that of the configuration if it is there.
pub(super) fn access_log_of(args: &DoctorArgs, input: &Input, config: &Config) -> Option<PathBuf> {
    let mut found = GatheredFacts::default();
    logs_of(&args.access_log, &access_logs(config), input, ACCESS_LOG, &mut found).into_iter().next()
}

/// Path of a file under `--map-path`.
fn mapped(input: &Input, path: PathBuf) -> PathBuf {
    let found = input
        .meaning
        .reading
        .map_path
        .iter()
        .find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
    found.unwrap_or(path)
}

/// True if this program writes to a file.
fn is_own_output(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(log), Ok(out)) = (fs::metadata(path), fs::metadata("/proc/self/fd/1")) else { return false };
    log.is_file() && (log.dev(), log.ino()) == (out.dev(), out.ino())
}

/// An empty error log that knows for how long failed peers are left out.
pub(super) fn start(config: &Config, found: &mut GatheredFacts) {
    let peers = config.http.upstreams.iter().flat_map(|u| &u.peers);
    let longest = peers.map(|peer| peer.fail_timeout.as_secs()).max().unwrap_or_default();
    let fail_timeout = i64::try_from(longest).unwrap_or_default();
    let when = found.when.as_ref();
    let reload = when.and_then(|when| Some(Reload::new(when.reloaded?, when.workers.iter().copied())));
    let mut log = ErrorLog::new(fail_timeout);
    log.reload = reload;
    found.evidence.now = found.when.as_ref().map(|when| when.at);
    found.evidence.errors = Some(log);
}

/// Error logs that are read.
const MOST_LOGS: usize = 50;

/// The error logs of the configuration, each once, those of the main context first. nginx's own default depends on how it
/// was built.
pub(super) fn error_logs(config: &Config) -> Vec<&str> {
    let http = config.http.settings.iter().chain(config.http.servers.iter().map(|server| &server.settings));
    let logs =
        config.core.error_log.value.iter().chain(http.flat_map(|settings| &settings.core.error_log.value));
    let mut found: Vec<&str> = Vec::new();
    for log in logs {
        match &log.target {
            LogTarget::File(path) if !found.contains(&path.as_str()) && found.len() < MOST_LOGS => {
                found.push(path.as_str());
            }
            _ => {}
        }
    }
    found
}

/// The first access log of the configuration that is a file: others may have another format.
pub(super) fn access_logs(config: &Config) -> Vec<&str> {
    access_log(config).map(|(path, _)| path).into_iter().collect()
}

fn access_log(config: &Config) -> Option<(&str, usize)> {
    let settings = config.http.settings.iter().chain(config.http.servers.iter().map(|s| &s.settings));
    settings
        .filter(|s| s.core.access_log.origin != crate::model::Origin::Default)
        .filter_map(|s| match &s.core.access_log.value {
            AccessLogs::To(list) => Some(list),
            AccessLogs::Off => None,
        })
        .flatten()
        .find_map(|log| match &log.target {
            LogTarget::File(path) if log.path.is_none() => Some((path.as_str(), log.format)),
            _ => None,
        })
}

/// A log that could be opened, or why not.
pub(super) type OpenedLog = io::Result<Box<dyn Read + Send>>;

pub(super) fn open(path: &Path) -> OpenedLog {
    if path == Path::new("-") {
        return lines::decompressed(io::stdin());
    }
    lines::decompressed(fs::File::open(path)?)
}

pub(super) fn read_error_log(input: OpenedLog, path: &Path, found: &mut GatheredFacts) {
    let mut log = found.evidence.errors.take().unwrap_or_default();
    let before = (log.lines, log.foreign);
    // Whoever names a log of the past asks about that time.
    let is_history = rotated::is_history(path);
    let reload = if is_history { log.reload.take() } else { None };
    found.evidence.now = found.evidence.now.filter(|_| !is_history);
    let read = input.and_then(|input| {
        lines::each(input, |line| log.add(line.unwrap_or(b"(a line of more than 64 KiB)")))
    });
    if let Err(error) = read {
        found.unread.push(format!("cannot read `{}`: {error}", path.display()));
    }
    log.reload = log.reload.take().or(reload);
    let (lines, foreign) = (log.lines - before.0, log.foreign - before.1);
    if lines == 0 {
        found.evidence.errors = Some(log);
        if found.unread.is_empty() {
            found.has_no_line(path, ERROR_LOG, format!("{}: 0 lines", path.display()));
        }
        return;
    }
    let mut text = format!("{}: {lines} lines", path.display());
    if foreign > 0 {
        let _ = write!(text, ", {foreign} of them not nginx's");
        if let Some(sample) = log.foreign_samples.first() {
            let _ = write!(text, ", for example \"{}\"", printable(sample, 60));
        }
    }
    if let (Some(when), Some((_, last))) = (&found.when, log.times)
        && when.at - last > A_DAY
        && found.evidence.sockets.is_some()
    {
        let _ = write!(text, ", the last of {}: sockets and settings are those of now", stamp(last));
    }
    found.notes.push(text);
    found.evidence.errors = Some(log);
}

/// Seconds after which sockets say nothing of a log.
const A_DAY: i64 = 86_400;

fn format<'c>(args: &DoctorArgs, config: &'c Config) -> Result<&'c LogFormat, Failure> {
    let written = access_log(config).map(|(_, format)| format);
    super::super::log_format::choose(config, args.log_format.as_deref(), written)
}

pub(super) fn read_access_logs<'p>(
    args: &DoctorArgs,
    config: &Config,
    logs: impl Iterator<Item = (&'p Path, OpenedLog)>,
    found: &mut GatheredFacts,
) -> Result<(), Failure> {
    for (path, input) in logs {
        let format = format(args, config)?;
        let mut log = match found.evidence.access.take() {
            Some(log) => log,
            None => AccessLog::new(config, format),
        };
        let before = (log.requests, log.foreign);
        found.evidence.is_history |= rotated::is_history(path);
        let read = input.and_then(|input| lines::each(input, |line| log.add(line.unwrap_or_default())));
        if let Err(error) = read {
            found.unread.push(format!("cannot read `{}`: {error}", path.display()));
        }
        let (requests, foreign) = (log.requests - before.0, log.foreign - before.1);
        if requests + foreign == 0 {
            if found.unread.is_empty() {
                found.has_no_line(path, ACCESS_LOG, format!("{}: no request in it", path.display()));
            }
            found.evidence.access = Some(log).filter(|log| log.requests + log.foreign > 0);
            continue;
        }
        let mut text = format!("{}: {requests} requests in the format `{}`", path.display(), format.name);
        if foreign > 0 {
            let _ = write!(text, ", {foreign} other lines");
            if let Some((sample, why)) = &log.foreign_sample {
                let _ = write!(text, ", for example \"{}\": {why}", printable(sample, 60));
            }
        }
        found.notes.push(text);
        found.evidence.access = Some(log);
    }
    Ok(())
}
