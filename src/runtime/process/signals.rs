//! Signals of the master and of worker processes (`ngx_signals`).

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A received signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Terminate,
    Interrupt,
    Quit,
    Reconfigure,
    Reopen,
    ChangeBinary,
    NoAccept,
    /// A child has ended.
    Child,
}

impl Signal {
    /// Number and name of the signal, as in nginx's log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Signal::Terminate => "signal 15 (SIGTERM)",
            Signal::Interrupt => "signal 2 (SIGINT)",
            Signal::Quit => "signal 3 (SIGQUIT)",
            Signal::Reconfigure => "signal 1 (SIGHUP)",
            Signal::Reopen => "signal 10 (SIGUSR1)",
            Signal::ChangeBinary => "signal 12 (SIGUSR2)",
            Signal::NoAccept => "signal 28 (SIGWINCH)",
            Signal::Child => "signal 17 (SIGCHLD)",
        }
    }
}

/// Streams of all signals; a signal that arrives while no task waits is kept.
pub(crate) struct Signals {
    streams: [(Signal, Stream); 8],
}

impl Signals {
    /// Installs the handlers; call it inside of a tokio runtime.
    ///
    /// # Errors
    /// The failure of `sigaction()`.
    pub(crate) fn new() -> io::Result<Self> {
        let streams = [
            (Signal::Terminate, signal(SignalKind::terminate())?),
            (Signal::Interrupt, signal(SignalKind::interrupt())?),
            (Signal::Quit, signal(SignalKind::quit())?),
            (Signal::Child, signal(SignalKind::child())?),
            (Signal::Reconfigure, signal(SignalKind::hangup())?),
            (Signal::Reopen, signal(SignalKind::user_defined1())?),
            (Signal::ChangeBinary, signal(SignalKind::user_defined2())?),
            (Signal::NoAccept, signal(SignalKind::window_change())?),
        ];
        Ok(Self { streams })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|cx| {
            for (signal, stream) in &mut self.streams {
                if stream.poll_recv(cx).is_ready() {
                    return std::task::Poll::Ready(*signal);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// The next signal, or `None` after a time.
    pub(crate) async fn within(&mut self, time: Duration) -> Option<Signal> {
        tokio::time::timeout(time, self.next()).await.ok()
    }
}
