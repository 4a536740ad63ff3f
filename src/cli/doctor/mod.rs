//! `ngxc doctor`: what is wrong with ports on this host, why, and what repairs it. Reads, never changes anything.

mod bundle;
mod edits;
mod explain;
mod follow;
mod gather;
mod human;
mod json;
mod metrics;
mod peers;
mod repair;
mod since;
mod when;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::Input;
use super::meaning::Meaning;
use super::ports::HostArgs;
use super::reading::Reading;
use super::which::which;
use super::{Failure, Outcome, note, template};
use crate::catalog::NEWEST;
use crate::edit::Fix;
use crate::model::Config;
use crate::ports::doctor::since::{Look, Verdict};
use crate::ports::doctor::{Finding, Severity, diagnose};
use crate::ports::{Flow, flows};
use crate::reuse::{self, DEFAULT_KEEPALIVE};
use crate::source::{Disk, Loader};
use crate::syntax::Configuration;

/// Arguments of `ngxc doctor`.
#[derive(Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    input: OptionalInput,

    #[command(flatten)]
    host: HostArgs,

    /// Error log, plain or gzip [default: the one of the configuration, if it can be read]; may be repeated.
    #[arg(long, value_name = "FILE")]
    error_log: Vec<PathBuf>,

    /// Access log in a format of the configuration, plain or gzip; may be repeated.
    #[arg(long, value_name = "FILE")]
    access_log: Vec<PathBuf>,

    /// `log_format` of the access log [default: the one of the configuration's `access_log`].
    #[arg(long, value_name = "NAME")]
    log_format: Option<String>,

    /// Process whose network namespace is looked at: the nginx master [default: this program's own].
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,

    /// Sockets of the host as `ss -tan`, `ss -tanp`, `ss -tano` or `netstat -tan` printed them there (`-`: standard input).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_sockets", "pid", "from", "collect"])]
    sockets: Option<PathBuf>,

    /// Look at no sockets and counters.
    #[arg(long)]
    no_sockets: bool,

    /// Say what one line of an error log means.
    #[arg(long, value_name = "LINE")]
    explain: Option<String>,

    /// Write everything that a diagnosis needs into one file (`-`: standard output), to look at it elsewhere with --from.
    #[arg(long, value_name = "FILE")]
    collect: Option<PathBuf>,

    /// Diagnose what --collect wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["collect", "pid", "sysctl"])]
    from: Option<PathBuf>,

    /// Say whether what --collect found before a repair is cured now: the file that it wrote. Exit status: 0 cured, 1 not
    /// cured, 2 too little has happened to tell.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["collect", "nagios", "explain"])]
    since: Option<PathBuf>,

    /// Look again every so many seconds, until it is interrupted, and compare with the first look; with --since: until it can
    /// be told.
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["collect", "from", "nagios"], value_parser = clap::value_parser!(u32).range(1..=3600))]
    watch: Option<u32>,

    /// Serve ports, `TIME_WAIT`, new connections and reuse of the nginx that runs, as Prometheus text at `/metrics`, until a
    /// signal comes. An address, a port or both; without address on loopback, without port on 9145.
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with_all = ["collect", "from", "watch", "nagios", "explain", "sysctl", "no_sockets"], value_parser = super::metrics::server::parse_place)]
    metrics: Option<std::net::SocketAddr>,

    /// One line and the exit status of a monitoring plugin: 0 ok, 1 warning, 2 critical, 3 unknown.
    #[arg(long)]
    nagios: bool,

    /// Form of the output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// [`Input`] whose file is not needed with --explain and --from.
#[derive(Args, Clone, Debug)]
struct OptionalInput {
    /// The configuration.
    #[arg(value_name = "FILE", required_unless_present_any = ["explain", "from"])]
    file: Option<PathBuf>,

    /// The nginx that runs, for example 1.28.0 [default: that of `ngxc.toml`, else of the master that runs with FILE; else
    /// both sides of 1.29.7 are judged].
    #[arg(long, value_name = "VERSION", value_parser = super::meaning::parse_version)]
    nginx_version: Option<crate::version::Version>,

    #[command(flatten)]
    reading: Reading,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Findings with evidence, cause and repair.
    #[default]
    Human,
    /// The schema of docs/doctor.md.
    Json,
}

/// A diagnosis, for printing.
pub(super) struct Diagnosis<'a> {
    configuration: &'a Configuration,
    config: &'a Config,
    /// Which nginx is judged, in words.
    nginx: String,
    gathered: gather::Gathered,
    findings: Vec<Finding>,
    /// The diff that repairs what the configuration can cure.
    repair: Option<String>,
    /// The flows that the diff repairs, or helps to.
    repaired: Vec<usize>,
}

impl Diagnosis<'_> {
    fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// Whether the diff repairs, or helps to repair, what a finding names.
    fn is_repaired(&self, finding: &Finding) -> bool {
        let is_flow = finding.repair.is_some_and(|position| self.repaired.contains(&position));
        self.repair.is_some() && (!finding.edits.is_empty() || is_flow)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.severity == severity).count()
    }
}

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if let Some(line) = &args.explain {
        return explain::run(line, args.format == Format::Json, out);
    }
    let mut first = args.since.as_deref().map(|path| since::before(args, path)).transpose()?;
    let Some(seconds) = args.watch else {
        return match once(args, first.as_ref(), out)? {
            Looked { verdict: Some(verdict), .. } if args.since.is_some() => since::outcome(&verdict),
            looked => Ok(looked.outcome),
        };
    };
    loop {
        if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            // Home, and clear what is below: the screen does not flicker.
            write!(out, "\x1b[H\x1b[J")?;
        }
        let looked = once(args, first.as_ref(), out)?;
        out.flush()?;
        match looked.verdict {
            Some(verdict) if args.since.is_some() && verdict.0 != Verdict::Unknown => {
                return since::outcome(&verdict);
            }
            _ => {}
        }
        first.get_or_insert(looked.look);
        std::thread::sleep(std::time::Duration::from_secs(seconds.into()));
    }
}

/// What one look came to.
struct Looked {
    outcome: Outcome,
    look: Look,
    /// Compared with an earlier look: whether it is cured, and why.
    verdict: Option<(Verdict, String)>,
}

impl Looked {
    /// Nothing was compared.
    fn only(outcome: Outcome, look: Look) -> Self {
        Self { outcome, look, verdict: None }
    }
}

fn once(args: &DoctorArgs, first: Option<&Look>, out: &mut dyn Write) -> Result<Looked, Failure> {
    let bundle = args.from.as_deref().map(bundle::Bundle::read).transpose()?;
    let files = bundle.as_ref().map(bundle::Bundle::files);
    let loader: &dyn Loader = files.as_ref().map_or(&Disk, |files| files);
    let file = match (&args.input.file, &bundle) {
        (Some(file), _) => file.clone(),
        (None, Some(bundle)) => bundle.main.clone(),
        (None, None) => return Err(Failure::new("which configuration?").help("`ngxc doctor nginx.conf`")),
    };
    let mut input = Input {
        file,
        meaning: Meaning {
            nginx_version: args.input.nginx_version,
            reading: args.input.reading.clone(),
            ..Meaning::default()
        },
    };
    input.settle()?;
    let stored = bundle.as_ref().and_then(bundle::Bundle::nginx);
    let which = which(&input, loader, stored, bundle.is_none(), args.pid);
    input.meaning.nginx_version = Some(which.judged());
    let (configuration, config) = input.valid(loader)?;
    template::demand(&configuration, template::opens)?;
    if let Some(path) = &args.collect {
        let outcome = bundle::collect(args, &input, &configuration, &config, which.version, path)?;
        return Ok(Looked::only(outcome, Look::default()));
    }
    if let Some(place) = args.metrics {
        let pid = args.pid.or_else(|| super::which::master(&input, loader));
        let access_log = gather::access_log_of(args, &input, &config);
        return metrics::serve(metrics::Served {
            place,
            input,
            configuration: &configuration,
            config: &config,
            nginx: which.short(),
            pid,
            access_log,
            log_format: args.log_format.as_deref(),
        })
        .map(|never| match never {});
    }
    let mut gathered = match &bundle {
        Some(bundle) => gather::from_bundle(args, &config, bundle)?,
        None => gather::from_host(args, &input, &config)?,
    };
    let flows = flows(&config);
    let look = gathered.look(&flows);
    if let Some(first) = first.filter(|_| args.since.is_some()) {
        if let Some(unread) = gathered.unread.first() {
            return Err(Failure::new(format!("could not tell whether it is cured: {unread}")));
        }
        let verdict = since::print(args, first, &look, &which.words(), out)?;
        return Ok(Looked { outcome: Outcome::Clean, look, verdict: Some(verdict) });
    }
    let mut findings = diagnose(&config, &flows, &gathered.evidence);
    if which.version.is_none() {
        let newer = input.meaning.compile(&configuration, NEWEST).config;
        only_before(&flows, &newer, &mut findings);
    }
    // Beside something that is broken now, what could be better is no repair.
    let is_critical = findings.iter().any(|f| f.severity == Severity::Critical);
    let urgent = findings.iter().filter(|f| !is_critical || !f.is_forecast);
    let at_fault: Vec<usize> = urgent.filter_map(|f| f.repair).collect();
    let versions = match which.version {
        Some(version) => vec![version],
        None => vec![which.judged(), NEWEST],
    };
    let mut at_fault = at_fault;
    at_fault.sort_unstable();
    at_fault.dedup();
    let fixes = fixes(&configuration, &mut findings);
    let known = repair::Known {
        input: &input,
        configuration: &configuration,
        config: &config,
        flows: &flows,
        evidence: &gathered.evidence,
        versions: &versions,
    };
    let repair = repair::repair(&known, &at_fault, fixes);
    let repaired = effects(&repair, &mut findings);
    let repair = repair.diff;
    let unread = std::mem::take(&mut gathered.unread);
    let diagnosis = Diagnosis {
        configuration: &configuration,
        config: &config,
        nginx: which.words(),
        gathered,
        findings,
        repair,
        repaired,
    };
    print(args, &diagnosis, &unread, out)?;
    if let Some(first) = first {
        since::print(args, first, &look, &diagnosis.nginx, out)?;
    }
    Ok(Looked::only(finish(args, &diagnosis, &unread, out)?, look))
}

/// The fixes of the findings' own edits; a finding whose edits cannot be made loses them.
fn fixes(configuration: &Configuration, findings: &mut [Finding]) -> Vec<Fix> {
    let mut fixes = Vec::new();
    for finding in findings.iter_mut().filter(|f| !f.edits.is_empty()) {
        if let Some(fix) = edits::fix(configuration, &finding.edits) {
            fixes.push(fix);
        } else {
            (finding.edits, finding.effect) = (Vec::new(), None);
        }
    }
    fixes
}

/// Tells the findings what the repair does for them; the flows that it repairs.
fn effects(repair: &repair::Repair, findings: &mut [Finding]) -> Vec<usize> {
    let mut repaired = Vec::new();
    for finding in findings {
        if let Some((position, text)) = repair.effects.iter().find(|(p, _)| Some(*p) == finding.repair) {
            repaired.push(*position);
            finding.effect = Some(text.clone());
        }
        if let Some((position, left)) = repair.left.iter().find(|(p, _)| Some(*p) == finding.repair) {
            repaired.extend(left.is_with_diff.then_some(*position));
            finding.remedy.push(left.text.clone());
            finding.commands.extend(left.commands.iter().cloned());
        }
    }
    repaired
}

/// Says of a finding that the defaults of newer releases cure it.
fn only_before(flows: &[Flow<'_>], newer: &Config, findings: &mut [Finding]) {
    let newer = crate::ports::flows(newer);
    for finding in findings {
        let Some(flow) = finding.repair.map(|position| &flows[position]) else { continue };
        let same = crate::ports::upgrade::same(flow, &newer);
        if let Some(same) = same.filter(|f| f.verdict == reuse::Verdict::Reused) {
            finding.evidence.push(format!(
                "before nginx {DEFAULT_KEEPALIVE} only: since then {}; the repair is right on both sides",
                crate::ports::upgrade::words(same)
            ));
        }
    }
}

fn print(
    args: &DoctorArgs,
    diagnosis: &Diagnosis<'_>,
    unread: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if args.nagios {
        writeln!(out, "{}", human::nagios(diagnosis, unread))?;
        return Ok(());
    }
    match args.format {
        Format::Human => out.write_all(human::text(diagnosis).as_bytes())?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &json::value(diagnosis, unread))
                .map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// How it ends: an input that could not be read is said after the partial result.
fn finish(
    args: &DoctorArgs,
    diagnosis: &Diagnosis<'_>,
    unread: &[String],
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    if args.nagios {
        out.flush()?;
        let status = match diagnosis.worst() {
            Some(Severity::Critical) => 2,
            _ if !unread.is_empty() => 3,
            Some(Severity::Warning) => 1,
            _ => 0,
        };
        std::process::exit(status);
    }
    if let Some(first) = unread.first() {
        out.flush()?;
        for more in &unread[1..] {
            note(&format!("error: {more}"));
        }
        return Err(Failure::new(first.clone()));
    }
    Ok(match diagnosis.worst() {
        Some(Severity::Critical | Severity::Warning) => Outcome::Findings,
        _ => Outcome::Clean,
    })
}
