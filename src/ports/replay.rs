//! A log, replayed: when its requests would have opened connections, and how many ports that takes over time.
//!
//! Each worker has a connection cache of its own, as nginx has (`ngx_http_upstream_keepalive_module.c`): newest first,
//! the oldest evicted, closed after its idle time. Who closes a connection keeps its port for `TIME_WAIT`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::capacity::Setup;
use crate::eval::hash::murmur2;

/// A request to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Time at which nginx connects, in milliseconds.
    pub start: i64,
    /// Time until the connection is free again, in milliseconds.
    pub duration: u32,
    /// Position of the destination.
    pub destination: u32,
}

/// Result of a replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Requests replayed.
    pub requests: u64,
    /// Connections opened.
    pub opened: u64,
    /// Requests on a connection that was open.
    pub reused: u64,
    /// Requests for which no port was left.
    pub failed: u64,
    /// Most ports of one tuple at once.
    pub peak: u32,
    /// Time of the peak, in milliseconds.
    pub peak_at: i64,
    /// Time at which a tuple first had more ports than the half that is tried first.
    pub cliff_at: Option<i64>,
    /// Time at which a request first found no port.
    pub exhausted_at: Option<i64>,
}

/// Shares of the sources, heaviest first; their order decides nothing.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Upper ends of the ranges of a 32-bit hash.
    ends: Vec<u32>,
}

impl Sources {
    /// From shares that add up to one.
    pub fn new(shares: &[f64]) -> Self {
        let mut sum = 0.0;
        let ends = shares.iter().map(|share| {
            sum += share;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
            let end = (sum * f64::from(u32::MAX)) as u32;
            end
        });
        Self { ends: ends.collect() }
    }

    /// The source of the n-th connection: at random, but the same each time.
    pub fn choose(&self, n: u64) -> u32 {
        let hash = murmur2(&n.to_le_bytes());
        let last = self.ends.len().saturating_sub(1);
        self.ends.iter().position(|end| hash < *end).unwrap_or(last) as u32
    }
}

/// Event at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// `TIME_WAIT` is over.
    Free { tuple: u32 },
    /// A request ends on a connection.
    End { connection: u32 },
    /// A connection has been idle for so long, if nobody took it since: if its turn is the same.
    Idle { connection: u32, turn: u64 },
}

#[derive(Clone, Copy, Debug)]
struct Connection {
    tuple: u32,
    worker: u32,
    opened: i64,
    served: u32,
    /// Counts the times that any connection became idle; 0 while it is in use.
    turn: u64,
}

/// Limits of the connection cache in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// `keepalive_timeout` of the upstream.
    pub idle: i64,
    /// `keepalive_time` of the upstream.
    pub life: i64,
}

struct Replay<'s> {
    setup: &'s Setup,
    times: Times,
    ports: u32,
    cliff: u32,
    time_wait: i64,
    events: BinaryHeap<Reverse<(i64, Event)>>,
    used: Vec<u32>,
    tuples: HashMap<(u32, u32), u32>,
    destinations: Vec<u32>,
    connections: Vec<Connection>,
    spare: Vec<u32>,
    /// For each worker the idle connections, oldest first.
    idle: Vec<Vec<u32>>,
    closed: u64,
    turns: u64,
    outcome: Outcome,
}

/// Replays requests that are sorted by their start.
pub fn replay(requests: &[Request], setup: &Setup, sources: &Sources, times: Times) -> Outcome {
    let ports = setup.host.ports();
    #[expect(clippy::cast_possible_truncation, reason = "about a minute")]
    let time_wait = (setup.time_wait() * 1000.0) as i64;
    let mut replay = Replay {
        setup,
        times,
        ports: ports.all,
        cliff: ports.first_parity,
        time_wait,
        events: BinaryHeap::new(),
        used: Vec::new(),
        tuples: HashMap::new(),
        destinations: Vec::new(),
        connections: Vec::new(),
        spare: Vec::new(),
        idle: vec![Vec::new(); setup.workers as usize],
        closed: 0,
        turns: 0,
        outcome: Outcome::default(),
    };
    for (n, request) in requests.iter().enumerate() {
        replay.until(request.start);
        replay.request(n as u64, request, sources);
    }
    replay.outcome.requests = requests.len() as u64;
    replay.outcome
}

impl Replay<'_> {
    fn until(&mut self, now: i64) {
        while let Some(Reverse((at, event))) = self.events.peek().copied()
            && at <= now
        {
            self.events.pop();
            match event {
                Event::Free { tuple } => self.used[tuple as usize] -= 1,
                Event::End { connection } => self.end(at, connection),
                Event::Idle { connection, turn } => self.expire(at, connection, turn),
            }
        }
    }

    fn request(&mut self, n: u64, request: &Request, sources: &Sources) {
        let worker = murmur2(&n.to_be_bytes()) % self.setup.workers;
        let idle = &mut self.idle[worker as usize];
        let known = idle.iter().rposition(|c| {
            self.destinations[self.connections[*c as usize].tuple as usize] == request.destination
        });
        let end = request.start + i64::from(request.duration);
        if let Some(position) = known {
            let connection = idle.remove(position);
            let taken = &mut self.connections[connection as usize];
            (taken.served, taken.turn) = (taken.served + 1, 0);
            self.outcome.reused += 1;
            self.events.push(Reverse((end, Event::End { connection })));
            return;
        }
        let tuple = self.tuple(sources.choose(n), request.destination);
        let used = &mut self.used[tuple as usize];
        if *used >= self.ports {
            self.outcome.failed += 1;
            self.outcome.exhausted_at.get_or_insert(request.start);
            return;
        }
        *used += 1;
        self.outcome.opened += 1;
        if *used > self.outcome.peak {
            (self.outcome.peak, self.outcome.peak_at) = (*used, request.start);
        }
        if *used > self.cliff {
            self.outcome.cliff_at.get_or_insert(request.start);
        }
        let connection = Connection { tuple, worker, opened: request.start, served: 1, turn: 0 };
        let connection = if let Some(spare) = self.spare.pop() {
            self.connections[spare as usize] = connection;
            spare
        } else {
            self.connections.push(connection);
            self.connections.len() as u32 - 1
        };
        self.events.push(Reverse((end, Event::End { connection })));
    }

    fn tuple(&mut self, source: u32, destination: u32) -> u32 {
        *self.tuples.entry((source, destination)).or_insert_with(|| {
            self.used.push(0);
            self.destinations.push(destination);
            self.used.len() as u32 - 1
        })
    }

    fn end(&mut self, now: i64, connection: u32) {
        let c = self.connections[connection as usize];
        let Some(reuse) = self.setup.reuse else {
            return self.close(now, connection, self.setup.active_close);
        };
        if c.served >= reuse.requests || now - c.opened >= self.times.life || reuse.pool == 0 {
            return self.close(now, connection, 1.0);
        }
        let idle = &mut self.idle[c.worker as usize];
        let evicted = (idle.len() >= reuse.pool as usize).then(|| idle.remove(0));
        idle.push(connection);
        self.turns += 1;
        let turn = self.turns;
        self.connections[connection as usize].turn = turn;
        self.events.push(Reverse((now + self.times.idle, Event::Idle { connection, turn })));
        if let Some(evicted) = evicted {
            self.close(now, evicted, 1.0);
        }
    }

    fn expire(&mut self, now: i64, connection: u32, turn: u64) {
        let c = self.connections[connection as usize];
        let idle = &mut self.idle[c.worker as usize];
        if c.turn == turn
            && let Some(position) = idle.iter().position(|other| *other == connection)
        {
            idle.remove(position);
            self.close(now, connection, 1.0);
        }
    }

    /// nginx closes the share `active` of the connections first.
    fn close(&mut self, now: i64, connection: u32, active: f64) {
        let tuple = self.connections[connection as usize].tuple;
        self.spare.push(connection);
        self.closed += 1;
        let chance = f64::from(murmur2(&self.closed.to_le_bytes())) / f64::from(u32::MAX);
        if chance <= active {
            self.events.push(Reverse((now + self.time_wait, Event::Free { tuple })));
        } else {
            self.used[tuple as usize] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::capacity::Reuse;
    use super::super::host::{Fact, Host};
    use super::*;

    fn setup(range: (u16, u16), reuse: Option<Reuse>) -> Setup {
        let host = Host { range: Fact { value: range, is_read: true }, ..Host::default() };
        Setup {
            host,
            sources: 1,
            heaviest_source: 1.0,
            destinations: 1,
            heaviest_destination: 1.0,
            loopback: false,
            reuse,
            active_close: 1.0,
            workers: 1,
            default_requests: 1000,
            session: None,
        }
    }

    const TIMES: Times = Times { idle: 60_000, life: 3_600_000 };

    /// One request each `every` milliseconds, of 5 ms.
    fn steady(count: i64, every: i64) -> Vec<Request> {
        (0..count).map(|n| Request { start: n * every, duration: 5, destination: 0 }).collect()
    }

    #[test]
    fn a_connection_each_exhausts_as_the_model_says() {
        // 64 ports, 2 requests a second: full after 32 s, then 64 each 61 s: 1.05 a second.
        let out = replay(&steady(370, 500), &setup((20_000, 20_063), None), &Sources::new(&[1.0]), TIMES);
        assert_eq!((out.peak, out.exhausted_at, out.cliff_at), (64, Some(32_000), Some(16_000)));
        assert_eq!(out.opened + out.failed, 370);
        assert!((190..=204).contains(&out.opened), "{out:?}");
    }

    #[test]
    fn a_pool_needs_as_many_ports_as_requests_at_once() {
        let reuse = Some(Reuse { pool: 2, requests: 1000 });
        let out = replay(&steady(370, 500), &setup((20_000, 20_063), reuse), &Sources::new(&[1.0]), TIMES);
        assert_eq!((out.opened, out.reused, out.failed, out.peak), (1, 369, 0, 1));
    }

    #[test]
    fn a_pool_of_one_for_two_destinations_is_none() {
        let reuse = Some(Reuse { pool: 1, requests: 1000 });
        let mut requests = steady(100, 500);
        for (n, request) in requests.iter_mut().enumerate() {
            request.destination = n as u32 % 2;
        }
        let out = replay(&requests, &setup((20_000, 20_063), reuse), &Sources::new(&[1.0]), TIMES);
        assert_eq!((out.opened, out.reused), (100, 0));
    }

    #[test]
    fn connections_end_after_their_requests_and_their_idle_time() {
        let reuse = Some(Reuse { pool: 2, requests: 10 });
        let one = Sources::new(&[1.0]);
        assert_eq!(replay(&steady(100, 500), &setup((20_000, 20_063), reuse), &one, TIMES).opened, 10);
        let reuse = Some(Reuse { pool: 2, requests: 1000 });
        let short = Times { idle: 400, ..TIMES };
        assert_eq!(replay(&steady(100, 500), &setup((20_000, 20_199), reuse), &one, short).opened, 100);
        let brief = Times { life: 4_000, ..TIMES };
        // Nine requests begin before a connection is four seconds old at its end.
        assert_eq!(replay(&steady(90, 500), &setup((20_000, 20_063), reuse), &one, brief).opened, 10);
    }

    #[test]
    fn four_sources_have_four_times_the_ports() {
        let four = Sources::new(&[0.25; 4]);
        let out = replay(&steady(256, 10), &setup((20_000, 20_063), None), &four, TIMES);
        assert!(out.opened > 220 && out.failed < 36, "{out:?}");
    }
}
