//! Signals: a configuration runs until one ends it, or puts another in its place.

use std::sync::Arc;
use std::time::Duration;

use crate::model::log::Severity;
use crate::runtime::net::log::{ErrorLogs, errno};
use crate::runtime::server::panic;
use crate::runtime::server::start::{RunOptions, Running, StartError, Stop, begin, failed};
use crate::site::Site;

/// The request of a signal.
enum Signal {
    Stop(Stop),
    Reload,
    Reopen,
    /// Time to see whether old workers have ended.
    Look,
}

/// Compiles the configuration anew, for SIGHUP; the error is what is wrong with it.
pub type Reload<'r> = &'r dyn Fn() -> Result<Site, String>;

/// Executes a configuration in this process (`master_process off`) until a signal ends it: SIGTERM and SIGINT at once, SIGQUIT gracefully. SIGHUP goes on with
/// what `reload` compiles, SIGUSR1 opens the logs anew. A process that root has started becomes `user` as a whole when
/// everything is bound, opened and read; a reload that then needs root is an error in the log.
///
/// # Errors
/// As [`start`](crate::runtime::server::start::start).
pub(crate) fn run(
    site: &Site,
    options: &RunOptions,
    reload: Reload<'_>,
    ready: impl FnOnce(&ErrorLogs),
) -> Result<(), StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| failed(format!("epoll_create() failed{}", errno(&e)), None))?;
    let _entered = runtime.enter();
    let make = |kind| signal(kind).map_err(|e| failed(format!("sigaction() failed{}", errno(&e)), None));
    // Before the workers: a signal that comes early is not lost.
    let (mut term, mut int) = (make(SignalKind::terminate())?, make(SignalKind::interrupt())?);
    let (mut quit, mut hup) = (make(SignalKind::quit())?, make(SignalKind::hangup())?);
    let mut usr1 = make(SignalKind::user_defined1())?;
    let mut running = begin(Arc::new(site.config.clone()), options, None, true)?;
    ready(&running.error_log);
    let mut old: Vec<Running> = Vec::new();
    let how = loop {
        let next = runtime.block_on(async {
            let look = tokio::time::sleep(Duration::from_millis(if old.is_empty() { 3_600_000 } else { 50 }));
            tokio::select! {
                _ = term.recv() => Signal::Stop(Stop::Fast),
                _ = int.recv() => Signal::Stop(Stop::Fast),
                _ = quit.recv() => Signal::Stop(Stop::Graceful),
                _ = hup.recv() => Signal::Reload,
                _ = usr1.recv() => Signal::Reopen,
                () = look => Signal::Look,
            }
        });
        match next {
            Signal::Stop(how) => break how,
            Signal::Reopen => {
                for failure in running.files.reopen() {
                    running.error_log.write(Severity::Emerg, None, &failure);
                }
            }
            Signal::Reload => {
                let log = running.error_log.clone();
                log.write(Severity::Notice, None, "signal 1 (SIGHUP) received, reconfiguring");
                // A fault of the files or of this program does not end the running configuration.
                let next = panic::caught(|| {
                    reload().and_then(|site| {
                        begin(Arc::new(site.config), options, Some(&running), true).map_err(|e| e.to_string())
                    })
                });
                let next = next.unwrap_or_else(|payload| Err(panic::text(&payload)));
                match next {
                    Ok(next) => {
                        let mut before = std::mem::replace(&mut running, next);
                        // Without its listeners, clients of an address that is no longer listened on are refused
                        // instead of waiting in the backlog of workers that drain.
                        before.listeners.clear();
                        before.stop.send_replace(Some(Stop::Graceful));
                        old.push(before);
                    }
                    Err(message) => {
                        log.write(Severity::Emerg, None, &message);
                        if let Some(account) = running.account.as_ref().filter(|_| message.contains("(13: "))
                        {
                            let message = format!(
                                "reload as \"{}\": the process is root no more; what only root may bind or read \
                                 takes a restart, the old configuration goes on",
                                account.name
                            );
                            log.write(Severity::Error, None, &message);
                        }
                    }
                }
            }
            Signal::Look => {}
        }
        retire(&mut old, &running);
    };
    for before in &old {
        before.stop.send_replace(Some(how));
    }
    // As above, while requests under way are answered.
    running.listeners.clear();
    running.stop.send_replace(Some(how));
    let all = || old.iter().chain([&running]).flat_map(|r| &r.workers);
    let is_fast = how == Stop::Fast;
    while !is_fast && all().any(|worker| !worker.is_finished()) {
        // A second, impatient signal.
        let hurry = runtime.block_on(async {
            tokio::select! {
                _ = term.recv() => true,
                _ = int.recv() => true,
                () = tokio::time::sleep(Duration::from_millis(20)) => false,
            }
        });
        if hurry {
            for r in old.iter().chain([&running]) {
                r.stop.send_replace(Some(Stop::Fast));
            }
            if all().any(|worker| !worker.is_finished()) {
                // Workers that drain do not listen any more; the process ends and they with it.
                break;
            }
        }
    }
    if all().all(std::thread::JoinHandle::is_finished) || is_fast {
        running.join();
    } else {
        running.files.flush();
    }
    Ok(())
}

/// Lets go of workers that have ended, and says so.
fn retire(old: &mut Vec<Running>, running: &Running) {
    old.retain(|before| {
        let is_alive = before.workers.iter().any(|worker| !worker.is_finished());
        if !is_alive {
            before.files.flush();
            let pid = std::process::id();
            for _ in &before.workers {
                let message = format!("worker process {pid} exited with code 0");
                running.error_log.write(Severity::Notice, None, &message);
            }
            for path in before.sockets.iter().filter(|path| !running.sockets.contains(path)) {
                let _ = std::fs::remove_file(path);
            }
        }
        is_alive
    });
}
