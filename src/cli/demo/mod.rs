//! `ngxc demo`: port exhaustion reproduced and cured, in a network namespace of its own, in seconds.

mod backend;
mod cases;
mod html;
mod namespace;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::which::{JudgedNginx, of_this_host};
use super::{Failure, Outcome, write};
use crate::catalog::NEWEST;
use crate::model::Config;
use crate::ports::sysctl::Sysctls;
use crate::ports::{Host, Load, capacity, flows, sockets};
use crate::reuse::BEFORE_DEFAULT_KEEPALIVE;
use crate::runtime::{self, RunOptions, Running, Stop};
use crate::source::Memory;
use crate::version::Version;
use crate::{compile, syntax};
use cases::{CASES, Case};

/// Arguments of `ngxc demo`.
#[derive(Args)]
pub(super) struct DemoArgs {
    /// Only this case; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(cases::NAMES))]
    case: Vec<String>,

    /// Ports in the range.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(16..=1024))]
    ports: u16,

    /// Requests of each case.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,

    /// A real nginx as the proxy, instead of our own runtime.
    #[arg(long, value_name = "PATH")]
    nginx: Option<PathBuf>,

    /// The nginx whose behaviour is shown [default: the version of --nginx, else of `ngxc.toml`, else of the master that
    /// runs on this host; else both sides of 1.29.7].
    #[arg(long, value_name = "VERSION", value_parser = super::meaning::parse_version)]
    nginx_version: Option<Version>,

    /// Write a page with charts: requests of each case, and the time of `connect()` against the ports in use.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// First port of the tiny range.
const FIRST_PORT: u16 = 20_000;
/// The backend's address; each case has a port of its own, so that none sees the sockets of another.
const BACKEND: [u8; 4] = [10, 99, 0, 2];
const FIRST_BACKEND_PORT: u16 = 8080;

/// Outcome of a case.
struct Row {
    predicted: u32,
    ok: u32,
    failed: u32,
    connections: u64,
    time_wait: u32,
    log: Option<String>,
}

/// Versions that are shown, and their source. Asked before the namespace is made, which hides processes of others.
fn versions(args: &DemoArgs) -> Result<(Vec<Version>, String), Failure> {
    if let Some(nginx) = &args.nginx {
        let version = real_version(nginx)?;
        return Ok((vec![version], format!("nginx {version}")));
    }
    let which = match args.nginx_version {
        Some(version) => JudgedNginx { version: Some(version), from: String::new() },
        None => of_this_host()?,
    };
    let versions =
        which.version.map_or_else(|| vec![BEFORE_DEFAULT_KEEPALIVE, NEWEST], |version| vec![version]);
    Ok((versions, format!("ngxc run as {}", which.short())))
}

/// Cases of which results are shown.
struct ShownCases {
    bars: Vec<html::Bar>,
    surprised: bool,
}

pub(super) fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<Outcome, Failure> {
    let (versions, who) = versions(args)?;
    namespace::enter().map_err(|why| {
        Failure::new(format!("this system does not let you make a network namespace: {why}"))
            .help("user namespaces may be switched off (user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns, a container's seccomp profile); as root it works without them")
    })?;
    let failed = |e: std::io::Error| Failure::new(format!("the namespace could not be set up: {e}"));
    namespace::addresses(&[
        [10, 99, 0, 1],
        BACKEND,
        [10, 99, 0, 11],
        [10, 99, 0, 12],
        [10, 99, 0, 13],
        [10, 99, 0, 14],
    ])
    .map_err(failed)?;
    let range = (FIRST_PORT, FIRST_PORT + args.ports - 1);
    namespace::port_range(range).map_err(failed)?;
    let directory = tempfile::tempdir().map_err(failed)?;
    writeln!(
        out,
        "{} ports ({}-{}), {} requests a case, {who}\n",
        args.ports, range.0, range.1, args.requests
    )?;
    writeln!(
        out,
        "{:<17} {:>9} {:>6} {:>6} {:>11} {:>10}",
        "case", "predicted", "200", "502", "connections", "TIME_WAIT"
    )?;
    let mut shown = ShownCases { bars: Vec::new(), surprised: false };
    for (round, version) in versions.iter().enumerate() {
        if versions.len() > 1 {
            let other = if round == 0 { "" } else { ", where it differs" };
            writeln!(out, "nginx {version}{other}")?;
        }
        // The second version is shown where only its defaults decide.
        let cases = CASES.iter().enumerate().filter(|(_, case)| round == 0 || case.is_left_to_nginx());
        for (number, case) in cases.filter(|(_, case)| is_wanted(args, case.name)) {
            let port = FIRST_BACKEND_PORT + (round * CASES.len() + number) as u16;
            let row = one(args, case, port, *version, range, directory.path())?;
            let title =
                if round == 0 { case.title.to_owned() } else { format!("{}, nginx {version}", case.title) };
            show(args, case, title, row, &mut shown, out)?;
        }
    }
    let mut curve = Vec::new();
    if is_wanted(args, "cliff") {
        curve = cliff(out).map_err(failed)?;
    }
    if let Some(path) = &args.html {
        let heading = format!("{} ports, {} requests a case, {who}", args.ports, args.requests);
        let page = html::page(&heading, &shown.bars, &curve, CLIFF_PORTS);
        write::output(path, page.as_bytes(), write::Readers::Everybody, [])
            .map_err(|e| Failure::new(format!("cannot write `{}`: {e}", path.display())))?;
    }
    writeln!(out)?;
    if shown.surprised {
        writeln!(out, "something did not happen as predicted")?;
        return Ok(Outcome::Findings);
    }
    writeln!(out, "everything as predicted")?;
    Ok(Outcome::Clean)
}

fn is_wanted(args: &DemoArgs, name: &str) -> bool {
    args.case.is_empty() || args.case.iter().any(|wanted| wanted == name)
}

/// Prints what happened in a case.
fn show(
    args: &DemoArgs,
    case: &Case,
    title: String,
    row: Row,
    shown: &mut ShownCases,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    shown.surprised |= !case.is_as_predicted(&row, args.requests);
    writeln!(
        out,
        "{:<17} {:>9} {:>6} {:>6} {:>11} {:>10}  {title}",
        case.name, row.predicted, row.ok, row.failed, row.connections, row.time_wait
    )?;
    shown.bars.push(html::Bar {
        name: case.name,
        title,
        ok: row.ok,
        failed: row.failed,
        time_wait: row.time_wait,
    });
    if let Some(line) = row.log {
        writeln!(out, "{:<17} {line}", "")?;
    }
    out.flush()
}

/// Starts backend and proxy, sends the requests, looks at the sockets.
fn one(
    args: &DemoArgs,
    case: &Case,
    port: u16,
    version: Version,
    range: (u16, u16),
    directory: &Path,
) -> Result<Row, Failure> {
    let backend =
        backend::start(BACKEND, port).map_err(|e| Failure::new(format!("the backend cannot listen: {e}")))?;
    let socket = directory.join(format!("{port}.sock"));
    let log = directory.join(format!("{port}.log"));
    let text = case.configuration(version, &format!("10.99.0.2:{port}"), &socket, &log);
    let config = compiled(&text, version)?;
    let predicted = predicted(&config, range, args.requests);
    let proxy = Proxy::start(args, config, &text, directory, case.name)?;
    let (ok, failed) =
        send(&socket, args.requests).map_err(|e| Failure::new(format!("the proxy does not answer: {e}")))?;
    let host = host(range)?;
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let found = sockets::group(&[&table], &host);
    let time_wait =
        found.outgoing.iter().filter(|((_, peer), _)| peer.port() == port).map(|(_, u)| u.time_wait).sum();
    proxy.stop();
    let lines = fs::read_to_string(&log).unwrap_or_default();
    let line =
        lines.lines().find_map(|l| Some(l[l.find("connect() to")?..].split(" while").next()?.to_owned()));
    Ok(Row { predicted, ok, failed, connections: backend.connections(), time_wait, log: line })
}

fn host(range: (u16, u16)) -> Result<Host, Failure> {
    Host::read(&Sysctls::parse(&format!("net.ipv4.ip_local_port_range = {} {}", range.0, range.1)))
        .map_err(Failure::new)
}

/// Number of requests that succeed: all ports of all sources if nginx closes each connection, else all requests.
fn predicted(config: &Config, range: (u16, u16), requests: u32) -> u32 {
    let Ok(host) = host(range) else { return 0 };
    let flows = flows(config);
    let Some(flow) = flows.first() else { return 0 };
    let setup = capacity::Setup::new(config, flow, &host, Some(0.0));
    if setup.reuse.is_some() || setup.active_close == 0.0 {
        return requests;
    }
    let ports = capacity::Capacity::of(&setup, &Load::default()).ports;
    requests.min(ports * setup.sources)
}

fn compiled(text: &str, version: Version) -> Result<Config, Failure> {
    let files = Memory::default().with("demo.conf", text);
    let configuration = syntax::load(&files, "demo.conf".as_ref(), &syntax::LoadOptions::default())
        .map_err(|e| Failure::new(e.to_string()))?;
    let compiled = compile::compile(&configuration, &compile::Options::new(version));
    match compiled.diagnostics.iter().find(|d| d.level == crate::diagnostic::Level::Error) {
        Some(error) => {
            Err(Failure::new(format!("nginx {version} does not take the case: {}", error.message)))
        }
        None => Ok(compiled.config),
    }
}

/// `nginx version: nginx/1.22.1`
fn real_version(nginx: &Path) -> Result<Version, Failure> {
    let failed = |e: String| Failure::new(format!("cannot run `{} -v`: {e}", nginx.display()));
    let output = std::process::Command::new(nginx).arg("-v").output().map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = text.split('/').nth(1).map(|t| t.split_whitespace().next().unwrap_or_default().to_owned());
    version.unwrap_or_default().parse().map_err(failed)
}

/// Program that proxies.
enum Proxy {
    Ours(Running),
    Real(std::process::Child),
}

impl Proxy {
    fn start(
        args: &DemoArgs,
        config: Config,
        text: &str,
        directory: &Path,
        name: &str,
    ) -> Result<Self, Failure> {
        let Some(nginx) = &args.nginx else {
            let options = RunOptions { prefix: directory.to_owned(), ..RunOptions::default() };
            let running = runtime::start(Arc::new(config), &options);
            return Ok(Proxy::Ours(running.map_err(|e| Failure::new(e.to_string()))?));
        };
        let failed = |e: std::io::Error| Failure::new(format!("cannot run `{}`: {e}", nginx.display()));
        let file = directory.join(format!("{name}.conf"));
        let pid = directory.join(format!("{name}.pid"));
        let head = format!("user root root; daemon off; master_process off; pid {};\n", pid.display());
        // The paths it was built with belong to another user, and root of a namespace cannot change that.
        let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};", directory.display()))
            .join(" ");
        let text = text.replacen("http {", &format!("http {{ {temp}"), 1);
        fs::write(&file, head + &text).map_err(failed)?;
        let child = std::process::Command::new(nginx)
            .arg("-p")
            .arg(directory)
            .arg("-c")
            .arg(&file)
            .stderr(std::process::Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Proxy::Real(child))
    }

    fn stop(self) {
        match self {
            Proxy::Ours(running) => running.stop(Stop::Fast),
            Proxy::Real(mut child) => {
                // Our own child, by its id.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Sends requests one after the other over a unix socket, which needs no port; answers with 200 and others.
fn send(socket: &Path, requests: u32) -> std::io::Result<(u32, u32)> {
    let begun = Instant::now();
    while let Err(error) = UnixStream::connect(socket) {
        if begun.elapsed() > Duration::from_secs(5) {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (mut ok, mut failed) = (0, 0);
    for _ in 0..requests {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(64 << 10).read_to_end(&mut answer)?;
        if answer.starts_with(b"HTTP/1.1 200") { ok += 1 } else { failed += 1 }
    }
    Ok((ok, failed))
}

/// Ports of the range in which the cliff is shown.
const CLIFF_PORTS: u32 = 8192;

/// Time of a `connect()` below and above half of a larger range, without any proxy.
fn cliff(out: &mut dyn Write) -> std::io::Result<Vec<(u32, f64)>> {
    const RANGE: (u16, u16) = (20_000, 20_000 + CLIFF_PORTS as u16 - 1);
    const HALF: usize = 4096;
    const STEP: usize = 256;
    const PIECE: u16 = 128;
    namespace::port_range(RANGE)?;
    let port = FIRST_BACKEND_PORT + 100;
    let address = std::net::SocketAddr::from((BACKEND, port));
    let listener = std::net::TcpListener::bind(address)?;
    let mut times = Vec::new();
    for _ in 0..HALF + STEP {
        let begun = Instant::now();
        let stream = std::net::TcpStream::connect(address)?;
        times.push(begun.elapsed().as_micros());
        let (peer, _) = listener.accept()?;
        // Closed by this side first: its port stays in TIME_WAIT.
        drop(stream);
        drop(peer);
    }
    let median = |times: &[u128]| {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    let (before, after) = (median(&times[HALF - STEP..HALF - 16]), median(&times[HALF + 16..]));
    writeln!(
        out,
        "\ncliff: connect() takes {before} µs just below half of {} ports, {after} µs just above: {:.0} times as long, and no \
         error is logged",
        RANGE.1 - RANGE.0 + 1,
        ratio(after, before)
    )?;
    // Means would show the scheduler; medians of so many calls show the kernel.
    let pieces = times.chunks(usize::from(PIECE)).zip(1_u16..);
    Ok(pieces.map(|(times, n)| (u32::from(n * PIECE - PIECE / 2), ratio(median(times), 1))).collect())
}

#[expect(clippy::cast_precision_loss, reason = "microseconds")]
fn ratio(part: u128, whole: u128) -> f64 {
    part as f64 / whole.max(1) as f64
}
