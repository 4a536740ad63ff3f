//! Start and stop: sockets, logs and names first, then the workers; signals end them.

mod signal;

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::LocalOptions;
use tokio::sync::watch;

pub use signal::{Reload, run};

use super::counters::Counters;
use super::ledger::Ledger;
use super::listener::{self, Listener};
use super::log::{ErrorLogs, Files, errno};
use super::outgoing::Outgoing;
use super::peer::Address;
use super::worker::{Resolved, Worker};
use crate::eval::Router;
use crate::model::core::WorkerProcesses;
use crate::model::log::Severity;
use crate::model::{Config, Endpoint, Unsupported};
use crate::source::Span;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Directory that relative paths of logs and of the pid file belong to.
    pub prefix: PathBuf,
    /// Where connections to peers are counted; nowhere if there is none.
    pub ledger: Option<Arc<Ledger>>,
    /// Do for ports what nginx does not: see docs/run.md.
    pub improve: bool,
}

/// Why nothing runs.
#[derive(Debug)]
pub enum StartError {
    /// These directives are not executed, and to go on without them is not safe.
    Unsupported(Vec<Unsupported>),
    /// What failed, in nginx's words, and which directive asked for it.
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

fn failed(message: impl Into<String>, span: Option<Span>) -> StartError {
    StartError::Failed { message: message.into(), span }
}

/// How to stop.
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
    /// What the next configuration goes on listening on.
    listeners: Vec<(Endpoint, Listener)>,
    counters: Arc<Counters>,
    files: Arc<Files>,
    stop: watch::Sender<Option<Stop>>,
    workers: Vec<JoinHandle<()>>,
    pid: Option<PathBuf>,
    sockets: Vec<PathBuf>,
    error_log: ErrorLogs,
}

impl Running {
    /// Where it listens, in the order of the configuration; port 0 has become the real one.
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
        for path in self.pid.iter().chain(&self.sockets) {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Binds, opens and resolves everything, then starts the workers.
///
/// # Errors
/// If the configuration asks for something that is not executed, or a socket, file or name is not to be had.
pub fn start(config: Arc<Config>, options: &RunOptions) -> Result<Running, StartError> {
    begin(config, options, None)
}

/// Starts; `before` is what ran until now.
#[expect(clippy::needless_pass_by_value, reason = "it belongs to the workers from now on")]
fn begin(config: Arc<Config>, options: &RunOptions, before: Option<&Running>) -> Result<Running, StartError> {
    let refused: Vec<_> =
        super::unsupported(&config).into_iter().filter(|u| u.safe_because.is_none()).collect();
    if !refused.is_empty() {
        return Err(StartError::Unsupported(refused));
    }
    let router = Router::new(Arc::clone(&config)).map_err(|e| failed(e.to_string(), Some(e.span)))?;
    let mut listeners = Vec::new();
    let mut sockets = Vec::new();
    for socket in router.sockets() {
        let listen = &router.listen(socket.bind).listen;
        let inherited = before.and_then(|b| b.listeners.iter().find(|(at, _)| *at == listen.endpoint));
        let listener = match inherited {
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
    let peers = resolve(&config)?;
    let files = Arc::new(Files::new(&options.prefix));
    let counters = before.map_or_else(Arc::default, |b| Arc::clone(&b.counters));
    let product: &'static str = Box::leak(format!("nginx/{}", config.version).into_boxed_str());
    let tls =
        super::tls::Store::new(&config, &router, &options.prefix).map_err(|(m, span)| failed(m, span))?;
    let tls = Arc::new(tls);
    // Each worker makes its own; this one shows whether it can be made, and opens the logs.
    let nothing = Outgoing::default();
    let trial =
        Worker::new(&config, &peers, &files, Arc::clone(&counters), product, nothing, Arc::clone(&tls))
            .map_err(|m| failed(m, None))?;
    let error_log = trial.error_log.clone();
    drop(trial);
    let path = options.prefix.join(&config.core.pid.value);
    let pid = match before.and_then(|b| b.pid.clone()).filter(|same| *same == path) {
        Some(same) => Some(same),
        None => write_pid(&config, options)?,
    };
    limit_files(&config);
    let count = match config.core.worker_processes.value {
        WorkerProcesses::Auto => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        WorkerProcesses::Count(n) => n.max(1) as usize,
    };
    let addresses = listeners.iter().filter_map(|(_, listener)| listener.address()).collect();
    let (stop, stopped) = watch::channel(None);
    let peers = Arc::new(peers);
    let mut workers = Vec::new();
    for i in 0..count {
        let own: Result<Vec<_>, _> = listeners.iter().map(|(_, listener)| listener.try_clone()).collect();
        let own = own.map_err(|e| failed(format!("dup() failed{}", errno(&e)), None))?;
        let (config, peers, files) = (Arc::clone(&config), Arc::clone(&peers), Arc::clone(&files));
        let (counters, stopped, tls) = (Arc::clone(&counters), stopped.clone(), Arc::clone(&tls));
        let (improve, page) = (options.improve, options.ledger.as_ref().map(|ledger| ledger.worker(i)));
        let make = move || {
            let outgoing = Outgoing::new(&config, improve, page);
            if let Ok(worker) = Worker::new(&config, &peers, &files, counters, product, outgoing, tls) {
                serve(worker, own, stopped, i == 0);
            }
        };
        let thread = std::thread::Builder::new().name(format!("worker {i}")).spawn(make);
        workers
            .push(thread.map_err(|e| failed(format!("a worker could not be started{}", errno(&e)), None))?);
    }
    flush_in_time(&config, &files);
    Ok(Running { addresses, listeners, counters, files, stop, workers, pid, sockets, error_log })
}

/// A worker's thread.
fn serve(
    worker: Worker,
    listeners: Vec<Listener>,
    mut stopped: watch::Receiver<Option<Stop>>,
    is_first: bool,
) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().on_thread_park(super::log::turn::write).on_thread_unpark(super::clock::turn);
    // Its tasks wait in the scheduler's own queue: with a `LocalSet` each goes through two of them.
    let runtime = match builder.build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => {
            worker.error_log.write(Severity::Emerg, None, &format!("epoll_create() failed{}", errno(&error)));
            return;
        }
    };
    runtime.block_on(async move {
        let worker = Rc::new(worker);
        tokio::task::spawn_local(Rc::clone(&worker.timers).sweep());
        tokio::task::spawn_local(Rc::clone(&worker).watch_pools());
        if is_first {
            super::live::watch(&worker);
        }
        let accepting: Vec<_> = listeners
            .into_iter()
            .enumerate()
            .map(|(i, listener)| tokio::task::spawn_local(listener::accept(Rc::clone(&worker), listener, i)))
            .collect();
        // The channel closes only when the process gives up as a whole.
        let how = stopped.wait_for(Option::is_some).await.ok().and_then(|how| *how);
        if how == Some(Stop::Graceful) {
            for task in accepting {
                task.abort();
            }
            drain(&worker).await;
        }
    });
}

async fn drain(worker: &Worker) {
    worker.is_stopping.set(true);
    worker.clear_pools();
    let limit = worker.config.core.worker_shutdown_timeout.value;
    let begun = Instant::now();
    while worker.open.get() > 0 && limit.is_none_or(|limit| begun.elapsed() < limit) {
        worker.timers.expire_idle();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The addresses of all peers, with the position of their `server` line: a name can have several.
fn resolve(config: &Config) -> Result<Vec<Vec<(usize, Resolved)>>, StartError> {
    let mut all = Vec::new();
    for upstream in &config.http.upstreams {
        let mut peers = Vec::new();
        for (i, peer) in upstream.peers.iter().enumerate() {
            match &peer.endpoint {
                Endpoint::Inet(address) => peers.push((i, (Address::Inet(*address), address.to_string()))),
                Endpoint::Unix(path) => peers.push((i, (Address::Unix(path.into()), format!("unix:{path}")))),
                Endpoint::Name(..) if peer.resolve => {}
                Endpoint::Name(host, port) => {
                    let found = (host.as_str(), *port).to_socket_addrs();
                    let found = found.map_err(|_| {
                        failed(format!("host not found in upstream \"{}\"", peer.name), Some(peer.span))
                    })?;
                    peers.extend(found.map(|address| (i, (Address::Inet(address), address.to_string()))));
                }
            }
        }
        if peers.is_empty() && !super::live::is_live(upstream) {
            return Err(failed(
                format!("no servers are inside upstream \"{}\"", upstream.name),
                Some(upstream.span),
            ));
        }
        all.push(peers);
    }
    Ok(all)
}

fn write_pid(config: &Config, options: &RunOptions) -> Result<Option<PathBuf>, StartError> {
    let Some(span) = config.core.pid.origin.span() else { return Ok(None) };
    let path = options.prefix.join(&config.core.pid.value);
    std::fs::write(&path, format!("{}\n", std::process::id()))
        .map_err(|e| failed(format!("open() \"{}\" failed{}", path.display(), errno(&e)), Some(span)))?;
    Ok(Some(path))
}

/// `flush=` of access logs: a thread of its own, as lines are collected for all workers together.
fn flush_in_time(config: &Config, files: &Arc<Files>) {
    use crate::model::log::AccessLogs;
    let levels = config.http.locations().map(|(_, l)| &l.settings.core.access_log.value);
    let levels = levels.chain(config.http.servers.iter().map(|s| &s.settings.core.access_log.value));
    let times = levels.filter_map(|logs| match logs {
        AccessLogs::To(list) => list.iter().filter_map(|log| log.flush).min(),
        AccessLogs::Off => None,
    });
    let Some(time) = times.min().map(|time| time.max(Duration::from_millis(10))) else { return };
    let files = Arc::downgrade(files);
    let flush = move || {
        while let Some(files) = files.upgrade() {
            files.flush();
            drop(files);
            std::thread::sleep(time);
        }
    };
    // Without it lines are written when the buffer is full.
    let _ = std::thread::Builder::new().name("log flush".to_owned()).spawn(flush);
}

/// `worker_rlimit_nofile`
fn limit_files(config: &Config) {
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
