//! Pools that are smaller than the requests under way: which share of the requests opens a connection.
//!
//! A worker puts a connection into its pool when the response is complete, and takes one out for the next request.
//! Responses come in batches, as the event loop finds them: of a batch those beyond the size of the pool are closed, and
//! the requests that follow open new ones. The size of batches differs from second to second, and is larger where a processor
//! is busy or clients answer many at once. Counted with nginx 1.22.1 and 1.31.5 (`benches/pools.py`, `tests/fixtures/pools.tsv`);
//! `tests/it/pools.rs` fits [`Shape`] on one half of that and holds it against the other.

/// Requests that the busiest worker has beyond an even share, as counted: which worker accepts a connection is a race.
const EXPECTED_MORE: f64 = 10.0;

/// The same, never less than was counted.
const MOST_MORE: f64 = 50.0;

/// Requests under way at once, and the workers that share them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concurrency {
    /// Requests of all workers.
    pub at_once: f64,
    /// Worker processes, from 1.
    pub workers: u32,
    /// Requests of the busiest worker.
    pub busiest: f64,
}

impl Concurrency {
    /// As workers usually share them.
    pub fn expected(at_once: f64, workers: u32) -> Self {
        Self::uneven(at_once, workers, EXPECTED_MORE)
    }

    /// As unevenly as was ever counted.
    pub fn at_worst(at_once: f64, workers: u32) -> Self {
        Self::uneven(at_once, workers, MOST_MORE)
    }

    fn uneven(at_once: f64, workers: u32, more: f64) -> Self {
        let workers = workers.max(1);
        Self { at_once, workers, busiest: (at_once / f64::from(workers) + more).min(at_once) }
    }

    /// The mean over all requests of what `share` says of a worker with so many under way.
    fn mean(&self, share: impl Fn(f64) -> f64) -> f64 {
        if self.at_once <= 0.0 {
            return 0.0;
        }
        let others = f64::from(self.workers - 1).max(1.0);
        let each = ((self.at_once - self.busiest) / others).max(0.0);
        let rest = if each > 0.0 { (self.at_once - self.busiest) * share(each) } else { 0.0 };
        (self.busiest * share(self.busiest) + rest) / self.at_once
    }
}

/// Fall of the share as the pool grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Share of the requests whose responses come in batches that a small pool does not hold.
    pub batched: f64,
    /// Idle connections of a batch, in the mean, with 100 requests under way that take 30 ms each.
    pub batch: f64,
    /// Exponent of the number under way: more requests make larger batches.
    pub by_number: f64,
    /// Exponent of the time that a request takes: batches of slow ones are smaller.
    pub by_time: f64,
}

/// Shape that was fitted to measurements of nginx.
pub const FITTED: Shape = Shape { batched: 0.55, batch: 25.0, by_number: 0.4, by_time: 0.65 };

/// Requests and seconds that [`Shape::batch`] is for.
const USUAL: (f64, f64) = (100.0, 0.03);

/// Connections of the pool up to which requests that come one by one still find none.
const SMALL: f64 = 1.0;

impl Shape {
    /// Share of the requests that open a connection, 0 to 1, while as many as `crowd` says are under way all the time and each
    /// takes so many seconds.
    pub fn steady(self, pool: u32, crowd: &Concurrency, latency: f64) -> f64 {
        let pool = f64::from(pool);
        crowd.mean(|open| {
            if pool >= open {
                return 0.0;
            }
            let number = (open / USUAL.0).powf(self.by_number);
            let time = (USUAL.1 / latency.clamp(0.001, 60.0)).powf(self.by_time);
            let batches = self.batched * (-pool / (self.batch * number * time)).exp();
            (batches + (1.0 - self.batched) * (-pool / SMALL).exp()).min(1.0 - pool / open)
        })
    }
}

/// Share of the requests that open a connection, 0 to 1, if as many as `crowd` says come at one moment, again and again:
/// no load makes a pool open more.
pub fn in_bursts(pool: u32, crowd: &Concurrency) -> f64 {
    crowd.mean(|open| (1.0 - f64::from(pool) / open).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pool_reuses_nothing_and_a_large_one_everything() {
        let one = Concurrency::expected(100.0, 1);
        assert_eq!((FITTED.steady(0, &one, 0.1), in_bursts(0, &one)), (1.0, 1.0));
        assert_eq!((FITTED.steady(100, &one, 0.1), in_bursts(100, &one)), (0.0, 0.0));
        let nobody = Concurrency::expected(0.0, 4);
        assert_eq!((FITTED.steady(0, &nobody, 0.1), in_bursts(0, &nobody)), (0.0, 0.0));
    }

    #[test]
    fn bursts_open_what_the_pool_does_not_hold() {
        // Counted: 100 at one moment, a pool of 16, one worker: 84 connections each time.
        assert!((in_bursts(16, &Concurrency::at_worst(100.0, 1)) - 0.84).abs() < 1e-9);
        // A larger pool is never worse, and steady load never worse than bursts.
        for workers in [1, 2, 16] {
            for open in [1.0, 7.5, 400.0, 1e6] {
                let mut last = 1.0;
                for pool in [0, 1, 4, 64, 1024] {
                    let (expected, worst) =
                        (Concurrency::expected(open, workers), Concurrency::at_worst(open, workers));
                    let now = in_bursts(pool, &worst);
                    for latency in [0.0, 0.03, 5.0] {
                        let steady = FITTED.steady(pool, &expected, latency);
                        assert!(now <= last && steady <= now + 1e-9, "{workers} {open} {pool} {latency}");
                    }
                    last = now;
                }
            }
        }
    }
}
