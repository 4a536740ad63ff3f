//! A worker's thread: makes the worker, reports success or failure, and serves until the shutdown.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{LocalOptions, LocalRuntime};
use tokio::sync::watch;

use crate::model::Config;
use crate::model::log::Severity;
use crate::runtime::net::clock;
use crate::runtime::net::counters::Counters;
use crate::runtime::net::ledger::WorkerLedger;
use crate::runtime::net::log::{ErrorLogs, Files, errno, turn};
use crate::runtime::request::worker::{Tls, Worker};
use crate::runtime::server::listener::Listener;
use crate::runtime::server::start::sessions::Sessions;
use crate::runtime::server::start::{StartError, Stop, failed, sockets};
use crate::runtime::server::{panic, resolving};
use crate::runtime::upstream::outgoing::Outgoing;
use crate::runtime::upstream::peer::Resolved;

/// Time before a worker that has panicked is made again.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The result of making a worker; the error in nginx's words.
pub(super) type Report = Result<(), String>;

/// The parts that a worker is made of.
pub(super) struct Job {
    pub(super) config: Arc<Config>,
    pub(super) peers: Arc<Vec<Vec<(usize, Resolved)>>>,
    pub(super) files: Arc<Files>,
    pub(super) counters: Arc<Counters>,
    pub(super) product: &'static str,
    pub(super) improve: bool,
    pub(super) page: Option<Arc<WorkerLedger>>,
    pub(super) tls: Arc<Tls>,
    pub(super) stream: Option<Sessions>,
    /// Number of the listeners that belong to `http`.
    pub(super) http_sockets: usize,
    pub(super) listeners: Vec<Listener>,
    pub(super) stopped: watch::Receiver<Option<Stop>>,
    pub(super) error_log: ErrorLogs,
    /// Position; the first worker does what one has to do for all.
    pub(super) number: usize,
}

/// Starts the thread, which reports once.
///
/// # Errors
/// There are no more threads.
pub(super) fn spawn(job: Job, report: Sender<Report>) -> Result<JoinHandle<()>, StartError> {
    let name = format!("worker {}", job.number);
    let thread = std::thread::Builder::new().name(name).spawn(move || live(&job, report));
    thread.map_err(|e| failed(format!("a worker could not be started{}", errno(&e)), None))
}

/// Serves; a worker that panics is logged and made again.
fn live(job: &Job, report: Sender<Report>) {
    let mut report = Some(report);
    loop {
        let outcome = match panic::caught(|| once(job, &mut report)) {
            Ok(Ok(())) => return,
            Ok(Err(message)) => message,
            Err(payload) => panic::text(&payload),
        };
        // The thread that waits for the report logs the failure.
        if let Some(report) = report.take() {
            let _ = report.send(Err(outcome));
            return;
        }
        let message = format!("worker {}: {outcome}; it is started again", job.number);
        job.error_log.write(Severity::Alert, None, &message);
        std::thread::sleep(BACK_OFF);
        if job.stopped.borrow().is_some() {
            return;
        }
    }
}

fn once(job: &Job, report: &mut Option<Sender<Report>>) -> Result<(), String> {
    let outgoing = Outgoing::new(&job.config, job.improve, job.page.clone());
    let (counters, tls) = (Arc::clone(&job.counters), Arc::clone(&job.tls));
    let worker =
        Worker::new(&job.config, &job.peers, &job.files, counters, job.product, outgoing, (tls, &[]))?;
    let sessions = job.stream.as_ref().map(|stream| {
        let outgoing = Outgoing::new(&stream.config, job.improve, job.page.clone());
        let peers = &job.peers[job.config.http.upstreams.len()..];
        stream.worker(peers, &job.files, &job.counters, job.product, outgoing)
    });
    let sessions = sessions.transpose()?;
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().on_thread_park(turn::write).on_thread_unpark(clock::turn);
    // Tasks wait in the scheduler's own queue: with a `LocalSet` each task goes through two queues.
    let runtime = builder.build_local(LocalOptions::default());
    let runtime = runtime.map_err(|e| format!("epoll_create() failed{}", errno(&e)))?;
    let own: Result<Vec<_>, _> = job.listeners.iter().map(Listener::try_clone).collect();
    let own = own.map_err(|e| format!("dup() failed{}", errno(&e)))?;
    serve(&runtime, (worker, sessions), own, job, report)
}

fn serve(
    runtime: &LocalRuntime,
    (worker, sessions): (Worker, Option<Worker>),
    listeners: Vec<Listener>,
    job: &Job,
    report: &mut Option<Sender<Report>>,
) -> Result<(), String> {
    let mut stopped = job.stopped.clone();
    runtime.block_on(async move {
        let worker = Rc::new(worker);
        let sessions = sessions.map(Rc::new);
        begin(&worker, job);
        if let Some(sessions) = &sessions {
            begin(sessions, job);
            sockets::passes(&worker, sessions);
        }
        let mut accepting = Vec::new();
        for (i, listener) in listeners.into_iter().enumerate() {
            let accepted = match &sessions {
                Some(sessions) if i >= job.http_sockets => {
                    sockets::accept_sessions(sessions, listener, i - job.http_sockets, job.number)
                }
                _ => sockets::accept(&worker, listener, i),
            };
            accepting.extend(accepted.map_err(|e| format!("epoll_ctl() failed{}", errno(&e)))?);
        }
        if let Some(report) = report.take() {
            let _ = report.send(Ok(()));
        }
        // The channel closes only when the process gives up as a whole.
        let how = stopped.wait_for(Option::is_some).await.ok().and_then(|how| *how);
        if how == Some(Stop::Graceful) {
            for task in accepting {
                task.abort();
            }
            for worker in [Some(&worker), sessions.as_ref()].into_iter().flatten() {
                worker.is_stopping.set(true);
            }
            drain(&worker, sessions.as_deref()).await;
        }
        Ok(())
    })
}

/// Starts the tasks that a worker always needs.
fn begin(worker: &Rc<Worker>, job: &Job) {
    let timers = Rc::clone(&worker.timers);
    keep(worker, "timers", move || Rc::clone(&timers).sweep());
    let own = Rc::clone(worker);
    keep(worker, "upstream connections", move || watch_pools(Rc::clone(&own)));
    if job.number == 0 {
        resolving::watch(worker);
    }
}

async fn watch_pools(worker: Rc<Worker>) {
    worker.upstreams.watch().await;
}

/// Runs a task that a worker always needs: after a panic the task is started again.
pub(super) fn keep<F>(
    worker: &Rc<Worker>,
    name: &'static str,
    make: impl Fn() -> F + 'static,
) -> tokio::task::JoinHandle<()>
where
    F: Future<Output = ()> + 'static,
{
    let log = worker.error_log.clone();
    tokio::task::spawn_local(async move {
        while let Err(payload) = panic::caught_async(make()).await {
            log.write(Severity::Alert, None, &format!("{name}: {}", panic::text(&payload)));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
}

async fn drain(worker: &Worker, sessions: Option<&Worker>) {
    worker.upstreams.clear();
    let limit = worker.config.core.worker_shutdown_timeout.value;
    let begun = Instant::now();
    let are_open = || worker.open.get() + sessions.map_or(0, |sessions| sessions.open.get()) > 0;
    while are_open() && limit.is_none_or(|limit| begun.elapsed() < limit) {
        worker.timers.expire_idle();
        if let Some(sessions) = sessions {
            sessions.timers.expire_idle();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
