//! Reads the evidence: logs, `/proc`, kernel settings.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::input::Input;
use super::super::namespace::Namespace;
use super::super::ports::Machine;
use super::super::{Failure, master};
use super::DoctorArgs;
use super::bundle::Bundle;
use super::gathered::GatheredFacts;
use super::logs::{self, ACCESS_LOG, ERROR_LOG, access_logs, error_logs, logs_of, open};
use super::when::LookTimes;
use crate::model::{Config, Endpoint};
use crate::ports::addresses::{Addresses, name_servers};
use crate::ports::counters::{self, Counters};
use crate::ports::{Host, sockets};

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

/// Most sockets read of a pasted table.
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
pub(super) fn more_settings(machine: &mut Machine, namespace: Namespace) {
    for (name, text) in namespace.sysctls(&EXTRA).iter() {
        machine.sysctls.set(name, text);
    }
}

/// The process whose nginx is looked at: the one that was named, else the master that runs with the configuration.
pub(super) fn process(args: &DoctorArgs, input: &Input) -> Option<u32> {
    args.pid.or_else(|| master::of_file(&input.file))
}

pub(super) fn from_host(args: &DoctorArgs, input: &Input, config: &Config) -> Result<GatheredFacts, Failure> {
    let process = process(args, input);
    let here = args.host.is_here();
    let namespace = Namespace::of(process.filter(|_| here || args.pid.is_some()));
    let mut machine = args.host.machine(config, namespace)?;
    let when = LookTimes::now(process);
    let mut found =
        GatheredFacts { source: machine.source.clone(), when: Some(when), ..GatheredFacts::default() };
    found.notes.extend(namespace.remark());
    if here {
        more_settings(&mut machine, namespace);
        found.evidence.kernel =
            fs::read_to_string("/proc/sys/kernel/osrelease").ok().and_then(|t| kernel(&t));
    }
    if let Some(path) = &args.sockets {
        pasted(path, &mut machine.host, &mut found);
    } else if !args.no_sockets && (here || args.pid.is_some()) {
        let texts: Vec<Option<String>> = PROC.iter().map(|name| namespace.file(name)).collect();
        if texts[0].is_none() {
            found
                .unread
                .push(namespace.remark().unwrap_or_else(|| "cannot read `/proc/self/net/tcp`".to_owned()));
        }
        proc_files(&texts, &mut machine.host, &mut found);
    }
    set_host(machine, &mut found);
    if here {
        found.evidence.name_servers = name_servers(&resolv_conf(process).unwrap_or_default());
    }
    logs::start(config, &mut found);
    for path in logs_of(&args.error_log, &error_logs(config), input, ERROR_LOG, &mut found) {
        logs::read_error_log(open(&path), &path, &mut found);
        found.error_log.get_or_insert(path);
    }
    let access = logs_of(&args.access_log, &access_logs(config), input, ACCESS_LOG, &mut found);
    logs::settle_reload(&mut found);
    logs::read_access_logs(args, config, access.iter().map(|path| (path.as_path(), open(path))), &mut found)?;
    Ok(found)
}

pub(super) fn from_bundle(
    args: &DoctorArgs,
    config: &Config,
    bundle: &Bundle,
) -> Result<GatheredFacts, Failure> {
    let text = |name: &str| bundle.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let sysctls = crate::ports::sysctl::Sysctls::parse(&text("sysctl").unwrap_or_default());
    let mut host = Host::read(&sysctls).map_err(|e| Failure::new(format!("sysctl of the bundle: {e}")))?;
    for listen in config.http.servers.iter().flat_map(|s| &s.listen) {
        if let Endpoint::Inet(address) = &listen.endpoint {
            host.listening.insert(address.port());
        }
    }
    let when = text("when").and_then(|text| LookTimes::read(&text));
    let source = if bundle.get("sysctl").is_some_and(<[u8]>::is_empty) {
        "assumed: Linux's defaults, as the bundle has no settings"
    } else {
        "bundle"
    };
    let mut found = GatheredFacts { when, source: source.to_owned(), ..GatheredFacts::default() };
    found.evidence.kernel = text("kernel").and_then(|t| kernel(&t));
    found.evidence.name_servers = name_servers(&text("resolv.conf").unwrap_or_default());
    let texts: Vec<Option<String>> = PROC.iter().map(|name| text(name)).collect();
    proc_files(&texts, &mut host, &mut found);
    set_host(Machine { host, sysctls, source: String::new() }, &mut found);
    logs::start(config, &mut found);
    found.error_log = error_logs(config).first().map(PathBuf::from);
    let path = Path::new("error.log of the bundle");
    if let Some(log) = bundle.get("error.log") {
        logs::read_error_log(Ok(Box::new(io::Cursor::new(log.to_vec()))), path, &mut found);
    }
    logs::settle_reload(&mut found);
    let access = bundle.get("access.log").map(|log| {
        let input: Box<dyn Read + Send> = Box::new(io::Cursor::new(log.to_vec()));
        (Path::new("access.log of the bundle"), Ok(input))
    });
    logs::read_access_logs(args, config, access.into_iter(), &mut found)?;
    found.when = Some(found.when.take().unwrap_or_else(|| LookTimes::of_logs(&found.evidence)));
    Ok(found)
}

/// The name servers that a process sees, which may be those of a container.
pub(super) fn resolv_conf(process: Option<u32>) -> Option<String> {
    let of_process = process.map(|pid| format!("/proc/{pid}/root/etc/resolv.conf"));
    let paths = of_process.into_iter().chain(["/etc/resolv.conf".to_owned()]);
    paths.map(fs::read_to_string).find_map(Result::ok)
}

/// Sockets as somebody pasted them.
fn pasted(path: &Path, host: &mut Host, found: &mut GatheredFacts) {
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

fn set_host(machine: Machine, found: &mut GatheredFacts) {
    found.evidence.host = machine.host;
    found.evidence.sysctls = machine.sysctls;
}

fn proc_files(texts: &[Option<String>], host: &mut Host, found: &mut GatheredFacts) {
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
