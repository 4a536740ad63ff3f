//! `ngxc split`: which share of the hashes, and of a population, each bucket of `split_clients` gets.

mod answer;
mod csv;
mod html;
mod human;
mod sql;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use self::answer::Answer;
use super::sql::Dialect;
use super::write::{self, Readers};
use super::{log_file, log_format};
use crate::eval::{CompileError, Program};
use crate::model::Config;
use crate::simulate::{self, Clients, Ports, Report, run_keys, run_log};
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
    /// Instead of a preview, SQL that computes the values from the columns of a table of log lines
    #[arg(long, value_name = "ENGINE", value_enum, conflicts_with_all = ["clients", "keys", "log", "compare", "html", "format"])]
    pub emit_sql: Option<Dialect>,
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

/// Abilities of the terminal.
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

/// Error of a preview; exit status 2.
#[derive(Debug)]
pub enum SplitError {
    /// No `split_clients` in the configuration, or none with the variable; with those there are.
    NoSplit(Option<String>, Vec<String>),
    /// No such `log_format`; and what to type.
    NoFormat(String, Option<String>),
    /// A regular expression of a map does not compile.
    Regex(CompileError),
    /// The population.
    Population(simulate::Error),
    /// A file of keys or a log.
    Open(PathBuf, io::Error),
    /// The page.
    Html(PathBuf, io::Error),
    /// A key that SQL cannot compute.
    Sql(String),
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
            SplitError::NoFormat(message, _) => f.write_str(message),
            SplitError::Regex(error) => error.fmt(f),
            SplitError::Population(error) => error.fmt(f),
            SplitError::Open(path, error) => write!(f, "cannot read `{}`: {error}", path.display()),
            SplitError::Html(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
            SplitError::Sql(why) => f.write_str(why),
            SplitError::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for SplitError {}

impl SplitError {
    /// The command or text to type instead.
    pub fn help(&self) -> Option<String> {
        match self {
            SplitError::Population(error) => error.help(),
            SplitError::NoFormat(_, help) => help.clone(),
            _ => None,
        }
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
    // A split of `stream`, if `http` has none that is meant.
    let stream = config.of_stream().map(Arc::new);
    let is_of_stream = |stream: &Arc<Config>| choose(args, config).is_err() && choose(args, stream).is_ok();
    let stream = stream.filter(is_of_stream);
    let other = match &stream {
        Some(_) => other.and_then(|other| other.of_stream()).map(Arc::new),
        None => other.cloned(),
    };
    let config = stream.as_ref().unwrap_or(config);
    let other = other.map(Program::new).transpose().map_err(SplitError::Regex)?;
    let program = Program::new(config.clone()).map_err(SplitError::Regex)?;
    let splits = choose(args, config)?;
    if let Some(dialect) = args.emit_sql {
        let text = sql::text(&program, &splits, dialect).map_err(SplitError::Sql)?;
        return Ok(out.write_all(text.as_bytes())?);
    }
    let mut answer = Answer { nginx_version: config.version.to_string(), splits: Vec::new() };
    for position in splits {
        let report = population(args, &program, position)?;
        let mut split = answer::split(args, &program, sources, position, report.as_ref());
        split.comparison = other.as_ref().map(|other| answer::comparison(args, &program, position, other));
        answer.splits.push(split);
    }
    match args.format {
        // The page goes there alone.
        _ if args.html.as_deref() == Some(Path::new("-")) => {}
        SplitFormat::Human => out.write_all(human::human(&answer, style).as_bytes())?,
        SplitFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            out.write_all(b"\n")?;
        }
        SplitFormat::Csv => out.write_all(csv::text(&answer).as_bytes())?,
    }
    if let Some(path) = &args.html {
        let read = [args.keys.as_deref(), args.log.as_deref(), args.compare.as_deref()];
        let inputs = sources.files().map(|(_, file)| file.path.as_path()).chain(read.into_iter().flatten());
        write::output(path, html::page(&answer).as_bytes(), Readers::Everybody, inputs)
            .map_err(|e| SplitError::Html(path.clone(), e))?;
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
        run_keys(program, split, log_file::open(path).map_err(|e| SplitError::Open(path.clone(), e))?)
    } else if let Some(path) = &args.log {
        let config = program.config();
        let format = log_format::choose(config, args.log_format.as_deref(), log_format::written(config));
        run_log(
            program,
            split,
            format.map_err(|f| SplitError::NoFormat(f.message, f.help))?,
            ports,
            log_file::open(path).map_err(|e| SplitError::Open(path.clone(), e))?,
        )
    } else if !args.clients.is_empty() {
        Clients::new(args.clients.clone(), ports, args.sample).and_then(|c| c.run(program, split))
    } else {
        return Ok(None);
    };
    report.map(Some).map_err(SplitError::Population)
}
