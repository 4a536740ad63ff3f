//! Counted connections.

use std::rc::Rc;

use crate::model::log::Severity;
use crate::runtime::request::worker::Worker;

/// Counts a connection as long as it is open, also if its task panics.
pub(crate) struct Open {
    worker: Rc<Worker>,
    number: u64,
}

impl Open {
    pub(crate) fn new(worker: &Rc<Worker>) -> Self {
        worker.open.set(worker.open.get() + 1);
        worker.tally.active.up();
        Self { worker: Rc::clone(worker), number: worker.next_connection() }
    }

    /// The worker that counts the connection.
    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// `$connection`
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.worker.open.set(self.worker.open.get() - 1);
        self.worker.tally.active.down();
        if std::thread::panicking() {
            // The event loop holds a panic in its task; standard error has its words.
            let message = "the program panicked (a fault of ngxc) and closed the connection";
            self.worker.error_log.write(Severity::Alert, Some(self.number), message);
        }
    }
}
