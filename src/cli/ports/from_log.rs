//! `ngxc ports --from-log`: an access log, replayed through the model of worker caches and ports.

use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::answer::{chosen, facts, since, since_name};
use super::human::{self, group};
use super::log_facts::{LogFacts, log_facts};
use super::schema::HostFacts;
use super::{Failure, Format, Outcome, PortsArgs};
use crate::cli::{log_file, log_format};
use crate::eval::hash::murmur2;
use crate::ports::Flow;
use crate::ports::capacity::{Load, Setup};
use crate::ports::dates::clock;
use crate::ports::plan::{self, AS_CONFIGURED};
use crate::ports::replay::{self, Request, Sources, Times, replay};
use crate::ports::trace::Trace;
use crate::simulate::lines;
use crate::source::SourceMap;

/// The JSON schema, described in docs/ports.md.
#[derive(Serialize)]
struct Answer {
    schema: u32,
    assumptions: Vec<String>,
    nginx_version: String,
    /// Judged nginx and its source, in words.
    nginx: String,
    host: HostFacts,
    log: LogFacts,
    flows: Vec<FlowAnswer>,
}

#[derive(Serialize)]
struct FlowAnswer {
    name: String,
    places: Vec<String>,
    requests: u64,
    seconds: f64,
    busiest_second: u64,
    at_once: u64,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    connections_opened: u64,
    requests_on_open_connections: u64,
    requests_without_port: u64,
    /// Ports of one source to one destination.
    ports: u32,
    ports_at_peak: u32,
    peak_at: String,
    cliff_at: Option<String>,
    exhausted_at: Option<String>,
    /// `fits`, `cliff`, `exhausted`.
    verdict: &'static str,
}

pub(super) fn run(args: &PortsArgs, path: &Path, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let read_config = args.read()?;
    let config = &read_config.config;
    let machine = args.machine(config)?;
    let flows = chosen(args, crate::ports::flows(config))?;
    let flows: Vec<Flow<'_>> = flows.into_iter().filter(|flow| !flow.is_unix()).collect();
    if flows.is_empty() {
        return Err(Failure::new("the configuration passes no requests on, or only to unix sockets")
            .help("a log can be replayed for a configuration with `proxy_pass` to an address"));
    }
    let format = log_format::choose(config, args.log_format.as_deref(), log_format::written(config))?;
    let mut trace = Trace::new(config, format).map_err(|missing| {
        Failure::new(format!("the log_format `{}` has no time", format.name))
            .help(format!("add `{missing}` to it, or name another with `--log-format`"))
    })?;
    read(path, &mut trace)?;
    trace.sort();
    let (parts, unknown) = divide(&trace, &flows)?;
    let mut log = log_facts(path, &format.name, &trace);
    log.to_unknown_peers = unknown;
    let mut answer = Answer {
        schema: 1,
        assumptions: super::assumptions(args, &read_config.which),
        nginx_version: config.version.to_string(),
        nginx: read_config.which.short(),
        host: facts(&machine),
        log,
        flows: Vec::new(),
    };
    let newer = read_config.newer.as_ref().map(crate::ports::flows).unwrap_or_default();
    for (flow, requests) in flows.iter().zip(&parts).filter(|(_, requests)| !requests.is_empty()) {
        let setup = Setup::new(config, flow, &machine.host, args.active_close);
        let since = read_config.newer.as_ref().and_then(|c| since(c, flow, &newer, &machine, args));
        let as_configured = (setup, since.map(|since| since.setup));
        answer.flows.push(one(args, &read_config.configuration.sources, as_configured, flow, requests));
    }
    if answer.flows.is_empty() {
        return Err(nothing(&answer.log));
    }
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => out.write_all(text(&answer).as_bytes())?,
    }
    let is_now = |row: &&Row| row.name == AS_CONFIGURED || row.name == since_name();
    let suffers = |flow: &FlowAnswer| flow.rows.iter().filter(is_now).any(|row| row.verdict != "fits");
    Ok(if answer.flows.iter().any(suffers) { Outcome::Findings } else { Outcome::Clean })
}

fn read(path: &Path, trace: &mut Trace) -> Result<(), Failure> {
    log_file::open(path)
        .and_then(|input| lines::each(input, |line| trace.add(line.unwrap_or(b"(a line that is too long)"))))
        .map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))
}

/// The requests of each flow, and how many went to peers that no flow names.
fn divide(trace: &Trace, flows: &[Flow<'_>]) -> Result<(Vec<Vec<Request>>, u64), Failure> {
    let mut parts = vec![Vec::new(); flows.len()];
    if !trace.has_peers() {
        let [flow] = flows else {
            let names: Vec<String> = flows.iter().map(|f| format!("`{}`", f.name)).collect();
            return Err(Failure::new("the log does not say which upstream a request went to").help(format!(
                "add `$upstream_addr` to the log_format, or choose with `--upstream`: {}",
                names.join(", ")
            )));
        };
        // The peers take turns, by their weights.
        let shares: Vec<f64> = flow.destinations.iter().map(|d| d.share).collect();
        let peers = Sources::new(if shares.is_empty() { &[1.0] } else { &shares });
        let drawn = trace.requests.iter().enumerate();
        parts[0] = drawn.map(|(n, r)| Request { destination: peers.choose(n as u64), ..*r }).collect();
        return Ok((parts, 0));
    }
    let named = |peer: &String| {
        flows.iter().position(|f| f.destinations.iter().any(|d| d.endpoint.to_string() == *peer))
    };
    // Names are not resolved here: addresses that nobody lists belong to the flow with names, if there is one.
    let open = |f: &Flow<'_>| {
        f.destinations.is_empty()
            || f.destinations.iter().any(|d| matches!(d.endpoint, crate::model::Endpoint::Name(..)))
    };
    let mut others = flows.iter().enumerate().filter(|(_, f)| open(f)).map(|(n, _)| n);
    let other = others.next().filter(|_| others.next().is_none());
    let owners: Vec<Option<usize>> = trace
        .destinations
        .iter()
        .map(|peer| if peer.starts_with("unix:") { None } else { named(peer).or(other) })
        .collect();
    let mut unknown = 0;
    for request in &trace.requests {
        match owners[request.destination as usize] {
            Some(flow) => parts[flow].push(*request),
            None => unknown += 1,
        }
    }
    Ok((parts, unknown))
}

fn nothing(log: &LogFacts) -> Failure {
    let failure = Failure::new(format!("`{}` has no request that the configuration passes on", log.path));
    match &log.foreign_sample {
        Some(sample) => failure.help(format!(
            "{} lines are not of the log_format `{}`; the first is {sample}",
            log.foreign_lines, log.log_format
        )),
        None => {
            failure.help(format!("{} requests went to peers that it does not name", log.to_unknown_peers))
        }
    }
}

fn one(
    args: &PortsArgs,
    places: &SourceMap,
    (setup, since): (Setup, Option<Setup>),
    flow: &Flow<'_>,
    requests: &[Request],
) -> FlowAnswer {
    let (seconds, busiest, at_once) = measure(requests);
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let load = Load {
        rate: requests.len() as f64 / seconds.max(1.0),
        latency: 0.0,
        concurrency: Some(at_once as f64),
    };
    let mut setups = plan::setups(&setup, &load);
    if let Some(since) = since {
        setups.insert(1, (since_name(), since));
    }
    for changes in &args.what_if {
        let mut changed = setup.clone();
        changes.list.iter().for_each(|change| change.apply(&mut changed));
        setups.push((format!("what if: {}", changes.text), changed));
    }
    let rows = setups.iter().map(|(name, changed)| row(name, flow, &setup, changed, requests)).collect();
    FlowAnswer {
        name: flow.name.clone(),
        places: flow.passes.iter().map(|(name, span)| format!("{} {name}", places.place(*span))).collect(),
        requests: requests.len() as u64,
        seconds,
        busiest_second: busiest,
        at_once,
        rows,
    }
}

/// Seconds from the first to the last, requests of the busiest second, and most under way at once.
fn measure(requests: &[Request]) -> (f64, u64, u64) {
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return (0.0, 0, 0) };
    let (mut busiest, mut at_once) = (0, 0);
    let mut from = 0;
    let mut ends = BinaryHeap::new();
    for (n, request) in requests.iter().enumerate() {
        while requests[from].start + 1000 <= request.start {
            from += 1;
        }
        busiest = busiest.max(n - from + 1);
        while ends.peek().is_some_and(|std::cmp::Reverse(end)| *end <= request.start) {
            ends.pop();
        }
        ends.push(std::cmp::Reverse(request.start + i64::from(request.duration)));
        at_once = at_once.max(ends.len());
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a log")]
    let seconds = (last.start - first.start) as f64 / 1000.0;
    (seconds, busiest as u64, at_once as u64)
}

fn row(name: &str, flow: &Flow<'_>, before: &Setup, setup: &Setup, requests: &[Request]) -> Row {
    let shares: Vec<f64> = if setup.sources == before.sources {
        flow.sources.list.iter().map(|s| s.share).collect()
    } else {
        vec![1.0 / f64::from(setup.sources.max(1)); setup.sources.max(1) as usize]
    };
    let times = flow.upstream.map_or(Times { idle: 60_000, life: 3_600_000 }, |upstream| Times {
        idle: milliseconds(upstream.keepalive.timeout.value),
        life: milliseconds(upstream.keepalive.time.value),
    });
    let moved: Vec<Request>;
    let requests = if setup.destinations == before.destinations {
        requests
    } else {
        let other = |(n, r): (usize, &Request)| Request {
            destination: murmur2(&(n as u64).to_le_bytes()) % setup.destinations.max(1),
            ..*r
        };
        moved = requests.iter().enumerate().map(other).collect();
        &moved
    };
    let outcome = replay(requests, setup, &Sources::new(&shares), times);
    let at = |time: i64| clock(time.div_euclid(1000));
    Row {
        name: name.to_owned(),
        connections_opened: outcome.opened,
        requests_on_open_connections: outcome.reused,
        requests_without_port: outcome.failed,
        ports: setup.host.ports().all,
        ports_at_peak: outcome.peak,
        peak_at: at(outcome.peak_at),
        cliff_at: outcome.cliff_at.map(at),
        exhausted_at: outcome.exhausted_at.map(at),
        verdict: verdict(&outcome),
    }
}

fn verdict(outcome: &replay::Outcome) -> &'static str {
    match (outcome.exhausted_at, outcome.cliff_at) {
        (Some(_), _) => "exhausted",
        (None, Some(_)) => "cliff",
        (None, None) => "fits",
    }
}

fn milliseconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

fn text(answer: &Answer) -> String {
    let mut out = String::new();
    for assumption in &answer.assumptions {
        let _ = writeln!(out, "{assumption}");
    }
    human::host(&mut out, &answer.nginx, &answer.host);
    let log = &answer.log;
    let _ = write!(
        out,
        "{}: {} requests to upstreams in the format `{}`",
        log.path,
        group(log.upstream_requests),
        log.log_format
    );
    for (count, what) in [
        (log.local_requests, "answered by nginx itself"),
        (log.foreign_lines, "lines of another form"),
        (log.to_unknown_peers, "to peers that the configuration does not name"),
    ] {
        if count > 0 {
            let _ = write!(out, ", {} {what}", group(count));
        }
    }
    out.push('\n');
    if let Some(sample) = &log.foreign_sample {
        let _ = writeln!(out, "first line of another form: {sample}");
    }
    for note in &log.notes {
        let _ = writeln!(out, "{note}");
    }
    for flow in &answer.flows {
        let _ = writeln!(
            out,
            "\n{}  {}\n  {} requests in {:.0} s, {} in the busiest second, {} at once\n",
            flow.name,
            flow.places.first().map_or("", String::as_str),
            group(flow.requests),
            flow.seconds,
            group(flow.busiest_second),
            group(flow.at_once)
        );
        rows(&mut out, &flow.rows);
    }
    out
}

fn rows(out: &mut String, rows: &[Row]) {
    let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(0);
    let _ = writeln!(
        out,
        "  {:width$}  {:>11}  {:>7}  {:>13}  verdict",
        "", "connections", "reused", "ports at peak"
    );
    for row in rows {
        let requests = row.connections_opened + row.requests_on_open_connections + row.requests_without_port;
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let reused = 100.0 * row.requests_on_open_connections as f64 / requests.max(1) as f64;
        let verdict = match (&row.exhausted_at, &row.cliff_at) {
            (Some(at), _) => {
                format!("EXHAUSTED from {at}: {} requests without a port", group(row.requests_without_port))
            }
            (None, Some(at)) => format!("SLOW from {at}: past the cliff"),
            (None, None) => format!("ok, peak at {}", row.peak_at),
        };
        let _ = writeln!(
            out,
            "  {:width$}  {:>11}  {:>7}  {:>13}  {verdict}",
            row.name,
            group(row.connections_opened),
            format!("{reused:.0} %"),
            format!("{} of {}", group(row.ports_at_peak.into()), group(row.ports.into())),
        );
    }
}
