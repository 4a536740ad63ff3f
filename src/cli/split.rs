//! `ngxc split`: which share of the hashes, and of a population, each bucket of `split_clients` gets.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;

use crate::eval::hash::murmur2;
use crate::eval::split_clients::HASHES;
use crate::eval::{CompileError, Program};
use crate::model::Config;
use crate::model::log::{AccessLogs, LogFormat};
use crate::simulate::lines;
use crate::simulate::population::{run_keys, run_log};
use crate::simulate::report::Distinct;
use crate::simulate::{self, Clients, Ports, Report};
use crate::source::SourceMap;

/// Arguments beside the configuration.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SplitArgs {
    /// Only the split that defines this variable
    #[arg(long, value_name = "$NAME")]
    pub variable: Option<String>,
    /// All clients of a network; can be repeated
    #[arg(long, value_name = "CIDR", value_parser = network, conflicts_with_all = ["keys", "log"])]
    pub clients: Vec<IpNet>,
    /// Different ports of each client
    #[arg(long, value_name = "N", default_value_t = 1, requires = "clients")]
    pub ports: u32,
    /// Range that clients' ports are taken from
    #[arg(long, value_name = "FIRST-LAST", value_parser = port_range, default_value = "32768-60999")]
    pub port_range: (u16, u16),
    /// Take only this many addresses, at even distances
    #[arg(long, value_name = "N", requires = "clients")]
    pub sample: Option<u64>,
    /// Whole keys, one a line; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "log")]
    pub keys: Option<PathBuf>,
    /// Access log in a format of the configuration, plain or gzip; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// `log_format` of the log [default: that of the first access_log, else combined]
    #[arg(long, value_name = "NAME", requires = "log")]
    pub log_format: Option<String>,
    /// Hash and bucket of one key; can be repeated
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// Bucket of one hash; can be repeated
    #[arg(long, value_name = "N")]
    pub hash: Vec<u32>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: SplitFormat,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SplitFormat {
    /// A table
    #[default]
    Human,
    /// The schema of docs/split.md
    Json,
}

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Colours.
    pub color: bool,
    /// Bars of block characters; `#` otherwise.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
}

impl Default for Style {
    /// Not a terminal.
    fn default() -> Self {
        Self { color: false, unicode: false, width: 100 }
    }
}

/// Why there is no answer; exit status 2.
#[derive(Debug)]
pub enum SplitError {
    /// No `split_clients` in the configuration, or none with the variable; with those there are.
    NoSplit(Option<String>, Vec<String>),
    /// No such `log_format`; with those there are.
    NoFormat(String, Vec<String>),
    /// A regular expression of a map does not compile.
    Regex(CompileError),
    /// The population.
    Population(simulate::Error),
    /// A file of keys or a log.
    Open(PathBuf, io::Error),
    /// The output.
    Write(io::Error),
}

impl std::fmt::Display for SplitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SplitError::NoSplit(None, _) => write!(f, "the configuration has no `split_clients`"),
            SplitError::NoSplit(Some(name), known) => {
                write!(f, "no `split_clients` defines `${name}`, expected {}", known.join(" or "))
            }
            SplitError::NoFormat(name, known) => {
                write!(f, "no `log_format` is called `{name}`, expected {}", known.join(" or "))
            }
            SplitError::Regex(error) => error.fmt(f),
            SplitError::Population(error) => error.fmt(f),
            SplitError::Open(path, error) => write!(f, "cannot read `{}`: {error}", path.display()),
            SplitError::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for SplitError {}

impl SplitError {
    /// What to type instead.
    pub fn help(&self) -> Option<String> {
        if let SplitError::Population(error) = self { error.help() } else { None }
    }
}

impl From<io::Error> for SplitError {
    fn from(error: io::Error) -> Self {
        SplitError::Write(error)
    }
}

/// Network of an argument; an address is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
    net.map(|n| n.trunc()).map_err(|_| "expected a network such as `203.0.113.0/24`".to_owned())
}

fn port_range(text: &str) -> Result<(u16, u16), String> {
    let parsed = text.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parsed
        .filter(|(first, last)| first <= last)
        .ok_or_else(|| "expected two ports such as `32768-60999`".to_owned())
}

/// Runs the command.
///
/// # Errors
/// If the configuration has no such split, the population cannot be simulated, or input or output fail.
pub fn run(
    args: &SplitArgs,
    config: &Arc<Config>,
    sources: &SourceMap,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), SplitError> {
    let program = Program::new(config.clone()).map_err(SplitError::Regex)?;
    let splits = choose(args, config)?;
    let mut answer = Answer { nginx_version: config.version.to_string(), splits: Vec::new() };
    for position in splits {
        let report = population(args, &program, position)?;
        answer.splits.push(split(args, &program, sources, position, report.as_ref()));
    }
    match args.format {
        SplitFormat::Human => out.write_all(human(&answer, style).as_bytes())?,
        SplitFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn choose(args: &SplitArgs, config: &Config) -> Result<Vec<usize>, SplitError> {
    let name = |i: usize| &config.http.variables.get(config.http.split_clients[i].variable).name;
    let all = 0..config.http.split_clients.len();
    let wanted = args.variable.as_ref().map(|v| v.trim_start_matches('$').to_ascii_lowercase());
    let chosen: Vec<usize> =
        all.clone().filter(|&i| wanted.as_ref().is_none_or(|wanted| name(i) == wanted)).collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let known: Vec<String> = all.map(|i| format!("`${}`", name(i))).collect();
    Err(SplitError::NoSplit(wanted.filter(|_| !known.is_empty()), known))
}

fn population(args: &SplitArgs, program: &Program, split: usize) -> Result<Option<Report>, SplitError> {
    let ports = Ports { first: args.port_range.0, last: args.port_range.1, per_client: args.ports.max(1) };
    let report = if let Some(path) = &args.keys {
        run_keys(program, split, open(path)?)
    } else if let Some(path) = &args.log {
        run_log(program, split, log_format(args, program.config())?, ports, open(path)?)
    } else if !args.clients.is_empty() {
        Clients::new(args.clients.clone(), ports, args.sample).and_then(|c| c.run(program, split))
    } else {
        return Ok(None);
    };
    report.map(Some).map_err(SplitError::Population)
}

/// The format that was named, else that of the configuration's first access log, else `combined`.
fn log_format<'c>(args: &SplitArgs, config: &'c Config) -> Result<&'c LogFormat, SplitError> {
    let formats = &config.http.log_formats;
    let named = match &args.log_format {
        Some(name) => formats.iter().find(|f| f.name == *name),
        None => formats.get(first_format(config).unwrap_or(0)),
    };
    named.ok_or_else(|| {
        let known = formats.iter().map(|f| format!("`{}`", f.name)).collect();
        SplitError::NoFormat(args.log_format.clone().unwrap_or_default(), known)
    })
}

fn first_format(config: &Config) -> Option<usize> {
    let settings = config.http.settings.iter().chain(config.http.servers.iter().map(|s| &s.settings));
    settings.map(|s| &s.core.access_log.value).find_map(|logs| match logs {
        AccessLogs::To(list) => list.first().map(|log| log.format),
        AccessLogs::Off => None,
    })
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, SplitError> {
    let opened = if path == Path::new("-") {
        lines::decompressed(io::stdin())
    } else {
        std::fs::File::open(path).and_then(lines::decompressed)
    };
    opened.map_err(|e| SplitError::Open(path.to_owned(), e))
}

/// The JSON schema, described in docs/split.md.
#[derive(Debug, Serialize)]
struct Answer {
    nginx_version: String,
    splits: Vec<Split>,
}

#[derive(Debug, Serialize)]
struct Split {
    variable: String,
    key: String,
    place: String,
    buckets: Vec<Bucket>,
    uncovered: Option<Bucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<Population>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lookups: Vec<Lookup>,
}

#[derive(Debug, Serialize)]
struct Bucket {
    value: String,
    /// As written.
    percent: Option<String>,
    place: Option<String>,
    first_hash: Option<u32>,
    last_hash: Option<u32>,
    hashes: u64,
    expected_share: f64,
    observed: Option<u64>,
    observed_share: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Population {
    keys: u64,
    distinct_keys: Option<u64>,
    distinct_keys_more_than: Option<u64>,
    without_bucket: u64,
    malformed_lines: u64,
    first_malformed: Vec<Malformed>,
    assumed_ports: Option<String>,
    clients: Option<String>,
    clients_simulated: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Malformed {
    line: u64,
    expected: String,
}

#[derive(Debug, Serialize)]
struct Lookup {
    key: Option<String>,
    hash: u32,
    /// Position from 0; null if no bucket takes it.
    bucket: Option<usize>,
    value: String,
}

fn split(
    args: &SplitArgs,
    program: &Program,
    sources: &SourceMap,
    position: usize,
    report: Option<&Report>,
) -> Split {
    let http = &program.config().http;
    let model = &http.split_clients[position];
    let table = program.split(position);
    let (ranges, rest) = table.ranges();
    let total = report.map_or(0, Report::total);
    let bucket =
        |value: String, percent, place, range: Option<crate::eval::split_clients::Range>, observed| {
            let hashes = range.map_or(0, crate::eval::split_clients::Range::count);
            Bucket {
                value,
                percent,
                place,
                first_hash: range.map(|r| r.first),
                last_hash: range.map(|r| r.last),
                hashes,
                expected_share: ratio(hashes, HASHES),
                observed,
                observed_share: observed.map(|n| ratio(n, total)),
            }
        };
    let buckets = model.buckets.iter().zip(ranges).enumerate().map(|(i, (b, range))| {
        let percent = match b.percent {
            0 => "*".to_owned(),
            n if n % 100 == 0 => format!("{}%", n / 100),
            n => format!("{}.{:02}%", n / 100, n % 100),
        };
        let value = String::from_utf8_lossy(&b.value).into_owned();
        let observed = report.map(|r| r.observed[i]);
        bucket(value, Some(percent), Some(sources.place(b.span)), range, observed)
    });
    let buckets: Vec<Bucket> = buckets.collect();
    let uncovered = rest.map(|r| bucket(String::new(), None, None, Some(r), report.map(|r| r.none)));
    let lookup = |key: Option<&String>, hash: u32| {
        let found = table.find(hash);
        let value = found.map_or("".into(), |i| String::from_utf8_lossy(&model.buckets[i].value));
        Lookup { key: key.cloned(), hash, bucket: found, value: value.into_owned() }
    };
    let keys = args.key.iter().map(|key| lookup(Some(key), murmur2(key.as_bytes())));
    Split {
        variable: format!("${}", http.variables.get(model.variable).name),
        key: model.key.display(&http.variables),
        place: sources.place(model.span),
        lookups: keys.chain(args.hash.iter().map(|hash| lookup(None, *hash))).collect(),
        buckets,
        uncovered,
        population: report.map(|report| population_of(args, report)),
    }
}

fn population_of(args: &SplitArgs, report: &Report) -> Population {
    let (distinct_keys, distinct_keys_more_than) = match report.distinct() {
        Distinct::Exactly(n) => (Some(n), None),
        Distinct::More => (None, Some(simulate::report::DISTINCT_LIMIT as u64)),
        Distinct::NotCounted => (None, None),
    };
    let clients = (!args.clients.is_empty())
        .then(|| Clients::new(args.clients.clone(), Ports::default(), args.sample).ok())
        .flatten();
    Population {
        keys: report.total(),
        distinct_keys,
        distinct_keys_more_than,
        without_bucket: report.none,
        malformed_lines: report.malformed,
        first_malformed: report
            .malformed_first
            .iter()
            .map(|(line, expected)| Malformed { line: *line, expected: expected.clone() })
            .collect(),
        assumed_ports: report.assumed_ports.map(|p| format!("{} of {}-{}", p.per_client, p.first, p.last)),
        // A network can have more addresses than a JSON number holds exactly.
        clients: clients.as_ref().map(|c| c.addresses().to_string()),
        clients_simulated: clients.as_ref().map(Clients::taken),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Text of a configuration or a log must not reach the terminal as control characters.
fn shown(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn human(answer: &Answer, style: Style) -> String {
    let mut out = String::new();
    for (i, split) in answer.splits.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        human_split(&mut out, split, style, &answer.nginx_version);
    }
    out
}

fn human_split(out: &mut String, split: &Split, style: Style, version: &str) {
    let (bold, dim, off) = if style.color { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let key = shown(&split.key);
    let _ = writeln!(
        out,
        "{bold}{}{off}  split_clients \"{key}\"  {dim}{}, nginx {version}{off}",
        split.variable, split.place
    );
    let rows: Vec<&Bucket> = split.buckets.iter().chain(&split.uncovered).collect();
    let value_width = rows.iter().map(|b| shown(&b.value).chars().count()).max().unwrap_or(0).clamp(5, 40);
    let observed = split.population.is_some();
    let count_width = split.population.as_ref().map_or(0, |p| p.keys.to_string().len()).max(8);
    let _ = write!(out, "{dim}   share  first hash   last hash  expected");
    if observed {
        let _ = write!(out, "  {:>count_width$}    share", "observed");
    }
    let _ = writeln!(out, "  value{off}");
    let fixed = 46 + if observed { count_width + 11 } else { 0 } + value_width;
    let room = style.width.saturating_sub(fixed).min(30);
    let share = |b: &Bucket| b.observed_share.unwrap_or(b.expected_share);
    let largest = rows.iter().map(|b| share(b)).fold(0.0, f64::max);
    for bucket in &rows {
        let hash = |h: Option<u32>| h.map_or("-".to_owned(), |h| h.to_string());
        let _ = write!(
            out,
            "{:>8}  {:>10}  {:>10}  {:>8}",
            bucket.percent.as_deref().unwrap_or("(rest)"),
            hash(bucket.first_hash),
            hash(bucket.last_hash),
            percent(bucket.expected_share)
        );
        if let (Some(n), Some(share)) = (bucket.observed, bucket.observed_share) {
            let _ = write!(out, "  {n:>count_width$}  {:>7}", percent(share));
        }
        let mut value = shown(&bucket.value);
        if value.chars().count() > value_width {
            value = value.chars().take(value_width - 1).chain(['\u{2026}']).collect();
        }
        let bar = bar(share(bucket) / largest, room, style.unicode);
        let line = format!("  {value:value_width$}  {bar}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    if let Some(population) = &split.population {
        human_population(out, population);
    }
    for lookup in &split.lookups {
        let key = lookup.key.as_ref().map_or(String::new(), |key| format!("key \"{}\": ", shown(key)));
        let bucket = lookup.bucket.map_or("no bucket".to_owned(), |b| format!("bucket {}", b + 1));
        let _ = writeln!(out, "{key}hash {}, {bucket}, value {}", lookup.hash, shown(&lookup.value));
    }
}

fn human_population(out: &mut String, population: &Population) {
    let _ = write!(out, "{} keys", population.keys);
    match (population.distinct_keys, population.distinct_keys_more_than) {
        (Some(n), _) => drop(write!(out, ", {n} different")),
        (_, Some(limit)) => drop(write!(out, ", more than {limit} different")),
        _ => {}
    }
    let _ = writeln!(out, ", {} without a bucket", population.without_bucket);
    if let (Some(all), Some(taken)) = (&population.clients, population.clients_simulated)
        && *all != taken.to_string()
    {
        let _ = writeln!(out, "sample: {taken} of {all} addresses, at even distances");
    }
    if let Some(ports) = &population.assumed_ports {
        let _ = writeln!(out, "assumed: client ports, for each client or line {ports}");
    }
    if population.malformed_lines > 0 {
        let _ = writeln!(out, "{} malformed lines were left out:", population.malformed_lines);
        for Malformed { line, expected } in &population.first_malformed {
            let _ = writeln!(out, "  line {line}: {expected}");
        }
    }
}

/// A share in percent; small ones get the digits that they need to be told from nothing.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.001 { "<0.001%".to_owned() } else { format!("{percent:.3}%") }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to 1, times a width"
)]
fn bar(part: f64, width: usize, unicode: bool) -> String {
    let eighths = (part.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    if !unicode {
        return "#".repeat((eighths + 4) / 8);
    }
    let mut bar = "\u{2588}".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.extend(char::from_u32(0x2590 - (eighths % 8) as u32));
    }
    bar
}
