//! Start and stop: sockets, logs and names first, then the workers; signals end them.

pub(crate) mod account;
mod flush;
pub(crate) mod paths;
mod peers;
pub(crate) mod pid;
pub(crate) mod sessions;
pub(crate) mod signal;
mod sockets;
pub(crate) mod threads;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::eval::Router;
use crate::model::core::WorkerProcesses;
use crate::model::log::Severity;
use crate::model::{Config, Endpoint, Unsupported};
use crate::runtime::net::counters::Counters;
use crate::runtime::net::ledger::Ledger;
use crate::runtime::net::log::{ErrorLogs, Files, errno};
use crate::runtime::net::tls::server::Servers;
use crate::runtime::request::worker::{Tls, Worker};
use crate::runtime::server::listener::{self, Listener};
use crate::runtime::server::start::account::Account;
use crate::runtime::server::start::pid::PidFile;
use crate::runtime::server::start::sessions::Sessions;
use crate::runtime::server::start::threads::Job;
use crate::runtime::server::unsupported;
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Resolved;
use crate::runtime::upstream::tls::Peers;
use crate::source::Span;

/// Options of the command line.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Directory that relative paths of logs and of the pid file belong to.
    pub prefix: PathBuf,
    /// Counters of the connections to peers; `None`: such connections are not counted.
    pub ledger: Option<Arc<Ledger>>,
    /// Do for ports what nginx does not: see docs/run.md.
    pub improve: bool,
    /// Socket on which a worker process serves what its ledger counts.
    pub metrics: Option<Arc<std::net::TcpListener>>,
}

/// Error of a start.
#[derive(Debug)]
pub enum StartError {
    /// Directives that are not executed and cannot be left out safely.
    Unsupported(Vec<Unsupported>),
    /// The failure, in nginx's words, and the directive that asked for it.
    Failed {
        /// `bind() to 0.0.0.0:80 failed (98: Address already in use)`
        message: String,
        /// The directive.
        span: Option<Span>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Failed { message, .. } => f.write_str(message),
            StartError::Unsupported(list) => {
                let names: Vec<_> = list.iter().map(|u| u.what.as_str()).collect();
                write!(f, "not supported by `ngxc run`: {}", names.join(", "))
            }
        }
    }
}

impl std::error::Error for StartError {}

pub(crate) fn failed(message: impl Into<String>, span: Option<Span>) -> StartError {
    StartError::Failed { message: message.into(), span }
}

/// Kind of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM, SIGINT: at once.
    Fast,
    /// SIGQUIT: no new connections, requests under way are answered.
    Graceful,
}

/// A configuration that is being executed.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    /// Sockets that the next configuration goes on listening on.
    pub(crate) listeners: Vec<(Endpoint, Listener)>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) files: Arc<Files>,
    pub(crate) stop: watch::Sender<Option<Stop>>,
    pub(crate) workers: Vec<JoinHandle<()>>,
    /// Removed when it is dropped.
    pid: Option<Arc<PidFile>>,
    /// Whom the process has become, if root started it.
    account: Option<Account>,
    sockets: Vec<PathBuf>,
    pub(crate) error_log: ErrorLogs,
}

impl Running {
    /// Addresses of the listeners, in the order of the configuration; port 0 is replaced by the port that the kernel chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops and waits until the workers have ended.
    pub fn stop(mut self, how: Stop) {
        self.listeners.clear();
        self.stop.send_replace(Some(how));
        self.join();
    }

    fn join(self) {
        for worker in self.workers {
            // A worker that panicked has ended too.
            let _ = worker.join();
        }
        self.files.flush();
        for path in &self.sockets {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds, opens and resolves everything, then starts the workers. The process stays who it is, whatever `user` says:
/// only [`run`] owns the process and changes it.
///
/// # Errors
/// If the configuration asks for something that is not executed, or a socket, file or name is not to be had.
pub fn start(config: Arc<Config>, options: &RunOptions) -> Result<Running, StartError> {
    begin(config, options, None, false)
}

/// Starts; `before` is what ran until now. `takes_user`: whether the process becomes `user`.
#[expect(clippy::needless_pass_by_value, reason = "it belongs to the workers from now on")]
fn begin(
    config: Arc<Config>,
    options: &RunOptions,
    before: Option<&Running>,
    takes_user: bool,
) -> Result<Running, StartError> {
    let was = before.and_then(|b| b.account.as_ref());
    refuse(&config)?;
    let account = if takes_user { account::find(&config, was.is_some())? } else { None };
    if let (Some(was), Some(next)) = (was, &account) {
        account::same(was, next, config.core.user.origin.span())?;
    }
    let opened = before.filter(|b| b.account.is_some()).map(|b| &*b.files);
    let given = ExistingResources {
        listeners: before.map_or(&[], |b| &b.listeners),
        files: Files::new(&options.prefix, opened),
        counters: before.map_or_else(Arc::default, |b| Arc::clone(&b.counters)),
        peers: None,
    };
    let prepared = prepare(&config, options, given, account.as_ref())?;
    let pid = PidFile::write(&config, &options.prefix, before.and_then(|b| b.pid.as_ref()), false)?;
    limit_files(&config);
    if let Some(account) = account.as_ref().filter(|_| nix::unistd::geteuid().is_root()) {
        prepared.give(account);
        account::become_it(account, &config, &prepared.error_log)?;
    }
    let mut running = launch(prepared, options)?;
    (running.pid, running.account) = (pid, account);
    Ok(running)
}

/// An error if the configuration asks for something that is not executed and cannot be left out.
pub(crate) fn refuse(config: &Config) -> Result<(), StartError> {
    let refused: Vec<_> =
        unsupported::unsupported(config).into_iter().filter(|u| u.safe_because.is_none()).collect();
    if refused.is_empty() { Ok(()) } else { Err(StartError::Unsupported(refused)) }
}

/// Resources that exist before a configuration is prepared: those of the configuration before, or those that the master
/// hands over.
pub(crate) struct ExistingResources<'g> {
    pub(crate) listeners: &'g [(Endpoint, Listener)],
    pub(crate) files: Files,
    pub(crate) counters: Arc<Counters>,
    /// Addresses of the peers; looked up if there are none.
    pub(crate) peers: Option<Vec<Vec<(usize, Resolved)>>>,
}

/// A configuration with its resources of the host: sockets bound, files opened, names resolved, certificates read.
pub(crate) struct PreparedConfiguration {
    pub(crate) config: Arc<Config>,
    pub(crate) listeners: Vec<(Endpoint, Listener)>,
    /// Paths of unix sockets.
    pub(crate) sockets: Vec<PathBuf>,
    pub(crate) peers: Arc<Vec<Vec<(usize, Resolved)>>>,
    pub(crate) files: Arc<Files>,
    pub(crate) error_log: ErrorLogs,
    counters: Arc<Counters>,
    product: &'static str,
    tls: Arc<Tls>,
    stream: Option<Sessions>,
    /// Number of the listeners that belong to `http`; the others are those of `stream`.
    http_sockets: usize,
}

impl PreparedConfiguration {
    /// Gives the logs to the account, which will open them again.
    pub(crate) fn give(&self, account: &Account) {
        for failure in self.files.give(account.uid.as_raw()) {
            self.error_log.write(Severity::Emerg, None, &failure);
        }
    }
}

/// Binds, opens, resolves and reads what a configuration needs and what is not given; its directories become the account's.
///
/// # Errors
/// The first thing that is not to be had.
pub(crate) fn prepare(
    config: &Arc<Config>,
    options: &RunOptions,
    given: ExistingResources<'_>,
    account: Option<&Account>,
) -> Result<PreparedConfiguration, StartError> {
    let route = |config| Router::new(config).map_err(|e| failed(e.to_string(), Some(e.span)));
    let router = route(Arc::clone(config))?;
    let of_stream = config.of_stream().map(Arc::new);
    let stream_router = of_stream.as_ref().map(|config| route(Arc::clone(config))).transpose()?;
    let mut listeners = Vec::new();
    let mut sockets = Vec::new();
    let all = [Some(&router), stream_router.as_ref()].into_iter().flatten();
    for listen in all.flat_map(|router| router.sockets().iter().map(|s| &router.listen(s.bind).listen)) {
        let is_it = |(at, listener): &&(Endpoint, Listener)| {
            listener.is_datagram() == listen.is_datagram()
                && (*at == listen.endpoint || listener::stands_for(&listen.endpoint, at))
        };
        let listener = match given.listeners.iter().find(is_it) {
            Some((_, listener)) => listener.try_clone(),
            None => Listener::bind(listen),
        };
        let listener = listener
            .map_err(|e| failed(format!("bind() to {} failed{}", listen.endpoint, errno(&e)), listen.span))?;
        listeners.push((listen.endpoint.clone(), listener));
        if let Endpoint::Unix(path) = &listen.endpoint {
            sockets.push(PathBuf::from(path));
        }
    }
    let has_peers = given.peers.is_some();
    let peers = Arc::new(given.peers.map_or_else(|| peers::resolve(config), Ok)?);
    // With handed-over addresses the master has made the directories too.
    if !has_peers {
        paths::make(config, &options.prefix, account)?;
    }
    let files = Arc::new(given.files);
    let counters = given.counters;
    let product: &'static str = Box::leak(format!("nginx/{}", config.version).into_boxed_str());
    let said = |(message, span): (String, _)| failed(message, span);
    let (prefix, shared) = (&options.prefix, &counters.shared);
    let tls = Arc::new(Tls {
        servers: Servers::new(config, &router, prefix, shared, &[]).map_err(said)?,
        peers: Peers::new(config, prefix).map_err(said)?,
    });
    let stream = match (&config.stream, of_stream, &stream_router) {
        (Some(stream), Some(config), Some(router)) => Some(Sessions {
            tls: Arc::new(Tls {
                servers: Servers::new(&config, router, prefix, shared, &stream.servers).map_err(said)?,
                peers: Peers::of_stream(&config, &stream.servers, prefix).map_err(said)?,
            }),
            config,
            servers: stream.servers.clone().into(),
        }),
        _ => None,
    };
    let http_sockets = router.sockets().len();
    // Each worker makes its own; this one shows whether it can be made, and opens the logs.
    let nothing = Outgoing::default();
    let trial =
        Worker::new(config, &peers, &files, Arc::clone(&counters), product, nothing, (Arc::clone(&tls), &[]))
            .map_err(|m| failed(m, None))?;
    let error_log = trial.error_log.clone();
    drop(trial);
    if let Some(stream) = &stream {
        stream
            .worker(&peers[config.http.upstreams.len()..], &files, &counters, product, Outgoing::default())
            .map_err(|m| failed(m, None))?;
    }
    let config = Arc::clone(config);
    Ok(PreparedConfiguration {
        config,
        listeners,
        sockets,
        peers,
        files,
        error_log,
        counters,
        product,
        tls,
        stream,
        http_sockets,
    })
}

/// Starts the workers.
///
/// # Errors
/// One of them does not start.
pub(crate) fn launch(prepared: PreparedConfiguration, options: &RunOptions) -> Result<Running, StartError> {
    let PreparedConfiguration {
        config,
        listeners,
        sockets,
        peers,
        files,
        error_log,
        counters,
        product,
        tls,
        stream,
        http_sockets,
    } = prepared;
    let count = match config.core.worker_processes.value {
        WorkerProcesses::Auto => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        WorkerProcesses::Count(n) => n.max(1) as usize,
    };
    let addresses = listeners.iter().filter_map(|(_, listener)| listener.address()).collect();
    let (stop, stopped) = watch::channel(None);
    let (report, reports) = std::sync::mpsc::channel();
    let mut workers = Vec::new();
    let mut outcome = Ok(());
    for number in 0..count {
        let own: Result<Vec<_>, _> = listeners.iter().map(|(_, listener)| listener.try_clone()).collect();
        let started = own.map_err(|e| failed(format!("dup() failed{}", errno(&e)), None)).and_then(|own| {
            let job = Job {
                config: Arc::clone(&config),
                peers: Arc::clone(&peers),
                files: Arc::clone(&files),
                counters: Arc::clone(&counters),
                product,
                improve: options.improve,
                page: options.ledger.as_ref().map(|ledger| ledger.worker(number)),
                tls: Arc::clone(&tls),
                stream: stream.clone(),
                http_sockets,
                listeners: own,
                stopped: stopped.clone(),
                error_log: error_log.clone(),
                number,
            };
            threads::spawn(job, report.clone())
        });
        match started {
            Ok(thread) => workers.push(thread),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    drop(report);
    for report in reports.iter().take(workers.len()) {
        outcome = outcome.and(report.map_err(|message| failed(message, None)));
    }
    if let Err(error) = outcome {
        // Workers that have started may have clients already.
        stop.send_replace(Some(Stop::Graceful));
        return Err(error);
    }
    flush::in_time(&config, &files);
    let (pid, account) = (None, None);
    Ok(Running { addresses, listeners, counters, files, stop, workers, pid, account, sockets, error_log })
}

/// `worker_rlimit_nofile`
pub(crate) fn limit_files(config: &Config) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let wanted = u64::from(config.core.worker_rlimit_nofile.value);
    if wanted > 0 {
        // nginx too goes on if it may not.
        let hard = getrlimit(Resource::RLIMIT_NOFILE).map_or(wanted, |(_, hard)| hard.max(wanted));
        if setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_err() {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted);
        }
    }
}
