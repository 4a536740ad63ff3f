//! `ngxc ports --report`: for each place that passes requests on and each target that it reaches, whether connections
//! are used again, and if not, why.

use std::io::Write;

use serde::Serialize;

use super::{Failure, Format, Machine, Outcome, PortsArgs, ReadConfiguration};
use crate::catalog::NEWEST;
use crate::model::{Config, LocationKind, Upstream};
use crate::ports::capacity::workers;
use crate::reuse::{
    BEFORE_DEFAULT_KEEPALIVE, Cause, DEFAULT_KEEPALIVE, JudgedLeaf, Overview, ReachedTarget, Verdict,
    distinct_peers,
};
use crate::source::SourceMap;
use crate::syntax::Configuration;
use crate::version::Version;

#[derive(Serialize)]
struct Report {
    schema: u32,
    /// One if `--nginx-version` was said, else the newest stable before connections were kept by default and the newest.
    nginx_versions: Vec<String>,
    upstreams: Vec<UpstreamRow>,
    leaves: Vec<LeafRow>,
    /// `proxy_pass` of `stream`: each session has a connection of its own.
    stream: Vec<String>,
}

#[derive(Serialize)]
struct UpstreamRow {
    name: String,
    place: String,
    /// Places that can reach it.
    leaves: usize,
    /// Peers that take requests.
    peers: usize,
    /// One for each version; null if no connection is kept.
    pools: Vec<Option<PoolRow>>,
}

#[derive(PartialEq, Serialize)]
struct PoolRow {
    /// Idle connections that a worker keeps.
    size: u32,
    /// True if only the location that opened a connection uses it.
    local: bool,
    requests: u32,
    time_seconds: f64,
    timeout_seconds: f64,
    /// `size` times the workers.
    idle_connections_at_most: u64,
}

#[derive(Serialize)]
struct LeafRow {
    place: String,
    /// The `server_name` of the server, empty if it has none.
    server: String,
    location: String,
    directive: &'static str,
    target: String,
    /// `upstream`, `host`, `unix`, `request`.
    target_kind: &'static str,
    /// One for each version.
    verdicts: Vec<VerdictRow>,
}

#[derive(PartialEq, Serialize)]
struct VerdictRow {
    /// `reused`, `not-reused`, `partly`, `unknown`.
    verdict: &'static str,
    cause: Option<&'static str>,
}

pub(super) fn run(args: &PortsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let ReadConfiguration { configuration, which, .. } = args.read()?;
    let versions = match which.version {
        Some(version) => vec![version],
        None => vec![BEFORE_DEFAULT_KEEPALIVE, NEWEST],
    };
    let mut report = Report {
        schema: 1,
        nginx_versions: versions.iter().map(Version::to_string).collect(),
        upstreams: Vec::new(),
        leaves: Vec::new(),
        stream: stream_passes(&configuration),
    };
    for (n, version) in versions.iter().enumerate() {
        let compiled = args.input.meaning.compile(&configuration, *version);
        let machine = args.machine(&compiled.config)?;
        add(&mut report, n == 0, &configuration.sources, &compiled.config, &machine);
    }
    if let Some(name) = &args.upstream {
        report.upstreams.retain(|row| row.name == *name);
        report.leaves.retain(|row| row.target == *name);
        if report.leaves.is_empty() {
            return Err(Failure::new(format!("nothing passes requests to `{name}`"))
                .help("`ngxc ports --report` without `--upstream` lists what is reached"));
        }
    }
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => human(&report, out)?,
    }
    let suffers = |row: &LeafRow| row.target_kind != "unix" && row.verdicts.iter().any(VerdictRow::is_bad);
    Ok(if report.leaves.iter().any(suffers) { Outcome::Findings } else { Outcome::Clean })
}

/// Adds what one version makes of the configuration. The places are the same for each version.
fn add(report: &mut Report, first: bool, sources: &SourceMap, config: &Config, machine: &Machine) {
    let overview = Overview::new(config);
    let explicit = config.http.upstreams.iter().filter(|u| !u.is_implicit());
    for (n, upstream) in explicit.enumerate() {
        if first {
            report.upstreams.push(UpstreamRow {
                name: upstream.name.clone(),
                place: sources.place(upstream.span),
                leaves: overview.users(upstream).count(),
                peers: distinct_peers(upstream),
                pools: Vec::new(),
            });
        }
        if let Some(row) = report.upstreams.get_mut(n) {
            row.pools.push(pool(upstream, u64::from(workers(config, &machine.host))));
        }
    }
    let reached = overview.leaves.iter().flat_map(|judged| judged.reached.iter().map(move |r| (judged, r)));
    for (n, (judged, (target, verdict))) in reached.enumerate() {
        if first {
            report.leaves.push(leaf(sources, judged, target));
        }
        if let Some(row) = report.leaves.get_mut(n) {
            row.verdicts.push(VerdictRow::new(*verdict));
        }
    }
}

fn pool(upstream: &Upstream, workers: u64) -> Option<PoolRow> {
    let pool = upstream.pool()?;
    let keepalive = &upstream.keepalive;
    Some(PoolRow {
        size: pool.size,
        local: pool.local,
        requests: keepalive.requests.value,
        time_seconds: keepalive.time.value.as_secs_f64(),
        timeout_seconds: keepalive.timeout.value.as_secs_f64(),
        idle_connections_at_most: u64::from(pool.size) * workers,
    })
}

fn leaf(sources: &SourceMap, judged: &JudgedLeaf<'_>, target: &ReachedTarget<'_>) -> LeafRow {
    let leaf = &judged.leaf;
    let (target_kind, target) = match target {
        ReachedTarget::Upstream(upstream) => ("upstream", upstream.name.clone()),
        ReachedTarget::Bare(host, _) => ("host", host.clone()),
        ReachedTarget::Unix(path) => ("unix", format!("unix:{path}")),
        ReachedTarget::Unknown => ("request", "(from the request)".to_owned()),
    };
    LeafRow {
        place: sources.place(leaf.span),
        server: leaf.server.names.first().map(ToString::to_string).unwrap_or_default(),
        location: location(judged),
        directive: leaf.directive,
        target,
        target_kind,
        verdicts: Vec::new(),
    }
}

/// The location as it is written, and `if` in it.
fn location(judged: &JudgedLeaf<'_>) -> String {
    let named = judged.leaf.named_location().kind.to_string();
    match judged.leaf.location.kind {
        LocationKind::If => format!("{named}, if"),
        LocationKind::LimitExcept(_) => format!("{named}, limit_except"),
        _ => named,
    }
}

impl VerdictRow {
    fn new(verdict: Verdict) -> Self {
        let text = |cause: Cause| Some(cause.text());
        let (verdict, cause) = match verdict {
            Verdict::Reused => ("reused", None),
            Verdict::NotReused(cause) => ("not-reused", text(cause)),
            Verdict::Partly(cause) => ("partly", text(cause)),
            Verdict::Unknown => ("unknown", None),
        };
        Self { verdict, cause }
    }

    fn is_bad(&self) -> bool {
        matches!(self.verdict, "not-reused" | "partly")
    }

    fn text(&self) -> String {
        let word = self.verdict.replace('-', " ");
        self.cause.map_or(word.clone(), |cause| format!("{word}: {cause}"))
    }
}

fn stream_passes(configuration: &Configuration) -> Vec<String> {
    let mut found = Vec::new();
    let blocks = |name| move |(d, _): &(crate::syntax::Directive<'_>, _)| d.name().is(name);
    for stream in configuration.expanded_root().filter(blocks("stream")).filter_map(|(d, _)| d.block()) {
        for server in configuration.expanded(stream).filter(blocks("server")).filter_map(|(d, _)| d.block()) {
            let passes = configuration.expanded(server).filter(blocks("proxy_pass"));
            found.extend(passes.map(|(pass, _)| {
                let target = pass.arg(0).map(|arg| arg.to_string()).unwrap_or_default();
                format!("{}  {target}", configuration.sources.place(pass.head()))
            }));
        }
    }
    found
}

fn human(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "nginx {}", report.nginx_versions.join(" and "))?;
    if report.leaves.is_empty() && report.stream.is_empty() {
        writeln!(out, "\nthe configuration passes no requests on")?;
    }
    let width = report.leaves.iter().map(|row| title(row).chars().count()).max().unwrap_or(0);
    for row in &report.leaves {
        let title = title(row);
        write!(out, "\n{title:width$}  ")?;
        versions(report, &row.verdicts, VerdictRow::text, width, out)?;
    }
    if !report.stream.is_empty() {
        writeln!(out)?;
    }
    for pass in &report.stream {
        writeln!(out, "\n{pass}: a connection for each session of stream")?;
    }
    if !report.leaves.is_empty() {
        writeln!(out)?;
    }
    for row in &report.upstreams {
        let (places, peers) = (plural(row.leaves, "place"), plural(row.peers, "peer"));
        let title = format!("upstream {}  {}  {places}, {peers}", row.name, row.place);
        write!(out, "\n{title}\n  ")?;
        versions(
            report,
            &row.pools,
            |pool| pool.as_ref().map_or("no pool".to_owned(), PoolRow::text),
            0,
            out,
        )?;
    }
    if !report.upstreams.is_empty() {
        writeln!(out)?;
    }
    let count = |word: &str| {
        let last = report.leaves.iter().filter_map(|row| row.verdicts.last());
        last.filter(|verdict| verdict.verdict == word).count()
    };
    let newest = report.nginx_versions.last().map_or("", String::as_str);
    writeln!(
        out,
        "\nwith {newest}: {} reused, {} partly, {} not reused, {} unknown",
        count("reused"),
        count("partly"),
        count("not-reused"),
        count("unknown")
    )
}

/// One text if the versions agree, else a line for each.
fn versions<T: PartialEq>(
    report: &Report,
    values: &[T],
    text: impl Fn(&T) -> String,
    indent: usize,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let Some(first) = values.first() else { return Ok(()) };
    if values.iter().all(|value| value == first) {
        return write!(out, "{}", text(first));
    }
    for (n, (value, version)) in values.iter().zip(&report.nginx_versions).enumerate() {
        if n > 0 {
            write!(out, "\n{:indent$}  ", "")?;
        }
        let until = if n == 0 { format!("before {DEFAULT_KEEPALIVE}") } else { format!("nginx {version}") };
        write!(out, "{until:13}  {}", text(value))?;
    }
    Ok(())
}

fn title(row: &LeafRow) -> String {
    let server = if row.server.is_empty() { String::new() } else { format!("{} ", row.server) };
    format!("{}  {server}{}  {} {}", row.place, row.location, row.directive, row.target)
}

fn plural(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

impl PoolRow {
    fn text(&self) -> String {
        format!(
            "keepalive {}{}, {} requests, {} s, idle {} s; at most {} idle connections",
            self.size,
            if self.local { " local" } else { "" },
            self.requests,
            self.time_seconds,
            self.timeout_seconds,
            self.idle_connections_at_most
        )
    }
}
