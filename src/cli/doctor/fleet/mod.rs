//! `--from DIRECTORY`: bundles of many hosts. Who is in danger, what they have in common, and what their peers get in sum.

mod print;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::{Failure, Outcome};
use super::bundle::Bundle;
use super::diagnosis::{Diagnosis, judged};
use super::{DoctorArgs, Format};
use crate::ports::doctor::{Finding, Severity};
use crate::ports::{Flow, Setup};

/// Result of one bundle.
struct BundleResult {
    /// The name of its file.
    name: String,
    nginx: String,
    worst: Option<Severity>,
    /// The pair of source and destination with most ports in use: percent, and in words.
    fullest: Option<(u32, String)>,
    causes: Vec<Cause>,
    upstreams: Vec<HostShare>,
}

/// A finding above info, or one that many hosts share.
struct Cause {
    name: &'static str,
    severity: Severity,
    title: String,
    count: u64,
    /// The diff that repairs it.
    diff: Option<String>,
    commands: Vec<String>,
    remedy: Vec<String>,
}

/// Share of a host, or of all hosts together, in the connections to an upstream.
#[derive(Clone, Debug, Default)]
struct HostShare {
    name: String,
    hosts: u32,
    /// Attempts in the access logs, and those that failed; `None`: no log tells them.
    attempts: Option<(u64, u64)>,
    /// Sockets in `TIME_WAIT`, and open ones; `None`: nobody looked at sockets.
    sockets: Option<(u32, u32)>,
    /// Idle connections that the pools of all workers keep at most.
    idle: u64,
}

/// The bundles of a directory.
pub(super) fn run(args: &DoctorArgs, directory: &Path, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if args.since.is_some() || args.nagios || args.input.file.is_some() {
        return Err(Failure::new("--since, --nagios and FILE are for one host")
            .help(format!("`ngxc doctor --from {}/BUNDLE`", directory.display())));
    }
    let (mut members, mut unread) = (Vec::new(), Vec::new());
    for path in files(directory)? {
        match member(args, &path) {
            Ok(member) => members.push(member),
            Err(failure) => unread.push(format!("{}: {}", path.display(), failure.message)),
        }
    }
    if members.is_empty() {
        return Err(Failure::new(format!("no bundle in `{}`", directory.display())).help(
            unread.first().cloned().unwrap_or_else(|| "`ngxc doctor nginx.conf --collect FILE`".to_owned()),
        ));
    }
    members.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.name.cmp(&b.name)));
    let groups = groups(&members);
    let sums = sums(&members);
    match args.format {
        Format::Human => {
            out.write_all(print::text(directory, &members, &groups, &sums, &unread).as_bytes())?;
        }
        Format::Json => {
            let value = value(&members, &groups, &sums, &unread);
            serde_json::to_writer_pretty(&mut *out, &value).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    if let Some(first) = unread.first() {
        out.flush()?;
        return Err(Failure::new(format!(
            "{} of {} files: {first}",
            unread.len(),
            unread.len() + members.len()
        )));
    }
    let is_bad = members.iter().any(|member| member.worst > Some(Severity::Info));
    Ok(if is_bad { Outcome::Findings } else { Outcome::Clean })
}

/// The files of a directory by name; those that begin with a dot, and directories, are none.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |e: std::io::Error| Failure::new(format!("cannot read `{}`: {e}", directory.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn member(args: &DoctorArgs, path: &Path) -> Result<BundleResult, Failure> {
    let bundle = Bundle::read(path)?;
    let subject = super::subject(args, Some(&bundle))?;
    let gathered = super::gather::from_bundle(args, &subject.config, &bundle)?;
    let flows = crate::ports::flows(&subject.config);
    let diagnosis = judged(&subject, &flows, gathered);
    let bad = diagnosis.findings.iter().filter(|f| f.severity > Severity::Info);
    Ok(BundleResult {
        name: path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned()),
        nginx: diagnosis.nginx.clone(),
        worst: diagnosis.worst(),
        fullest: fullest(&diagnosis),
        causes: bad.map(|finding| cause(&diagnosis, finding)).collect(),
        upstreams: upstreams(&diagnosis, &flows),
    })
}

fn cause(diagnosis: &Diagnosis<'_>, finding: &Finding) -> Cause {
    Cause {
        name: finding.name,
        severity: finding.severity,
        title: finding.title.clone(),
        count: finding.count,
        diff: diagnosis.repair.clone().filter(|_| diagnosis.is_repaired(finding)),
        commands: finding.commands.clone(),
        remedy: finding.remedy.clone(),
    }
}

fn fullest(diagnosis: &Diagnosis<'_>) -> Option<(u32, String)> {
    let evidence = &diagnosis.gathered.evidence;
    let all = evidence.host.ports().all.max(1);
    let tuples = evidence.sockets.iter().flat_map(|sockets| &sockets.outgoing);
    let (_, peer, used) =
        tuples.map(|((source, peer), uses)| (source, peer, uses.total())).max_by_key(|(_, _, used)| *used)?;
    let percent = used * 100 / all;
    Some((percent, format!("{percent} % of {all} ports to {peer}")))
}

/// Share of a host in the connections to each upstream, by name.
fn upstreams(diagnosis: &Diagnosis<'_>, flows: &[Flow<'_>]) -> Vec<HostShare> {
    let evidence = &diagnosis.gathered.evidence;
    let mut found: BTreeMap<&str, HostShare> = BTreeMap::new();
    for flow in flows.iter().filter(|flow| !flow.destinations.is_empty()) {
        // Flows to one upstream differ in how they connect, not in where to.
        if found.contains_key(flow.name.as_str()) {
            continue;
        }
        let mut sum = HostShare { name: flow.name.clone(), hosts: 1, ..HostShare::default() };
        let names: Vec<String> = flow.destinations.iter().map(|d| d.endpoint.to_string()).collect();
        // A format without $upstream_addr tells of no peer.
        let log = evidence.access.as_ref().filter(|log| !log.missing().contains(&"upstream_addr"));
        sum.attempts = log.map(|log| {
            let all = log.peers.between(i64::MIN, i64::MAX);
            let own = all.iter().filter(|(name, ..)| names.iter().any(|known| known == name));
            own.fold((0, 0), |(all, bad), (_, n, failed)| (all + n, bad + failed))
        });
        sum.sockets = evidence.sockets.as_ref().map(|sockets| {
            let own = sockets.outgoing.iter().filter(|((_, peer), _)| names.contains(&peer.to_string()));
            own.fold((0, 0), |(closed, open), (_, uses)| (closed + uses.time_wait, open + uses.established))
        });
        let setup = Setup::new(diagnosis.config, flow, &evidence.host, None);
        sum.idle = setup.reuse.map_or(0, |reuse| u64::from(reuse.pool) * u64::from(setup.workers));
        found.insert(&flow.name, sum);
    }
    found.into_values().collect()
}

/// One cause of several hosts, by its name: the hosts, worst first.
fn groups(members: &[BundleResult]) -> Vec<(&'static str, Vec<(&BundleResult, &Cause)>)> {
    let mut found: Vec<(&'static str, Vec<(&BundleResult, &Cause)>)> = Vec::new();
    for member in members {
        for cause in &member.causes {
            match found.iter_mut().find(|(name, _)| *name == cause.name) {
                Some((_, hosts)) if hosts.iter().any(|(known, _)| known.name == member.name) => {}
                Some((_, hosts)) => hosts.push((member, cause)),
                None => found.push((cause.name, vec![(member, cause)])),
            }
        }
    }
    let rank = |hosts: &[(&BundleResult, &Cause)]| {
        (hosts.iter().map(|(_, cause)| cause.severity).max(), hosts.len(), errors(hosts))
    };
    found.sort_by_cached_key(|(_, hosts)| std::cmp::Reverse(rank(hosts)));
    found
}

/// Lines of the error logs of all hosts that have a cause.
fn errors(hosts: &[(&BundleResult, &Cause)]) -> u64 {
    hosts.iter().map(|(_, cause)| cause.count).sum()
}

/// The hosts by the diff that repairs them; those that have none are left out.
fn diffs<'a>(hosts: &[(&'a BundleResult, &'a Cause)]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for (member, cause) in hosts {
        let Some(diff) = &cause.diff else { continue };
        match found.iter_mut().find(|(known, _)| known == diff) {
            Some((_, names)) => names.push(&member.name),
            None => found.push((diff, vec![&member.name])),
        }
    }
    found
}

/// Share of all hosts together in the connections to each upstream.
fn sums(members: &[BundleResult]) -> Vec<HostShare> {
    let mut found: BTreeMap<&str, HostShare> = BTreeMap::new();
    for one in members.iter().flat_map(|member| &member.upstreams) {
        let sum = found
            .entry(&one.name)
            .or_insert_with(|| HostShare { name: one.name.clone(), ..HostShare::default() });
        sum.hosts += 1;
        sum.attempts = added(sum.attempts, one.attempts);
        sum.sockets = added(sum.sockets, one.sockets);
        sum.idle += one.idle;
    }
    found.into_values().collect()
}

/// The sum of what is known.
fn added<T: std::ops::Add<Output = T>>(one: Option<(T, T)>, other: Option<(T, T)>) -> Option<(T, T)> {
    match (one, other) {
        (Some((a, b)), Some((c, d))) => Some((a + c, b + d)),
        (one, other) => one.or(other),
    }
}

/// Title of a cause: that of the only host, or of all if they say the same; else the kind of the cause.
fn title(name: &str, hosts: &[(&BundleResult, &Cause)]) -> String {
    let first = &hosts[0].1.title;
    if hosts.iter().all(|(_, cause)| cause.title == *first) {
        return first.clone();
    }
    let kind = crate::ports::doctor::names::named().find(|named| named.name == name);
    kind.map_or_else(|| first.clone(), |kind| kind.summary.to_owned())
}

impl BundleResult {
    fn rank(&self) -> (Option<Severity>, u32) {
        (self.worst, self.fullest.as_ref().map_or(0, |(percent, _)| *percent))
    }

    /// In one word.
    fn state(&self) -> &'static str {
        match self.worst {
            Some(Severity::Critical) => "critical",
            Some(Severity::Warning) => "warning",
            _ => "well",
        }
    }
}

/// The schema of docs/doctor.md.
fn value(
    members: &[BundleResult],
    groups: &[(&'static str, Vec<(&BundleResult, &Cause)>)],
    sums: &[HostShare],
    unread: &[String],
) -> Value {
    let host = |member: &BundleResult| {
        json!({
            "name": member.name,
            "nginx": member.nginx,
            "state": member.state(),
            "fullest_percent": member.fullest.as_ref().map(|(percent, _)| percent),
            "causes": member.causes.iter().map(|cause| cause.name).collect::<Vec<_>>(),
        })
    };
    let group = |(name, hosts): &(&'static str, Vec<(&BundleResult, &Cause)>)| {
        let diffs: Vec<Value> =
            diffs(hosts).into_iter().map(|(diff, names)| json!({"hosts": names, "diff": diff})).collect();
        json!({
            "name": name,
            "title": title(name, hosts),
            "count": errors(hosts),
            "hosts": hosts.iter().map(|(member, _)| &member.name).collect::<Vec<_>>(),
            "repairs": diffs,
        })
    };
    let upstream = |sum: &HostShare| {
        json!({
            "name": sum.name,
            "hosts": sum.hosts,
            "attempts": sum.attempts.map(|(all, _)| all),
            "failed": sum.attempts.map(|(_, failed)| failed),
            "time_wait": sum.sockets.map(|(closed, _)| closed),
            "established": sum.sockets.map(|(_, open)| open),
            "idle_at_most": sum.idle,
        })
    };
    json!({
        "schema": 1,
        "hosts": members.iter().map(host).collect::<Vec<_>>(),
        "causes": groups.iter().map(group).collect::<Vec<_>>(),
        "upstreams": sums.iter().map(upstream).collect::<Vec<_>>(),
        "unread": unread,
    })
}
