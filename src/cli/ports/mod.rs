//! `ngxc ports`: how many connections a configuration can open, and what each remedy buys.

mod answer;
mod from_log;
mod host;
mod human;
mod log_facts;
mod report;
mod schema;
mod sql;
mod upgrade;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::Input;
use super::namespace::Namespace;
use super::which::{JudgedNginx, which};
use super::{Failure, Outcome, template};
use crate::catalog::NEWEST;
use crate::model::Config;
use crate::ports::Load;
use crate::ports::change::Change;
use crate::ports::doctor::load::ASSUMED_LATENCY;
use crate::ports::nat::{GATEWAYS, Gateway};
use crate::ports::plan::Unknown;
use crate::source::Disk;
use crate::syntax::Configuration;
use crate::version::Version;

pub(super) use host::{HostArgs, Machine};

/// Arguments of `ngxc ports`.
#[derive(Args)]
pub(super) struct PortsArgs {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    host: HostArgs,

    /// Only this upstream, or host as `proxy_pass` names it.
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,

    /// Requests per second to each upstream.
    #[arg(long, value_name = "N", value_parser = rate_with_unit)]
    rate: Option<f64>,

    /// Time from connecting to the end of a response: `40ms`, `1.5s` [default: 100ms, which the output says].
    #[arg(long, value_name = "TIME", value_parser = latency)]
    latency: Option<f64>,

    /// Requests under way at once [default: rate times latency].
    #[arg(long, value_name = "N", value_parser = concurrency)]
    concurrency: Option<f64>,

    /// Share of the connections that nginx closes before the peer does, where that is a race: 0 to 1 [default: 1, the
    /// worst case].
    #[arg(long, value_name = "SHARE", value_parser = share)]
    active_close: Option<f64>,

    /// Another row, with numbers changed: `keepalive=64,range=15000-65000,sources=4`; may be repeated.
    #[arg(long, value_name = "CHANGES", value_parser = changes)]
    what_if: Vec<Changes>,

    /// The least that keeps the load below the cliff; needs --rate or --concurrency.
    #[arg(long, value_name = "NUMBER", value_enum)]
    solve_for: Vec<SolveFor>,

    /// The NAT gateway that connections go through.
    #[arg(long, value_name = "CLOUD", value_parser = gateway)]
    nat: Option<Gateway>,

    /// Public addresses of the NAT gateway.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "nat", value_parser = clap::value_parser!(u32).range(1..=300))]
    nat_addresses: u32,

    /// Instead of capacities, SQL that counts ports at peak from a table of log lines.
    #[arg(long, value_name = "ENGINE", value_enum, conflicts_with_all = ["compare_versions", "report", "from_log"])]
    emit_sql: Option<crate::cli::sql::Dialect>,

    /// Changes by an upgrade: `1.28,1.30`.
    #[arg(long, value_name = "FROM,TO", value_parser = versions)]
    compare_versions: Option<(Version, Version)>,

    /// Instead of capacities, for each place that passes requests on: whether connections are used again, and why not.
    #[arg(long, conflicts_with_all = ["rate", "latency", "concurrency", "what_if", "solve_for", "nat", "compare_versions"])]
    report: bool,

    /// Replay an access log, plain or gzip, `-` for standard input: how many ports its requests would have taken, as
    /// configured and with each remedy.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["rate", "latency", "concurrency", "solve_for", "nat", "compare_versions", "report"])]
    from_log: Option<PathBuf>,

    /// `log_format` of the log [default: that of the first `access_log`, else combined].
    #[arg(long, value_name = "NAME", requires = "from_log")]
    log_format: Option<String>,

    /// Form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables.
    #[default]
    Human,
    /// The schema of docs/ports.md.
    Json,
}

/// The numbers that can be solved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SolveFor {
    /// The size of the pool.
    Keepalive,
    /// The number of source addresses.
    Sources,
    /// The port range.
    Range,
}

impl SolveFor {
    fn unknown(self) -> Unknown {
        match self {
            SolveFor::Keepalive => Unknown::Keepalive,
            SolveFor::Sources => Unknown::Sources,
            SolveFor::Range => Unknown::Range,
        }
    }
}

/// Changes that belong to one row, as they were written.
#[derive(Clone, Debug)]
struct Changes {
    text: String,
    list: Vec<Change>,
}

pub(super) fn run(args: &mut PortsArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    args.input.settle()?;
    if let Some(dialect) = args.emit_sql {
        args.input.valid(&crate::source::Disk)?;
        out.write_all(sql::text(dialect, crate::ports::host::TIME_WAIT).as_bytes())?;
        return Ok(Outcome::Clean);
    }
    if let Some(versions) = args.compare_versions {
        return upgrade::run(args, versions, out);
    }
    if let Some(log) = &args.from_log {
        return from_log::run(args, log, out);
    }
    if args.report {
        return report::run(args, out);
    }
    let load = load(args);
    let solves_pool = args.solve_for.contains(&SolveFor::Keepalive);
    if solves_pool && args.latency.is_none() && args.concurrency.is_none() {
        return Err(Failure::new("the size of a pool depends on how many requests are under way at once")
            .help("say how long one takes, `--latency 40ms`, or how many there are, `--concurrency 200`"));
    }
    if !args.solve_for.is_empty() && load.is_none() {
        return Err(Failure::new("nothing to solve for without a load")
            .help("say `--rate 3000`, and `--latency 40ms` or `--concurrency 200`"));
    }
    let read = args.read()?;
    let machine = args.machine(&read.config)?;
    let answer = answer::answer(args, &read, &machine, load)?;
    match args.format {
        Format::Human => out.write_all(human::text(&answer).as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(if answer.suffers() { Outcome::Findings } else { Outcome::Clean })
}

/// The configuration, as the nginx that it is for reads it.
struct ReadConfiguration {
    configuration: Configuration,
    config: Config,
    /// As the newest nginx reads it, if nothing tells which nginx it is for.
    newer: Option<Config>,
    which: JudgedNginx,
}

impl PortsArgs {
    /// The judged nginx. Processes of this host say it unless another host is asked about.
    fn which(&self) -> JudgedNginx {
        which(&self.input, &Disk, None, self.host.is_here(), None)
    }

    /// The host: of the master that runs with the configuration, its network namespace.
    fn machine(&self, config: &Config) -> Result<Machine, Failure> {
        let master = self.host.is_here().then(|| super::master::of_file(&self.input.file)).flatten();
        self.host.machine(config, Namespace::of(master))
    }

    fn read(&self) -> Result<ReadConfiguration, Failure> {
        let which = self.which();
        let mut input = self.input.clone();
        input.meaning.nginx_version = Some(which.judged());
        let (configuration, config) = input.valid(&Disk)?;
        template::demand(&configuration, template::opens)?;
        let newer = input.meaning.compile(&configuration, NEWEST).config;
        let newer = Some(newer).filter(|_| which.version.is_none());
        Ok(ReadConfiguration { configuration, config, newer, which })
    }
}

/// Assumptions, in words.
fn assumptions(args: &PortsArgs, which: &JudgedNginx) -> Vec<String> {
    let latency = "Assumed: each request takes 100 ms. Set it with --latency; the limits, pools and ports in use depend on it.";
    // A log that is replayed tells it.
    let has_no_latency = args.latency.is_none() && args.concurrency.is_none() && args.from_log.is_none();
    let version = which.version.is_none().then(|| which.words());
    version.into_iter().chain(has_no_latency.then(|| latency.to_owned())).collect()
}

/// The load that was said, if any was.
fn load(args: &PortsArgs) -> Option<Load> {
    if args.rate.is_none() && args.concurrency.is_none() {
        return None;
    }
    let assumed = if args.concurrency.is_some() { 0.0 } else { ASSUMED_LATENCY };
    let latency = args.latency.unwrap_or(assumed);
    // Requests that each take the latency, as many at once as was said, follow each other at this rate.
    let implied = args.concurrency.filter(|_| latency > 0.0).map_or(0.0, |c| c / latency);
    Some(Load { rate: args.rate.unwrap_or(implied), latency, concurrency: args.concurrency })
}

fn number(text: &str, least: f64, most: f64, what: &str) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok().filter(|n| n.is_finite() && (least..=most).contains(n));
    parsed.ok_or_else(|| format!("expected {what} from {least} to {most}"))
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.001, 1e9, "requests per second")
}

fn concurrency(text: &str) -> Result<f64, String> {
    number(text, 1.0, 1e8, "requests at once")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0, "a share")
}

fn rate_with_unit(text: &str) -> Result<f64, String> {
    let unit = ["/s", "rps", "req/s"].iter().find_map(|unit| text.strip_suffix(unit));
    rate(unit.unwrap_or(text).trim_end())
}

fn latency(text: &str) -> Result<f64, String> {
    let units = [("ms", 0.001), ("us", 1e-6), ("s", 1.0), ("m", 60.0)];
    if text.parse::<f64>().is_ok() && text != "0" {
        return Err(format!("a time needs its unit: `{text}ms` or `{text}s`"));
    }
    let (number, unit) =
        units.iter().find_map(|(u, f)| Some((text.strip_suffix(u)?, *f))).unwrap_or((text, 1.0));
    let seconds = number.trim().parse::<f64>().ok().map(|n| n * unit);
    seconds
        .filter(|s| s.is_finite() && (0.0..=86_400.0).contains(s))
        .ok_or_else(|| "expected a time from 0 to 86400s such as `40ms` or `1.5s`".to_owned())
}

fn changes(text: &str) -> Result<Changes, String> {
    let list = text.split(',').map(Change::parse).collect::<Result<_, _>>()?;
    Ok(Changes { text: text.replace(',', ", "), list })
}

fn gateway(text: &str) -> Result<Gateway, String> {
    let found = GATEWAYS.iter().find(|g| g.name == text).copied();
    found.ok_or_else(|| format!("expected one of {}", GATEWAYS.map(|g| g.name).join(", ")))
}

fn versions(text: &str) -> Result<(Version, Version), String> {
    let (from, to) = text.split_once(',').ok_or("expected two versions such as `1.28,1.30`")?;
    Ok((super::meaning::parse_version(from.trim())?, super::meaning::parse_version(to.trim())?))
}
