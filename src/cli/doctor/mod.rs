//! `ngxc doctor`: what is wrong with ports on this host, why, and what repairs it. Reads, never changes anything.

mod answer;
mod bare;
mod bundle;
mod diagnosis;
mod edits;
mod explain;
mod fleet;
mod follow;
mod gather;
mod gathered;
mod human;
mod json;
mod logs;
mod metrics;
mod peers;
mod repair;
mod room;
mod rotated;
mod since;
mod when;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::input::Input;
use super::meaning::Meaning;
use super::ports::HostArgs;
use super::reading::InputArgs;
use super::which::which;
use super::{Failure, Outcome, note, template};
use crate::ports::doctor::Severity;
use crate::ports::doctor::since::{HostSnapshot, Verdict};
use crate::ports::flows;
use crate::source::{Disk, Loader};
use diagnosis::{Diagnosis, Subject, judged};

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

    /// Diagnose what --collect wrote; of a directory all bundles: which hosts are in danger, which causes they share, and
    /// sums for each upstream.
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
    reading: InputArgs,
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

pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    if let Some(line) = &args.explain {
        return explain::run(line, args.format == Format::Json, out);
    }
    is_there(args)?;
    if let Some(directory) = args.from.as_deref().filter(|path| path.is_dir()) {
        return fleet::run(args, directory, out);
    }
    let mut first = args.since.as_deref().map(|path| since::before(args, path)).transpose()?;
    let Some(seconds) = args.watch else {
        return match once(args, first.as_ref(), out)? {
            LookResult { verdict: Some(verdict), .. } if args.since.is_some() => since::outcome(&verdict),
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

/// Result of one look.
struct LookResult {
    outcome: Outcome,
    look: HostSnapshot,
    /// Compared with an earlier look: whether it is cured, and why.
    verdict: Option<(Verdict, String)>,
}

impl LookResult {
    /// Nothing was compared.
    fn only(outcome: Outcome, look: HostSnapshot) -> Self {
        Self { outcome, look, verdict: None }
    }
}

/// The configuration of a bundle, or of this host.
fn subject(args: &DoctorArgs, bundle: Option<&bundle::Bundle>) -> Result<Subject, Failure> {
    let files = bundle.map(bundle::Bundle::files);
    let loader: &dyn Loader = files.as_ref().map_or(&Disk, |files| files);
    let file = match (&args.input.file, bundle) {
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
    let stored = bundle.and_then(bundle::Bundle::nginx);
    let which = which(&input, loader, stored, bundle.is_none(), args.pid);
    input.meaning.nginx_version = Some(which.judged());
    let (configuration, config) = input.valid(loader)?;
    template::demand(&configuration, template::opens)?;
    Ok(Subject { input, which, configuration, config })
}

/// Refuses a process that does not exist, before anything is said of it.
fn is_there(args: &DoctorArgs) -> Result<(), Failure> {
    match args.pid {
        Some(pid) if !Path::new(&format!("/proc/{pid}")).exists() => {
            Err(Failure::new(format!("no process {pid}")).help(
                "`pgrep -f 'nginx: master'` prints the number of the master; without --pid the master that runs with FILE is found",
            ))
        }
        _ => Ok(()),
    }
}

fn once(args: &DoctorArgs, first: Option<&HostSnapshot>, out: &mut dyn Write) -> Result<LookResult, Failure> {
    is_there(args)?;
    let bundle = args.from.as_deref().map(bundle::Bundle::read).transpose()?;
    let subject = subject(args, bundle.as_ref())?;
    let Subject { input, which, configuration, config } = &subject;
    if let Some(path) = &args.collect {
        let outcome = bundle::collect(args, input, configuration, config, which.version, path)?;
        return Ok(LookResult::only(outcome, HostSnapshot::default()));
    }
    if let Some(place) = args.metrics {
        let pid = gather::process(args, input);
        let access_log = logs::access_log_of(args, input, config);
        return metrics::serve(metrics::MetricsSubject {
            place,
            input: input.clone(),
            configuration,
            config,
            nginx: which.short(),
            pid,
            access_log,
            log_format: args.log_format.as_deref(),
        })
        .map(|never| match never {});
    }
    let mut gathered = match &bundle {
        Some(bundle) => gather::from_bundle(args, config, bundle)?,
        None => gather::from_host(args, input, config)?,
    };
    let flows = flows(config);
    let mut look = gathered.look(&flows);
    if let Some(first) = first.filter(|_| args.since.is_some()) {
        if let Some(unread) = gathered.unread.first() {
            return Err(Failure::new(format!("could not tell whether it is cured: {unread}")));
        }
        look.cut = since::cut(first, &look, &gathered.configured);
        let verdict = since::print(args, first, &look, &which.words(), out)?;
        return Ok(LookResult { outcome: Outcome::Clean, look, verdict: Some(verdict) });
    }
    let unread = std::mem::take(&mut gathered.unread);
    let diagnosis = judged(&subject, &flows, gathered);
    print(args, &diagnosis, &unread, out)?;
    if let Some(first) = first {
        since::print(args, first, &look, &diagnosis.nginx, out)?;
    }
    Ok(LookResult::only(finish(args, &diagnosis, &unread, out)?, look))
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

/// End of the command: an input that could not be read is said after the partial result.
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
