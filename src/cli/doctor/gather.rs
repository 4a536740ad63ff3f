//! Reads the evidence: logs, `/proc`, kernel settings.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::input::Input;
use super::super::ports::Machine;
use super::DoctorArgs;
use super::bundle::Bundle;
use super::when::When;
use crate::model::log::{AccessLogs, LogFormat, LogTarget};
use crate::model::{Config, Endpoint};
use crate::ports::access_log::AccessLog;
use crate::ports::addresses::{Addresses, name_servers};
use crate::ports::counters::{self, Counters};
use crate::ports::dates::stamp;
use crate::ports::doctor::Evidence;
use crate::ports::doctor::since::{self, Look};
use crate::ports::error_log::ErrorLog;
use crate::ports::{Flow, Host, sockets};
use crate::simulate::lines;
use crate::source::Disk;

/// What was read, and what not.
#[derive(Default)]
pub(super) struct Gathered {
    /// When the look was taken.
    pub(super) when: Option<When>,
    pub(super) evidence: Evidence,
    /// Where the facts of the host come from.
    pub(super) source: String,
    /// One line for each log: its name and what was in it.
    pub(super) notes: Vec<String>,
    /// Inputs that were asked for and could not be read.
    pub(super) unread: Vec<String>,
}

impl Gathered {
    /// This look, to compare another with.
    pub(super) fn look(&self, flows: &[Flow<'_>]) -> Look {
        let when = self.when.clone().unwrap_or_else(|| When::of_logs(&self.evidence));
        let peers = since::peers(flows);
        Look {
            peers,
            evidence: self.evidence.clone(),
            at: when.at,
            reloaded: when.reloaded,
            workers: when.workers,
        }
    }
}

/// `/proc` files of a network namespace that are looked at, below `/proc/PID/`.
pub(super) const PROC: [&str; 8] = [
    "net/tcp",
    "net/tcp6",
    "net/netstat",
    "net/stat/nf_conntrack",
    "net/snmp",
    "net/fib_trie",
    "net/if_inet6",
    "net/route",
];

/// What is read of a pasted table: a million sockets.
const MOST_PASTED: u64 = 128 << 20;

/// Settings that only single findings need.
const EXTRA: [&str; 5] = [
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv6.conf.all.disable_ipv6",
    "net.core.somaxconn",
];

/// Reads the settings that only single findings need.
pub(super) fn more_settings(machine: &mut Machine) {
    for name in EXTRA {
        if let Ok(text) = fs::read_to_string(Path::new("/proc/sys").join(name.replace('.', "/"))) {
            machine.sysctls.set(name, &text);
        }
    }
}

pub(super) fn from_host(args: &DoctorArgs, input: &Input, config: &Config) -> Result<Gathered, Failure> {
    let mut machine = args.host.machine(config)?;
    let here = args.host.sysctl.is_none() && !args.host.assume_defaults;
    let when = When::now(args.pid.or_else(|| super::super::which::master(input, &Disk)));
    let mut found = Gathered { source: machine.source.clone(), when: Some(when), ..Gathered::default() };
    if here {
        more_settings(&mut machine);
        found.evidence.kernel =
            fs::read_to_string("/proc/sys/kernel/osrelease").ok().and_then(|t| kernel(&t));
    }
    if let Some(path) = &args.sockets {
        pasted(path, &mut machine.host, &mut found);
    } else if !args.no_sockets && (here || args.pid.is_some()) {
        let directory = args.pid.map_or("/proc/self".to_owned(), |pid| format!("/proc/{pid}"));
        namespace(args, &directory, here, &mut found);
        let read = |name: &str| fs::read_to_string(Path::new(&directory).join(name)).ok();
        let texts: Vec<Option<String>> = PROC.iter().map(|name| read(name)).collect();
        if texts[0].is_none() {
            found.unread.push(format!("cannot read `{directory}/net/tcp`"));
        }
        proc_files(&texts, &mut machine.host, &mut found);
    }
    set_host(machine, &mut found);
    if here {
        let text = fs::read_to_string(resolv_conf(args)).unwrap_or_default();
        found.evidence.name_servers = name_servers(&text);
    }
    start_log(config, &mut found);
    for path in logs_of(&args.error_log, error_log_path(config), input, &mut found) {
        read_error_log(open(&path), &path, &mut found);
    }
    let access = logs_of(&args.access_log, access_log_path(config), input, &mut found);
    read_access_logs(args, config, access.iter().map(|path| (path.as_path(), open(path))), &mut found)?;
    Ok(found)
}

pub(super) fn from_bundle(args: &DoctorArgs, config: &Config, bundle: &Bundle) -> Result<Gathered, Failure> {
    let text = |name: &str| bundle.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let sysctls = crate::ports::sysctl::Sysctls::parse(&text("sysctl").unwrap_or_default());
    let mut host = Host::read(&sysctls).map_err(|e| Failure::new(format!("sysctl of the bundle: {e}")))?;
    for listen in config.http.servers.iter().flat_map(|s| &s.listen) {
        if let Endpoint::Inet(address) = &listen.endpoint {
            host.listening.insert(address.port());
        }
    }
    let mut found = Gathered { source: "bundle".to_owned(), ..Gathered::default() };
    found.evidence.kernel = text("kernel").and_then(|t| kernel(&t));
    found.evidence.name_servers = name_servers(&text("resolv.conf").unwrap_or_default());
    let texts: Vec<Option<String>> = PROC.iter().map(|name| text(name)).collect();
    proc_files(&texts, &mut host, &mut found);
    set_host(Machine { host, sysctls, source: String::new() }, &mut found);
    start_log(config, &mut found);
    let path = Path::new("error.log of the bundle");
    if let Some(log) = bundle.get("error.log") {
        read_error_log(Ok(Box::new(io::Cursor::new(log.to_vec()))), path, &mut found);
    }
    let access = bundle.get("access.log").map(|log| {
        let input: Box<dyn Read + Send> = Box::new(io::Cursor::new(log.to_vec()));
        (Path::new("access.log of the bundle"), Ok(input))
    });
    read_access_logs(args, config, access.into_iter(), &mut found)?;
    let when = text("when").and_then(|text| When::read(&text));
    found.when = Some(when.unwrap_or_else(|| When::of_logs(&found.evidence)));
    Ok(found)
}

/// The name servers of the host, or of the container that `--pid` names.
pub(super) fn resolv_conf(args: &DoctorArgs) -> PathBuf {
    args.pid
        .map_or_else(|| "/etc/resolv.conf".into(), |pid| format!("/proc/{pid}/root/etc/resolv.conf").into())
}

/// Sockets as somebody pasted them.
fn pasted(path: &Path, host: &mut Host, found: &mut Gathered) {
    let mut text = Vec::new();
    let read = open(path).and_then(|input| input.take(MOST_PASTED).read_to_end(&mut text));
    if let Err(error) = read {
        return found.unread.push(format!("cannot read `{}`: {error}", path.display()));
    }
    let text = String::from_utf8_lossy(&text);
    let sockets = sockets::group(&[&text], host);
    host.listening.extend(&sockets.listening);
    let name = if path == Path::new("-") { "standard input".into() } else { path.to_string_lossy() };
    let count = text.lines().count();
    let mut note = format!("{name}: {count} lines of sockets");
    if sockets.foreign > 0 {
        let _ = write!(
            note,
            ", {} of them cannot be read (expected the output of `ss -tan` or `netstat -tan`)",
            sockets.foreign
        );
    }
    if count > 0 && sockets.foreign as usize >= count {
        return found.unread.push(note);
    }
    found.notes.push(note);
    found.evidence.sockets = Some(sockets);
}

/// Says when sockets and settings are of different network namespaces.
fn namespace(args: &DoctorArgs, directory: &str, here: bool, found: &mut Gathered) {
    let (own, other) = (fs::read_link("/proc/self/ns/net"), fs::read_link(format!("{directory}/ns/net")));
    if let (true, Some(pid), Ok(own), Ok(other)) = (here, args.pid, own, other)
        && own != other
    {
        found.notes.push(format!(
            "process {pid} is in another network namespace: its sockets were read, but the settings are those of this one; \
             `nsenter -t {pid} -n sysctl -a > FILE` and --sysctl FILE"
        ));
    }
}

fn set_host(machine: Machine, found: &mut Gathered) {
    found.evidence.host = machine.host;
    found.evidence.sysctls = machine.sysctls;
}

fn proc_files(texts: &[Option<String>], host: &mut Host, found: &mut Gathered) {
    let tables: Vec<&str> = texts[..2].iter().filter_map(Option::as_deref).collect();
    if !tables.is_empty() {
        let sockets = sockets::group(&tables, host);
        host.listening.extend(&sockets.listening);
        // Once more: connections on a listening port came in.
        found.evidence.sockets = Some(sockets);
    }
    // `net/snmp` has the counters of TCP that `net/netstat` has not, in the same form.
    let counters: String = [2, 4].iter().filter_map(|n| texts[*n].as_deref()).collect();
    found.evidence.counters = (!counters.is_empty()).then(|| Counters::parse(&counters));
    found.evidence.addresses = texts[5].as_deref().map(|trie| {
        let text = |n: usize| texts[n].as_deref().unwrap_or_default();
        Addresses::parse(trie, text(6), text(7))
    });
    found.evidence.insert_failed = texts[3].as_deref().map_or(0, counters::insert_failed);
}

/// `6.18.44-…`
fn kernel(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The logs that were named, else the one of the configuration if it is there.
fn logs_of(named: &[PathBuf], configured: Option<&str>, input: &Input, found: &mut Gathered) -> Vec<PathBuf> {
    let mut own = |path: &PathBuf| {
        let own = is_own_output(path);
        if own {
            found.notes.push(format!("{}: this output goes there, so it is not read", path.display()));
        }
        !own
    };
    if !named.is_empty() {
        return named.iter().filter(|path| own(path)).cloned().collect();
    }
    let Some(configured) = configured else { return Vec::new() };
    let directory = input.file.parent().unwrap_or(Path::new(""));
    let path = mapped(input, input.meaning.reading.prefix.as_deref().unwrap_or(directory).join(configured));
    if !own(&path) {
        return Vec::new();
    }
    match fs::metadata(&path) {
        Ok(meta) if meta.is_file() => vec![path],
        _ => {
            found.notes.push(format!("{}: not there, so not read", path.display()));
            Vec::new()
        }
    }
}

/// The access log that is followed: the one that was named, else that of the configuration if it is there.
pub(super) fn access_log_of(args: &DoctorArgs, input: &Input, config: &Config) -> Option<PathBuf> {
    let mut found = Gathered::default();
    logs_of(&args.access_log, access_log_path(config), input, &mut found).into_iter().next()
}

/// Where `--map-path` puts a file.
pub(super) fn mapped(input: &Input, path: PathBuf) -> PathBuf {
    let found = input
        .meaning
        .reading
        .map_path
        .iter()
        .find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
    found.unwrap_or(path)
}

/// Whether a file is what this program writes to.
fn is_own_output(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(log), Ok(out)) = (fs::metadata(path), fs::metadata("/proc/self/fd/1")) else { return false };
    log.is_file() && (log.dev(), log.ino()) == (out.dev(), out.ino())
}

/// An empty error log that knows for how long failed peers are left out.
fn start_log(config: &Config, found: &mut Gathered) {
    let peers = config.http.upstreams.iter().flat_map(|u| &u.peers);
    let longest = peers.map(|peer| peer.fail_timeout.as_secs()).max().unwrap_or_default();
    let fail_timeout = i64::try_from(longest).unwrap_or_default();
    found.evidence.errors = Some(ErrorLog::new(fail_timeout));
}

/// The error log of the configuration; nginx's own default depends on how it was built.
pub(super) fn error_log_path(config: &Config) -> Option<&str> {
    config.core.error_log.value.iter().find_map(|log| match &log.target {
        LogTarget::File(path) => Some(path.as_str()),
        _ => None,
    })
}

/// The first access log of the configuration that is a file.
pub(super) fn access_log_path(config: &Config) -> Option<&str> {
    access_log(config).map(|(path, _)| path)
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
type Opened = io::Result<Box<dyn Read + Send>>;

pub(super) fn open(path: &Path) -> Opened {
    if path == Path::new("-") {
        return lines::decompressed(io::stdin());
    }
    lines::decompressed(fs::File::open(path)?)
}

fn read_error_log(input: Opened, path: &Path, found: &mut Gathered) {
    let mut log = found.evidence.errors.take().unwrap_or_default();
    let before = (log.lines, log.foreign);
    let read = input.and_then(|input| {
        lines::each(input, |line| log.add(line.unwrap_or(b"(a line of more than 64 KiB)")))
    });
    if let Err(error) = read {
        found.unread.push(format!("cannot read `{}`: {error}", path.display()));
    }
    let (lines, foreign) = (log.lines - before.0, log.foreign - before.1);
    if lines == 0 && !found.unread.is_empty() {
        found.evidence.errors = Some(log);
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

fn read_access_logs<'p>(
    args: &DoctorArgs,
    config: &Config,
    logs: impl Iterator<Item = (&'p Path, Opened)>,
    found: &mut Gathered,
) -> Result<(), Failure> {
    for (path, input) in logs {
        let format = format(args, config)?;
        let mut log = match found.evidence.access.take() {
            Some(log) => log,
            None => AccessLog::new(config, format),
        };
        let before = (log.requests, log.foreign);
        let read = input.and_then(|input| lines::each(input, |line| log.add(line.unwrap_or_default())));
        if let Err(error) = read {
            found.unread.push(format!("cannot read `{}`: {error}", path.display()));
        }
        let (requests, foreign) = (log.requests - before.0, log.foreign - before.1);
        if requests + foreign == 0 && !found.unread.is_empty() {
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
        if log.requests + log.foreign > 0 {
            found.evidence.access = Some(log);
        }
    }
    Ok(())
}

/// Text of a log must not reach the terminal as control characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let safe = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    if text.chars().count() > most {
        return text.chars().take(most.saturating_sub(1)).map(safe).chain(['…']).collect();
    }
    text.chars().map(safe).collect()
}
