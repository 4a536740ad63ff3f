//! Counts of connections and requests (`ngx_stat_*`): each worker counts its own, and a reader adds them up.
//! Counters that all workers wrote to would travel between their processors several times a request.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::runtime::net::shared::Shared;

/// A number that one thread changes and all may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn up(&self) {
        // No read-modify-write instruction is needed: only this worker writes.
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(crate) fn down(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(1), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

macro_rules! counts {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// The counts of one worker, on a cache line of their own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Tally {
            $( $(#[$meta])* pub(crate) $name: Count, )*
        }

        /// The same of all workers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Totals {
            $( $(#[$meta])* pub(crate) $name: u64, )*
        }

        impl Totals {
            fn add(&mut self, tally: &Tally) {
                $( self.$name = self.$name.wrapping_add(tally.$name.get()); )*
            }
        }
    };
}

counts! {
    /// Connections of clients so far.
    accepted,
    /// Accepted connections that were served.
    handled,
    /// Requests so far.
    requests,
    /// Open connections.
    active,
    /// Connections whose request is being read.
    reading,
    /// Connections whose request is being answered.
    writing,
}

/// Counts a request, first as one that is being read, until it is dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    tally: Arc<Tally>,
    is_writing: bool,
}

impl Stage {
    /// A new request is being read.
    pub(crate) fn reading(tally: &Arc<Tally>) -> Self {
        tally.requests.up();
        tally.reading.up();
        Self { tally: Arc::clone(tally), is_writing: false }
    }

    /// The request is being answered from now on.
    pub(crate) fn write(&mut self) {
        self.is_writing = true;
        self.tally.reading.down();
        self.tally.writing.up();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.is_writing {
            self.tally.writing.down();
        } else {
            self.tally.reading.down();
        }
    }
}

impl Totals {
    /// Idle connections.
    pub(crate) fn waiting(&self) -> u64 {
        self.active.saturating_sub(self.reading + self.writing)
    }
}

#[derive(Debug, Default)]
struct Tallies {
    /// Of workers that have ended.
    ended: Totals,
    live: Vec<Arc<Tally>>,
}

/// The counts of all workers together; they stay over reloads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections of clients and to upstreams so far.
    connections: AtomicU64,
    /// Numbers given out so far.
    temporary: AtomicU64,
    tallies: Mutex<Tallies>,
    /// Zones.
    pub(crate) shared: Shared,
}

impl Counters {
    /// The next `$connection`.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Relaxed) + 1
    }

    /// The next number of a file or boundary.
    pub(crate) fn next_temporary(&self) -> u64 {
        self.temporary.fetch_add(1, Relaxed) + 1
    }

    /// For a worker that begins; those of workers that have ended are added up.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        let mut tallies = self.tallies();
        let Tallies { ended, live } = &mut *tallies;
        live.retain(|tally| {
            let is_live = Arc::strong_count(tally) > 1;
            if !is_live {
                ended.add(tally);
            }
            is_live
        });
        let tally = Arc::new(Tally::default());
        live.push(Arc::clone(&tally));
        tally
    }

    /// Of all workers, at this moment.
    pub(crate) fn totals(&self) -> Totals {
        let tallies = self.tallies();
        let mut totals = tallies.ended;
        tallies.live.iter().for_each(|tally| totals.add(tally));
        totals
    }

    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        // Nothing under the lock can leave it half done.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_until_it_is_dropped() {
        let counters = Counters::default();
        let tally = counters.tally();
        let mut stage = Stage::reading(&tally);
        let count = || (counters.totals().requests, counters.totals().reading, counters.totals().writing);
        assert_eq!(count(), (1, 1, 0));
        stage.write();
        assert_eq!(count(), (1, 0, 1));
        drop(stage);
        drop(Stage::reading(&tally));
        assert_eq!(count(), (2, 0, 0));
    }

    #[test]
    fn workers_come_and_go() {
        let counters = Counters::default();
        let (first, second) = (counters.tally(), counters.tally());
        for _ in 0..3 {
            first.requests.up();
            first.active.up();
        }
        first.active.down();
        second.active.up();
        second.reading.up();
        let totals = counters.totals();
        assert_eq!((totals.requests, totals.active, totals.waiting()), (3, 3, 2));
        first.active.down();
        first.active.down();
        drop(first);
        // The first is added up once.
        for _ in 0..2 {
            let _ = counters.tally();
            let totals = counters.totals();
            assert_eq!((totals.requests, totals.active, totals.reading), (3, 1, 1));
        }
        assert_eq!(counters.tallies().live.len(), 2);
    }
}
