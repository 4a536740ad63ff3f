//! `ngxc split`: which share of the hashes, and of a population, each bucket of `split_clients` gets.

mod csv;
mod html;

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;

use crate::eval::hash::{make_key, murmur2};
use crate::eval::split_clients::HASHES;
use crate::eval::{CompileError, Program};
use crate::model::log::{AccessLogs, LogFormat};
use crate::model::proxy::Bind;
use crate::model::{Config, HttpSettings, VariableId};
use crate::simulate::population::{run_keys, run_log};
use crate::simulate::report::Distinct;
use crate::simulate::{self, Clients, Ports, Report};
use crate::simulate::{compare, lines, statistics};
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
    /// `log_format` of the log [default: that of the first `access_log`, else combined]
    #[arg(long, value_name = "NAME", requires = "log")]
    pub log_format: Option<String>,
    /// Hash and bucket of one key; can be repeated
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// Bucket of one hash; can be repeated
    #[arg(long, value_name = "N")]
    pub hash: Vec<u32>,
    /// A short key with this hash; can be repeated
    #[arg(long, value_name = "HASH")]
    pub make_key: Vec<u32>,
    /// Another configuration: how many keys get another value of the same variable
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Also write a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
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
    /// One line a bucket
    Csv,
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
    /// The page.
    Html(PathBuf, io::Error),
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
            SplitError::Html(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
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

/// Runs the command. `other` is the configuration of `--compare`.
///
/// # Errors
/// If the configuration has no such split, the population cannot be simulated, or input or output fail.
pub fn run(
    args: &SplitArgs,
    config: &Arc<Config>,
    other: Option<&Arc<Config>>,
    sources: &SourceMap,
    style: Style,
    out: &mut dyn Write,
) -> Result<(), SplitError> {
    let other = other.map(|config| Program::new(config.clone())).transpose().map_err(SplitError::Regex)?;
    let program = Program::new(config.clone()).map_err(SplitError::Regex)?;
    let splits = choose(args, config)?;
    let mut answer = Answer { nginx_version: config.version.to_string(), splits: Vec::new() };
    for position in splits {
        let report = population(args, &program, position)?;
        let mut split = split(args, &program, sources, position, report.as_ref());
        split.comparison = other.as_ref().map(|other| comparison(args, &program, position, other));
        answer.splits.push(split);
    }
    match args.format {
        SplitFormat::Human => out.write_all(human(&answer, style).as_bytes())?,
        SplitFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
        SplitFormat::Csv => out.write_all(csv::text(&answer).as_bytes())?,
    }
    if let Some(path) = &args.html {
        std::fs::write(path, html::page(&answer)).map_err(|e| SplitError::Html(path.clone(), e))?;
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
pub(super) struct Answer {
    nginx_version: String,
    splits: Vec<Split>,
}

#[derive(Debug, Serialize)]
pub(super) struct Split {
    variable: String,
    key: String,
    place: String,
    buckets: Vec<Bucket>,
    uncovered: Option<Bucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<Population>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lookups: Vec<Lookup>,
    /// Of a population: whether the spread is chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
    /// If the values are source addresses of `proxy_bind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<SourcePorts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
}

/// Whether the spread of a population is chance.
#[derive(Debug, Serialize)]
pub(super) struct Statistics {
    /// Kish's effective number of keys.
    effective_keys: f64,
    /// Share of the most frequent key.
    heaviest_key_share: f64,
    chi_square: f64,
    degrees_of_freedom: u32,
    p: f64,
    /// p is below 0.001.
    is_uneven: bool,
    /// Observed over expected, of the bucket where that is largest.
    worst_ratio: f64,
    worst_value: String,
}

/// What the split does with source ports.
#[derive(Debug, Serialize)]
pub(super) struct SourcePorts {
    addresses: u64,
    /// Of each address to one destination: Linux' default range.
    ports_each: u64,
    /// Share of all ports that is used when the first address is full.
    usable_share: f64,
    /// That in ports.
    usable_ports: u64,
    /// The address that is full first.
    first_full: String,
}

/// What another configuration does with the same keys.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// Whether the other one has the variable.
    found: bool,
    /// Whether both hash the same key; if not, nothing can be said.
    same_key: bool,
    buckets: usize,
    /// Share of the keys that get another value, exact.
    moved_share: Option<f64>,
    /// What a change between so many equal buckets moves at least.
    least_share: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Bucket {
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
    /// Wilson's 95 % interval of the observed share.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<[f64; 2]>,
}

#[derive(Debug, Serialize)]
pub(super) struct Population {
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
pub(super) struct Malformed {
    line: u64,
    expected: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Lookup {
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
    let effective = report.map_or(0.0, Report::effective);
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
                interval: observed
                    .map(|n| statistics::wilson(ratio(n, total), effective))
                    .map(|(a, b)| [a, b]),
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
    let made = args.make_key.iter().map(|hash| {
        let key = make_key(*hash, 0).map(char::from).iter().collect::<String>();
        lookup(Some(&key), *hash)
    });
    let bound = is_bound(program.config(), model.variable);
    Split {
        statistics: report.and_then(|report| statistics_of(report, &buckets, uncovered.as_ref())),
        ports: bound.then(|| ports_of(&buckets)),
        comparison: None,
        variable: format!("${}", http.variables.get(model.variable).name),
        key: model.key.display(&http.variables),
        place: sources.place(model.span),
        lookups: keys.chain(args.hash.iter().map(|hash| lookup(None, *hash))).chain(made).collect(),
        buckets,
        uncovered,
        population: report.map(|report| population_of(args, report)),
    }
}

fn statistics_of(report: &Report, buckets: &[Bucket], rest: Option<&Bucket>) -> Option<Statistics> {
    let all: Vec<&Bucket> = buckets.iter().chain(rest).collect();
    let observed: Vec<f64> = all.iter().map(|b| b.observed_share.unwrap_or_default()).collect();
    let expected: Vec<f64> = all.iter().map(|b| b.expected_share).collect();
    let effective = report.effective();
    let test = statistics::chi_square(&observed, &expected, effective)?;
    let ratio_of = |b: &Bucket| b.observed_share.unwrap_or_default() / b.expected_share;
    let worst =
        all.iter().filter(|b| b.expected_share > 0.0).max_by(|a, b| ratio_of(a).total_cmp(&ratio_of(b)))?;
    Some(Statistics {
        effective_keys: effective,
        heaviest_key_share: ratio(report.heaviest(), report.total()),
        chi_square: test.value,
        degrees_of_freedom: test.df,
        p: test.p,
        is_uneven: test.p < statistics::ALPHA,
        worst_ratio: ratio_of(worst),
        worst_value: worst.value.clone(),
    })
}

/// Whether a variable is what `proxy_bind` binds, somewhere.
fn is_bound(config: &Config, variable: VariableId) -> bool {
    let bound = |settings: &HttpSettings| match &settings.proxy.bind.value {
        Bind::Value { value, .. } => value.variables().any(|id| id == variable),
        _ => false,
    };
    config.http.locations().any(|(_, l)| bound(&l.settings))
        || config.http.servers.iter().any(|s| bound(&s.settings))
}

/// Linux' default range has so many.
const PORTS: u64 = 28_232;

fn ports_of(buckets: &[Bucket]) -> SourcePorts {
    let mut shares: std::collections::BTreeMap<&str, f64> = std::collections::BTreeMap::new();
    for bucket in buckets {
        *shares.entry(&bucket.value).or_default() += bucket.observed_share.unwrap_or(bucket.expected_share);
    }
    let usable = statistics::usable(&shares.values().copied().collect::<Vec<_>>());
    let addresses = shares.len() as u64;
    let heaviest = shares.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(value, _)| (*value).to_owned());
    #[expect(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "below 2^53")]
    let usable_ports = ((addresses * PORTS) as f64 * usable) as u64;
    SourcePorts {
        addresses,
        ports_each: PORTS,
        usable_share: usable,
        usable_ports,
        first_full: heaviest.unwrap_or_default(),
    }
}

/// The split of the same variable in the other configuration.
fn comparison(args: &SplitArgs, program: &Program, position: usize, other: &Program) -> Comparison {
    let http = &program.config().http;
    let name = &http.variables.get(http.split_clients[position].variable).name;
    let theirs = &other.config().http;
    let found = theirs.split_clients.iter().position(|s| theirs.variables.get(s.variable).name == *name);
    let Some(new) = found else {
        return Comparison {
            found: false,
            same_key: false,
            buckets: 0,
            moved_share: None,
            least_share: None,
        };
    };
    let key = |http: &crate::model::Http, i: usize| http.split_clients[i].key.display(&http.variables);
    // A list of keys is hashed as it is, whatever the configuration says.
    let same_key = args.keys.is_some() || key(http, position) == key(theirs, new);
    let moved = ratio(compare::moved((program, position), (other, new)), HASHES);
    let (old, buckets) =
        (http.split_clients[position].buckets.len(), theirs.split_clients[new].buckets.len());
    let (few, many) = (old.min(buckets) as u64, old.max(buckets) as u64);
    Comparison {
        found: true,
        same_key,
        buckets,
        moved_share: same_key.then_some(moved),
        least_share: (same_key && few != many).then(|| ratio(many - few, many)),
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
    // On a narrow terminal the bars say more than the intervals.
    let wide = style.width >= 96;
    if observed {
        let interval = if wide { "  95 % interval" } else { "" };
        let _ = write!(out, "  {:>count_width$}    share{interval}", "observed");
    }
    let _ = writeln!(out, "  value{off}");
    let fixed = 46 + if observed { count_width + if wide { 26 } else { 11 } } else { 0 } + value_width;
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
            if let Some([low, high]) = bucket.interval.filter(|_| wide) {
                let _ = write!(out, "  {:>13}", format!("{:.2}-{:.2}%", low * 100.0, high * 100.0));
            }
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
    human_judgement(out, split);
    for lookup in &split.lookups {
        let key = lookup.key.as_ref().map_or(String::new(), |key| format!("key \"{}\": ", shown(key)));
        let bucket = lookup.bucket.map_or("no bucket".to_owned(), |b| format!("bucket {}", b + 1));
        let _ = writeln!(out, "{key}hash {}, {bucket}, value {}", lookup.hash, shown(&lookup.value));
    }
}

/// What the counts mean.
fn human_judgement(out: &mut String, split: &Split) {
    if let Some(s) = &split.statistics {
        let _ = writeln!(
            out,
            "effective keys {:.0} (the most frequent one is {} of all); worst bucket {} has {:.2} x its share",
            s.effective_keys,
            percent(s.heaviest_key_share),
            shown(&s.worst_value),
            s.worst_ratio
        );
        let p = if s.p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {:.4}", s.p) };
        let verdict = if s.is_uneven {
            "uneven: no accident. Few or heavy keys do that, not the hash; $request_id spreads best"
        } else if s.worst_ratio > 1.1 {
            "uneven because the keys are few or heavy, not because of the hash; $request_id spreads best"
        } else {
            "even"
        };
        let _ = writeln!(
            out,
            "chi-square {:.1}, {} degrees of freedom, {p}: {verdict}",
            s.chi_square, s.degrees_of_freedom
        );
    }
    // Even shares alone say nothing.
    let telling = |p: &&SourcePorts| split.population.is_some() || p.usable_share < 0.99;
    if let Some(p) = split.ports.as_ref().filter(telling) {
        let _ = writeln!(
            out,
            "proxy_bind: {} addresses with {} ports each (Linux' default) to one destination; {} of them, {} ports, are in use when {} \
             is full",
            p.addresses,
            p.ports_each,
            percent(p.usable_share),
            p.usable_ports,
            shown(&p.first_full)
        );
    }
    if let Some(c) = &split.comparison {
        let _ = match (c.found, c.moved_share) {
            (false, _) => writeln!(out, "the other configuration does not split {}", split.variable),
            (true, None) => writeln!(out, "the other configuration hashes another key: every key may move"),
            (true, Some(moved)) => {
                let least = c
                    .least_share
                    .filter(|l| *l < moved)
                    .map_or(String::new(), |l| format!("; a consistent hash would move {}", percent(l)));
                writeln!(
                    out,
                    "{} buckets in the other configuration: {} of the keys move{least}",
                    c.buckets,
                    percent(moved)
                )
            }
        };
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
