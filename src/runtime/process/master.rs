//! The master process (`ngx_master_process_cycle`): it obeys signals and keeps a worker process alive.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::unistd::{Pid, getppid};

use crate::model::log::Severity;
use crate::runtime::net::log::errno;
use crate::runtime::process::channel::Kind;
use crate::runtime::process::child::{WorkerProcess, log_end};
use crate::runtime::process::plan::Plan;
use crate::runtime::process::signals::{Signal, Signals};
use crate::runtime::process::surroundings::Surroundings;
use crate::runtime::process::{daemon, inherit, notify};
use crate::runtime::server::panic;
use crate::runtime::server::start::signal::Reload;
use crate::runtime::server::start::{RunOptions, StartError, failed};
use crate::site::Site;

/// Time after which worker processes that ignore a termination are killed (`ngx_master_process_cycle`).
const KILL: Duration = Duration::from_secs(2);
/// A worker process that dies younger than this is started again later and later.
const YOUNG: Duration = Duration::from_secs(1);
/// Longest time before a worker process is started again.
const LONGEST: Duration = Duration::from_secs(10);
/// A wait that only a signal ends.
const LONG: Duration = Duration::from_secs(3600);

struct Master<'m> {
    options: &'m RunOptions,
    surroundings: &'m Surroundings,
    reload: Reload<'m>,
    plan: Plan,
    /// The serving worker process; `None` if it died, or serves no more.
    worker: Option<WorkerProcess>,
    /// Worker processes that drain.
    old: Vec<WorkerProcess>,
    /// The program that takes over.
    binary: Option<Child>,
    parent: Pid,
    is_ending: bool,
    /// False after SIGWINCH: the program that takes over serves.
    accepts: bool,
    /// Time of the worker process's restart, and time at which workers that do not end are killed.
    restart: Option<Instant>,
    kill: Option<Instant>,
    back_off: Duration,
}

/// Executes a configuration in a worker process until a signal ends it.
///
/// # Errors
/// Nothing was started.
pub(crate) fn run(
    site: &Site,
    options: &RunOptions,
    surroundings: &Surroundings,
    reload: Reload<'_>,
) -> Result<(), StartError> {
    let call =
        |name: &'static str| move |e: std::io::Error| failed(format!("{name}() failed{}", errno(&e)), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(call("epoll_create"))?;
    let _entered = runtime.enter();
    // Before anything else: a signal that comes early is not lost.
    let mut signals = Signals::new().map_err(call("sigaction"))?;
    let parent = getppid();
    let waits = surroundings.is_daemon.then(daemon::detach).transpose().map_err(call("setsid"))?;
    let inherited = inherit::listeners(&surroundings.inherited);
    let plan = Plan::new(site, options, None, &inherited)?;
    // Inherited sockets that the configuration does not have are closed.
    drop(inherited);
    plan.log().write(Severity::Notice, None, &format!("nginx/{}", site.config.version));
    plan.log().write(Severity::Notice, None, "start worker processes");
    let parts = plan.parts(options, surroundings);
    let worker = WorkerProcess::start(&parts, surroundings.zone.as_ref(), plan.log());
    let worker = worker.map_err(|message| failed(message, None))?;
    let mut master = Master {
        options,
        surroundings,
        reload,
        plan,
        worker: Some(worker),
        old: Vec::new(),
        binary: None,
        parent,
        is_ending: false,
        accepts: true,
        restart: None,
        kill: None,
        back_off: YOUNG,
    };
    master.notify(&format!("READY=1\nMAINPID={}", std::process::id()));
    if let Some(channel) = waits {
        let file = master.plan.log().file();
        daemon::serves(channel, file.as_ref());
    }
    while !master.has_ended() {
        let signal = runtime.block_on(signals.within(master.wait()));
        if let Some(signal) = signal {
            master.obey(signal);
        }
        master.look();
    }
    master.finish();
    Ok(())
}

impl Master<'_> {
    fn log(&self, severity: Severity, message: &str) {
        self.plan.log().write(severity, None, message);
    }

    fn notify(&self, state: &str) {
        if let Some(socket) = &self.surroundings.notify
            && let Err(error) = notify::send(socket, state)
        {
            self.log(Severity::Error, &format!("sendmsg() to NOTIFY_SOCKET failed{}", errno(&error)));
        }
    }

    fn has_ended(&self) -> bool {
        self.is_ending && self.worker.is_none() && self.old.is_empty()
    }

    /// Time until there is something to do without a signal.
    fn wait(&self) -> Duration {
        let next = [self.restart, self.kill].into_iter().flatten().min();
        next.map_or(LONG, |at| at.saturating_duration_since(Instant::now()))
    }

    fn obey(&mut self, signal: Signal) {
        let does = match signal {
            Signal::Terminate | Signal::Interrupt => ", exiting",
            Signal::Quit => ", shutting down",
            Signal::Reconfigure => ", reconfiguring",
            Signal::Reopen => ", reopening logs",
            Signal::ChangeBinary => ", changing binary",
            Signal::NoAccept if self.is_detached() => ", stop accepting connections",
            Signal::NoAccept | Signal::Child => "",
        };
        self.log(Severity::Notice, &format!("{} received{does}", signal.name()));
        match signal {
            Signal::Terminate | Signal::Interrupt => {
                self.end(Kind::Terminate);
                self.kill.get_or_insert_with(|| Instant::now() + KILL);
            }
            Signal::Quit => self.end(Kind::Quit),
            Signal::Reopen => self.reopen(),
            Signal::NoAccept if self.is_detached() => {
                self.accepts = false;
                self.restart = None;
                self.retire();
            }
            Signal::NoAccept | Signal::Child => {}
            Signal::Reconfigure | Signal::ChangeBinary if self.is_ending => {}
            // The program that should take over does not: this one serves again, as it did.
            Signal::Reconfigure if self.binary.is_some() && !self.accepts => self.start(),
            Signal::Reconfigure => self.reconfigure(),
            Signal::ChangeBinary => self.change_binary(),
        }
    }

    /// True if the process is no child of a terminal's shell or a supervisor.
    fn is_detached(&self) -> bool {
        self.surroundings.is_daemon || self.surroundings.takes_over
    }

    /// All worker processes end.
    fn end(&mut self, kind: Kind) {
        self.notify("STOPPING=1");
        self.is_ending = true;
        self.restart = None;
        // Clients that connect from now on are refused instead of waiting.
        self.plan.prepared.listeners.clear();
        for process in self.old.iter().chain(&self.worker) {
            process.end(kind);
        }
    }

    /// The worker process drains.
    fn retire(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.end(Kind::Quit);
            self.old.push(worker);
        }
    }

    fn reopen(&mut self) {
        for failure in self.plan.prepared.files.reopen() {
            self.log(Severity::Emerg, &failure);
        }
        if let Some(account) = &self.plan.account {
            self.plan.prepared.give(account);
        }
        for process in self.old.iter().chain(&self.worker) {
            process.logs(&self.plan.prepared.files);
        }
    }

    fn reconfigure(&mut self) {
        self.notify(&notify::reloading());
        // A fault of the files or of this program does not end the running configuration.
        let next = panic::caught(|| {
            (self.reload)().and_then(|site| {
                Plan::new(&site, self.options, Some(&self.plan), &[]).map_err(|error| error.to_string())
            })
        });
        let next = next.unwrap_or_else(|payload| Err(panic::text(&payload)));
        if let Err(message) = next.and_then(|next| self.go_on(next)) {
            self.log(Severity::Emerg, &message);
        }
        self.notify("READY=1");
    }

    /// Has the next configuration served: by the worker process that runs, or by a new one if the account is another one.
    fn go_on(&mut self, next: Plan) -> Result<(), String> {
        let parts = next.parts(self.options, self.surroundings);
        let same = |plan: &Plan| plan.account.as_ref().map(|account| (account.uid, account.gid));
        let is_same = same(&self.plan) == same(&next);
        let worker = self.worker.as_mut().filter(|_| is_same);
        if let Some(worker) = worker.and_then(|worker| worker.ended().is_none().then_some(worker)) {
            worker.configure(&parts)?;
        } else {
            let worker = WorkerProcess::start(&parts, self.surroundings.zone.as_ref(), next.log())?;
            self.retire();
            self.worker = Some(worker);
        }
        self.accepts = true;
        self.restart = None;
        let before = std::mem::replace(&mut self.plan, next);
        before.remove_sockets(Some(&self.plan));
        Ok(())
    }

    /// Starts the worker process for what is configured; later, if it does not start.
    fn start(&mut self) {
        self.accepts = true;
        let parts = self.plan.parts(self.options, self.surroundings);
        match WorkerProcess::start(&parts, self.surroundings.zone.as_ref(), self.plan.log()) {
            Ok(worker) => {
                self.worker = Some(worker);
                self.restart = None;
            }
            Err(message) => {
                self.log(Severity::Alert, &message);
                self.restart_later();
            }
        }
    }

    fn restart_later(&mut self) {
        self.restart = Some(Instant::now() + self.back_off);
        self.back_off = (self.back_off * 2).min(LONGEST);
    }

    /// Looks after everybody who may have ended.
    fn look(&mut self) {
        let log = self.plan.log().clone();
        let has_ended = |process: &mut WorkerProcess| {
            let status = process.ended();
            if let Some(status) = status {
                log_end(&log, "worker process", process.id(), status);
            }
            status.is_some()
        };
        self.old.retain_mut(|process| !has_ended(process));
        let died = self.worker.as_mut().and_then(|worker| has_ended(worker).then(|| worker.age()));
        if let Some(age) = died {
            self.worker = None;
            if age > YOUNG {
                self.back_off = YOUNG;
                self.restart = Some(Instant::now());
            } else {
                self.restart_later();
            }
        }
        let ended = self.binary.as_mut().and_then(|binary| Some((binary.id(), binary.try_wait().ok()??)));
        if let Some((id, status)) = ended {
            log_end(&log, "new binary process", id, status);
            self.binary = None;
            self.set_aside(false);
            if !self.accepts && !self.is_ending {
                self.start();
            }
        }
        let now = Instant::now();
        if self.kill.is_some_and(|at| at <= now) {
            self.kill = None;
            self.old.iter_mut().chain(&mut self.worker).for_each(WorkerProcess::kill);
        }
        if self.is_ending {
            self.restart = None;
        }
        if self.restart.is_some_and(|at| at <= now) {
            self.start();
        }
    }

    fn set_aside(&self, aside: bool) -> bool {
        let renamed = self.plan.pid.as_ref().map_or(Ok(()), |pid| pid.set_aside(aside));
        if let Err(message) = &renamed {
            self.log(Severity::Alert, message);
        }
        renamed.is_ok()
    }

    /// Executes the program anew, which takes the sockets over (`ngx_exec_new_binary`).
    fn change_binary(&mut self) {
        let is_second = self.surroundings.takes_over && getppid() == self.parent;
        let Some((program, arguments)) = self.surroundings.program.split_first() else { return };
        if self.binary.is_some() || is_second {
            self.log(
                Severity::Crit,
                "the changing binary signal is ignored: you should shutdown or terminate before either old or new \
                 binary's process",
            );
            return;
        }
        if !self.set_aside(true) {
            return;
        }
        let listeners = &self.plan.prepared.listeners;
        let mut command = Command::new(program);
        command.args(arguments).env("NGINX", inherit::variable(listeners)).env_remove(daemon::VARIABLE);
        let started = inherit::let_out(listeners, true).and_then(|()| command.spawn());
        // No other program has been executed meanwhile.
        let kept = inherit::let_out(listeners, false);
        match kept.and(started) {
            Ok(child) => {
                self.log(Severity::Notice, &format!("start new binary process {}", child.id()));
                self.binary = Some(child);
            }
            Err(error) => {
                let program = program.to_string_lossy();
                let message = format!(
                    "execve() failed while executing new binary process \"{program}\"{}",
                    errno(&error)
                );
                self.log(Severity::Alert, &message);
                self.set_aside(false);
            }
        }
    }

    /// All have ended.
    fn finish(self) {
        // The files of unix sockets belong to the program that serves on.
        let others = self.binary.is_some() || self.surroundings.takes_over && getppid() == self.parent;
        if !others {
            self.plan.remove_sockets(None);
        }
        self.log(Severity::Notice, "exit");
    }
}
