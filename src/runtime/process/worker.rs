//! The worker process: it serves what its master hands over, one thread for each of `worker_processes`.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::model::log::Severity;
use crate::runtime::net::counters::Counters;
use crate::runtime::net::ledger::Ledger;
use crate::runtime::net::log::{Files, errno};
use crate::runtime::process::channel::{self, Kind, Message};
use crate::runtime::process::handover::{self, Handover};
use crate::runtime::process::signals::{Signal, Signals};
use crate::runtime::process::surroundings::name;
use crate::runtime::server::panic;
use crate::runtime::server::start::{
    ExistingResources, RunOptions, Running, Stop, account, launch, limit_files, prepare,
};
use crate::site;

/// Serves `--metrics` on a socket; whether ngxc does for ports what nginx does not.
pub type Metrics<'m> = &'m dyn Fn(TcpListener, Arc<Ledger>, bool);

/// Workers that do not end at once are not waited for any longer.
const KILL: Duration = Duration::from_secs(1);
/// Interval of the checks for ended workers.
const LOOK: Duration = Duration::from_millis(20);

/// An event in the main loop of a worker process.
enum Event {
    Message(Message),
    /// The master has ended.
    Alone,
    Signal(Signal),
    Look,
}

struct Process<'p> {
    channel: UnixStream,
    /// Configurations that serve or drain; the last one serves.
    all: Vec<Running>,
    ledger: Option<Arc<Ledger>>,
    metrics: Metrics<'p>,
    stays: bool,
    ending: Option<(Stop, Instant)>,
}

/// Serves until the master or a signal says that it is enough.
///
/// # Errors
/// It did not serve at all; the master knows why, if there is one.
pub fn work(metrics: Metrics<'_>) -> Result<(), String> {
    let call_failed =
        |call: &'static str| move |error: io::Error| format!("{call}() failed{}", errno(&error));
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(call_failed("dup"))?);
    let null = File::open("/dev/null").map_err(call_failed("open"))?;
    rustix::stdio::dup2_stdin(null).map_err(|error| call_failed("dup2")(error.into()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(call_failed("epoll_create"))?;
    let _entered = runtime.enter();
    let mut signals = Signals::new().map_err(call_failed("sigaction"))?;
    let first = channel::receive(&channel).map_err(call_failed("recvmsg"))?;
    let handed = first.and_then(handover::take).ok_or("the master process sent no configuration")?;
    let reads = channel.try_clone().map_err(call_failed("dup"))?;
    let stays = handed.head.stays;
    let mut process = Process { channel, all: Vec::new(), ledger: None, metrics, stays, ending: None };
    name(&handed.head.name);
    process.configure(handed)?;
    let mut messages = messages(reads).map_err(call_failed("clone"))?;
    while !process.has_ended() {
        let event = runtime.block_on(async {
            let look = if process.all.len() > 1 || process.ending.is_some() {
                LOOK
            } else {
                Duration::from_secs(3600)
            };
            tokio::select! {
                message = messages.recv() => message.map_or(Event::Alone, Event::Message),
                signal = signals.next() => Event::Signal(signal),
                () = tokio::time::sleep(look) => Event::Look,
            }
        });
        process.obey(event, &mut messages);
        process.retire();
    }
    process.all.iter().for_each(|running| running.files.flush());
    Ok(())
}

/// A thread that waits for the master's messages.
fn messages(channel: UnixStream) -> io::Result<UnboundedReceiver<Message>> {
    let (sender, receiver) = unbounded_channel();
    let read = move || {
        while let Ok(Some(message)) = channel::receive(&channel) {
            if sender.send(message).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("master".to_owned()).spawn(read)?;
    Ok(receiver)
}

impl Process<'_> {
    /// Serves a configuration, and reports that, or why not.
    fn configure(&mut self, handed: Handover) -> Result<(), String> {
        let outcome =
            panic::caught(|| self.serve(handed)).unwrap_or_else(|payload| Err(panic::text(&payload)));
        let (kind, text) = match &outcome {
            Ok(()) => (Kind::Ready, ""),
            Err(message) => (Kind::Failed, message.as_str()),
        };
        let _ = channel::send(&self.channel, kind, text.as_bytes(), &[]);
        outcome
    }

    fn serve(&mut self, handed: Handover) -> Result<(), String> {
        let Handover { head, site, listeners, logs, metrics } = handed;
        let read = handover::read(&site).map_err(|error| format!("read() failed{}", errno(&error)))?;
        let config = Arc::new(site::load(&read).map_err(|refused| refused.to_string())?.config);
        drop(read);
        let is_first = self.all.is_empty();
        if is_first && metrics.is_some() {
            self.ledger = Some(Arc::default());
        }
        let prefix = head.prefix();
        let options = RunOptions {
            prefix,
            ledger: self.ledger.clone(),
            improve: head.improve,
            ..RunOptions::default()
        };
        let counters =
            self.all.last().map_or_else(Arc::<Counters>::default, |before| Arc::clone(&before.counters));
        let given = ExistingResources {
            listeners: &listeners,
            files: Files::handed(&options.prefix, logs),
            counters,
            peers: Some(head.peers()),
        };
        let mut prepared = prepare(&config, &options, given, None).map_err(|error| error.to_string())?;
        // Files of unix sockets belong to the master.
        prepared.sockets.clear();
        if is_first {
            limit_files(&config);
            if let Some(account) = head.account() {
                let become_it = account::become_it(&account, &config, &prepared.error_log);
                become_it.map_err(|error| error.to_string())?;
            }
            // Programs executed from here on gain no privileges.
            let _ = nix::sys::prctl::set_no_new_privs();
        }
        let running = launch(prepared, &options).map_err(|error| error.to_string())?;
        if let (Some(socket), Some(ledger)) = (metrics.filter(|_| is_first), &self.ledger) {
            (self.metrics)(socket, Arc::clone(ledger), head.improve);
        }
        if let Some(before) = self.all.last_mut() {
            // Without its listeners, clients of an address that is no longer listened on are refused instead of waiting in
            // the backlog of workers that drain.
            before.listeners.clear();
            before.stop.send_replace(Some(Stop::Graceful));
        }
        self.all.push(running);
        Ok(())
    }

    fn obey(&mut self, event: Event, messages: &mut UnboundedReceiver<Message>) {
        match event {
            Event::Look => {}
            Event::Alone if self.stays => {
                // Nothing comes any more: wait for signals alone.
                let (sender, never) = unbounded_channel();
                std::mem::forget(sender);
                *messages = never;
            }
            Event::Alone => self.end(Stop::Fast),
            Event::Message(message) => match message.kind {
                Kind::Configure => {
                    if let Some(handed) = handover::take(message) {
                        // The master logs the message.
                        let _ = self.configure(handed);
                    }
                }
                Kind::Logs => {
                    let logs = handover::taken_logs(message);
                    self.all.iter().for_each(|running| running.files.replace(&logs));
                }
                Kind::Quit => self.end(Stop::Graceful),
                Kind::Terminate => self.end(Stop::Fast),
                Kind::Ready | Kind::Failed => {}
            },
            Event::Signal(signal) => match signal {
                Signal::Terminate | Signal::Interrupt => self.end(Stop::Fast),
                Signal::Quit | Signal::NoAccept => self.end(Stop::Graceful),
                Signal::Reopen => {
                    for failure in self.all.iter().flat_map(|running| running.files.reopen()) {
                        self.log(Severity::Emerg, &failure);
                    }
                }
                // Signals for the master.
                Signal::Reconfigure | Signal::ChangeBinary | Signal::Child => {}
            },
        }
    }

    fn log(&self, severity: Severity, message: &str) {
        if let Some(running) = self.all.last() {
            running.error_log.write(severity, None, message);
        }
    }

    fn end(&mut self, how: Stop) {
        if self.ending.is_none_or(|(before, _)| before == Stop::Graceful && how == Stop::Fast) {
            let does = if how == Stop::Fast { "exiting" } else { "gracefully shutting down" };
            self.log(Severity::Notice, does);
            self.ending = Some((how, Instant::now()));
        }
        for running in &mut self.all {
            running.listeners.clear();
            let how = self.ending.map(|(how, _)| how);
            running.stop.send_replace(how);
        }
    }

    fn has_ended(&self) -> bool {
        match self.ending {
            None => false,
            Some((how, since)) => {
                let all = self.all.iter().flat_map(|running| &running.workers);
                let is_late = how == Stop::Fast && since.elapsed() > KILL;
                is_late || all.into_iter().all(std::thread::JoinHandle::is_finished)
            }
        }
    }

    /// Lets go of workers that have drained, and says so.
    fn retire(&mut self) {
        let Some(last) = self.all.pop() else { return };
        let id = std::process::id();
        self.all.retain(|before| {
            let is_alive = before.workers.iter().any(|worker| !worker.is_finished());
            if !is_alive {
                before.files.flush();
                for _ in &before.workers {
                    let message = format!("worker process {id} exited with code 0");
                    last.error_log.write(Severity::Notice, None, &message);
                }
            }
            is_alive
        });
        self.all.push(last);
    }
}
