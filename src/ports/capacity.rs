//! The arithmetic of ports.
//!
//! A tuple of source address, destination address and destination port has `P` local ports. A connection holds one
//! while it is open (`L` seconds) and, if this side closed it, for `T` seconds more; `a` is the share that this side
//! closes. So a tuple carries at most `P / (L + a·T)` new connections a second, and half of that before `connect()`
//! gets slow. The heaviest tuple runs out first: with the shares `p` of its source and `q` of its destination the
//! whole carries that divided by `p·q`.

use super::flow::{ClosingSide, Flow, Session};
use super::host::{Host, Ports};
use super::pool::{Concurrency, FITTED, in_bursts};
use crate::model::Config;
use crate::model::core::WorkerProcesses;
use crate::reuse::Verdict;
use crate::version::Version;

/// First version whose `keepalive_requests` is 1000 by default; 100 before.
const THOUSAND_REQUESTS: Version = Version::new(1, 19, 10);

/// Incoming load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Requests a second to this flow.
    pub rate: f64,
    /// Seconds from connecting to the end of the response.
    pub latency: f64,
    /// Requests under way at once; else rate times latency.
    pub concurrency: Option<f64>,
}

impl Load {
    /// Requests under way at once, by Little's law unless it was said.
    pub fn open(&self) -> f64 {
        self.concurrency.unwrap_or(self.rate * self.latency)
    }
}

/// Connections that are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// Idle connections a worker keeps.
    pub pool: u32,
    /// Requests on one connection.
    pub requests: u32,
}

/// Everything that a flow's limits depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Ports and times.
    pub host: Host,
    /// Source addresses.
    pub sources: u32,
    /// Share of the heaviest one.
    pub heaviest_source: f64,
    /// Destinations that need ports.
    pub destinations: u32,
    /// Share of the heaviest one.
    pub heaviest_destination: f64,
    /// Over loopback, where `tcp_tw_reuse` is on by default.
    pub loopback: bool,
    /// `None`: each request opens a connection.
    pub reuse: Option<Reuse>,
    /// Share of the connections that this side closes.
    pub active_close: f64,
    /// Workers, each with a pool of its own.
    pub workers: u32,
    /// Requests that a pool's connections serve before one is added.
    pub default_requests: u32,
    /// Sessions of `stream`, each with a connection of its own; `None`: requests of `http`.
    pub session: Option<Session>,
}

impl Setup {
    /// Setup of a flow by the configuration. `active_close` replaces the worst case where it is a race.
    pub fn new(config: &Config, flow: &Flow<'_>, host: &Host, active_close: Option<f64>) -> Self {
        let pool = flow.upstream.and_then(crate::model::Upstream::pool);
        let requests = flow.upstream.map(|u| u.keepalive.requests.value);
        // A connection that is reused in part or perhaps is counted as not reused: the worst case.
        let reuse = match (flow.verdict, pool, requests) {
            (Verdict::Reused, Some(pool), Some(requests)) => Some(Reuse { pool: pool.size, requests }),
            _ => None,
        };
        let closes = match flow.closer {
            ClosingSide::Nginx => 1.0,
            ClosingSide::Race => active_close.unwrap_or(1.0),
        };
        let default_requests = if config.version >= THOUSAND_REQUESTS { 1000 } else { 100 };
        Self {
            host: host.clone(),
            sources: flow.sources.list.len() as u32,
            heaviest_source: flow.sources.heaviest(),
            destinations: (flow.destinations.iter().filter(|d| d.needs_port()).count() as u32).max(1),
            heaviest_destination: flow.heaviest(),
            loopback: flow.is_loopback(),
            reuse,
            active_close: closes,
            workers: workers(config, host),
            default_requests: requests.unwrap_or(default_requests),
            session: flow.session,
        }
    }

    /// True for sessions of UDP.
    pub fn is_udp(&self) -> bool {
        self.session.is_some_and(|session| session.is_udp)
    }

    /// Ports of one source address: of UDP they are tried in any order.
    pub fn ports(&self) -> Ports {
        let ports = self.host.ports();
        if self.is_udp() { Ports { first_parity: ports.all, ..ports } } else { ports }
    }

    /// Connections that are open at once, idle ones of a pool left out.
    pub fn open(&self, load: &Load) -> f64 {
        let lingers = self.session.map_or(0.0, |session| session.lingers);
        load.concurrency.unwrap_or(load.rate * (load.latency + lingers))
    }

    /// Seconds that a connection holds its port after this side closed it.
    pub fn time_wait(&self) -> f64 {
        if self.is_udp() { 0.0 } else { self.host.time_wait(self.loopback) }
    }

    /// Share of all connections that the heaviest tuple gets. A port of UDP is taken for all destinations.
    pub fn heaviest_tuple(&self) -> f64 {
        if self.is_udp() { self.heaviest_source } else { self.heaviest_source * self.heaviest_destination }
    }

    /// The pool that a load needs in each worker: the requests under way of the busiest, and a quarter more because
    /// their number changes; rounded up to a power of two, which is how people write it.
    pub fn pool_needed(&self, load: &Load) -> u32 {
        let each = self.crowd(load).busiest;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
        let needed = (each * 1.25).ceil().clamp(1.0, 1e6) as u32;
        needed.max(2 * self.destinations).max(16).next_power_of_two()
    }

    /// True if the pool holds what a load has under way, however unevenly the workers share it.
    pub fn pool_suffices(&self, load: &Load) -> bool {
        self.reuse.is_none_or(|reuse| f64::from(reuse.pool) >= self.crowd(load).busiest.min(1e9))
    }

    /// New connections a second that a load opens: what is to be expected while requests keep coming, and at worst, if
    /// they come in bursts.
    pub fn new_connections(&self, load: &Load) -> (f64, f64) {
        let Some(reuse) = self.reuse else { return (load.rate, load.rate) };
        let usual = Concurrency::expected(load.open(), self.workers);
        // Of a load whose requests take no time that was said, as many as are under way at that rate.
        let latency = if load.latency > 0.0 { load.latency } else { load.open() / load.rate.max(1e-9) };
        let shares = [FITTED.steady(reuse.pool, &usual, latency), in_bursts(reuse.pool, &self.crowd(load))];
        let [expected, worst] =
            shares.map(|share| load.rate * (share + (1.0 - share) / f64::from(reuse.requests.max(1))));
        (expected, worst)
    }

    fn crowd(&self, load: &Load) -> Concurrency {
        Concurrency::at_worst(load.open(), self.workers)
    }

    /// Requests that a connection serves under a load at worst, in the mean: in a pool that is too small fewer than allowed.
    fn requests_under(&self, load: &Load) -> f64 {
        let Some(reuse) = self.reuse else { return 1.0 };
        let most = f64::from(reuse.requests.max(1));
        let share = in_bursts(reuse.pool, &self.crowd(load));
        if share > 0.0 { 1.0 / (share + (1.0 - share) / most) } else { most }
    }
}

/// The limits of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Ports of one tuple.
    pub ports: u32,
    /// Number of ports at the cliff.
    pub cliff: u32,
    /// Seconds that a connection holds its port after its request.
    pub hold: f64,
    /// Requests on one connection in the mean; 1 without reuse.
    pub requests: f64,
    /// New connections a second of the whole flow at which the heaviest tuple is full.
    pub hard: f64,
    /// The same for the cliff.
    pub safe: f64,
}

impl Capacity {
    /// The limits of a setup. Latency counts for connections that serve one request; a reused one is open anyway.
    pub fn of(setup: &Setup, load: &Load) -> Self {
        let ports = setup.ports();
        let requests = setup.requests_under(load);
        // nginx closes a connection of a pool itself when it has served enough.
        let active_close = if setup.reuse.is_some() { 1.0 } else { setup.active_close };
        let after = active_close * setup.time_wait();
        let tuple = setup.heaviest_tuple();
        let open =
            if setup.reuse.is_some() || load.concurrency.is_some() { setup.open(load) * tuple } else { 0.0 };
        let lasts = load.latency + setup.session.map_or(0.0, |session| session.lingers);
        let latency = if setup.reuse.is_some() || load.concurrency.is_some() { 0.0 } else { lasts };
        let rate = |ports: u32| {
            let free = f64::from(ports) - open;
            let beside_open = if free <= 0.0 { 0.0 } else { free / (latency + after).max(1e-6) };
            // A load past the limit has more requests under way than the limit lets through.
            let at_limit = match setup.reuse {
                Some(_) if load.concurrency.is_none() => {
                    f64::from(ports) / (requests * load.latency + after).max(1e-6)
                }
                _ => 0.0,
            };
            beside_open.max(at_limit) / tuple
        };
        Self {
            ports: ports.all,
            cliff: ports.first_parity,
            hold: latency + after,
            requests,
            hard: rate(ports.all),
            safe: rate(ports.first_parity),
        }
    }

    /// Requests a second at which the heaviest tuple is full.
    pub fn hard_requests(&self) -> f64 {
        self.hard * self.requests
    }

    /// Requests a second at the cliff.
    pub fn safe_requests(&self) -> f64 {
        self.safe * self.requests
    }
}

/// Outcome of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Below 80 % of the cliff; the head-room as a fraction.
    Fits(f64),
    /// Up to the cliff.
    Tight(f64),
    /// Past the cliff after so many seconds: slow, with an empty error log.
    Cliff(f64),
    /// Full after so many seconds, at the cliff after so many: 502.
    Exhausted {
        /// Seconds until the heaviest tuple is full.
        after: f64,
        /// Seconds until its first parity is.
        cliff: f64,
    },
}

impl Outcome {
    /// True if requests suffer.
    pub fn is_bad(self) -> bool {
        matches!(self, Outcome::Cliff(_) | Outcome::Exhausted { .. })
    }
}

/// Load as a fraction of the safe limit, and what becomes of it.
pub fn outcome(setup: &Setup, load: &Load) -> (f64, Outcome) {
    let capacity = Capacity::of(setup, load);
    let safe = capacity.safe_requests();
    let used = if safe > 0.0 { load.rate / safe } else { f64::INFINITY };
    let tuple = setup.heaviest_tuple();
    let connections = load.rate / capacity.requests * tuple;
    let closes = if setup.reuse.is_some() { 1.0 } else { setup.active_close };
    let reach = |ports: u32| {
        let missing = f64::from(ports) - load.open() * tuple;
        if missing <= 0.0 { 0.0 } else { missing / (connections * closes).max(1e-9) }
    };
    let outcome = if load.rate > capacity.hard_requests() {
        Outcome::Exhausted { after: reach(capacity.ports), cliff: reach(capacity.cliff) }
    } else if used > 1.0 {
        Outcome::Cliff(reach(capacity.cliff))
    } else if used > 0.8 {
        Outcome::Tight(1.0 - used)
    } else {
        Outcome::Fits(1.0 - used)
    };
    (used, outcome)
}

/// Worker processes: at least one.
pub fn workers(config: &Config, host: &Host) -> u32 {
    match config.core.worker_processes.value {
        WorkerProcesses::Auto => host.cpus.value.max(1),
        WorkerProcesses::Count(n) => n.max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::sysctl::Sysctls;

    fn setup(sysctls: &str) -> Setup {
        Setup {
            host: Host::read(&Sysctls::parse(sysctls)).unwrap(),
            sources: 1,
            heaviest_source: 1.0,
            destinations: 1,
            heaviest_destination: 1.0,
            loopback: false,
            reuse: None,
            active_close: 1.0,
            workers: 1,
            default_requests: 1000,
            session: None,
        }
    }

    const TINY: &str = "net.ipv4.ip_local_port_range=20000 20063\n";

    #[test]
    fn limits_that_were_measured() {
        // Counts on Linux 6.18 with nginx 1.22.1 and 1.31.5: new connections a second, hard and safe.
        let with = |sysctls: &str, sources: f64, destinations: f64| Setup {
            heaviest_source: 1.0 / sources,
            heaviest_destination: 1.0 / destinations,
            ..setup(sysctls)
        };
        let reuse = "net.ipv4.tcp_tw_reuse=1";
        let cases: &[(&str, Setup, f64, f64)] = &[
            ("default range", with("", 1.0, 1.0), 462.8, 231.4),
            ("15000-65000", with("net.ipv4.ip_local_port_range=15000 65000", 1.0, 1.0), 819.7, 409.8),
            ("1024-65000", with("net.ipv4.ip_local_port_range=1024 65000", 1.0, 1.0), 1048.8, 524.4),
            ("tw_reuse", with(reuse, 1.0, 1.0), 28_232.0, 14_116.0),
            ("64 ports: 202 connections in 185 s", with(TINY, 1.0, 1.0), 1.049, 0.525),
            ("64 ports, tw_reuse: 64 each second", with(&format!("{TINY}{reuse}"), 1.0, 1.0), 64.0, 32.0),
            ("four sources", with(TINY, 4.0, 1.0), 4.197, 2.098),
            ("four sources, two destinations", with(TINY, 4.0, 2.0), 8.393, 4.197),
            ("ten sources, two destinations", with("", 10.0, 2.0), 9256.0, 4628.0),
        ];
        for (name, setup, hard, safe) in cases {
            let capacity = Capacity::of(setup, &Load::default());
            assert!((capacity.hard / hard - 1.0).abs() < 1e-3, "{name}: {capacity:?}");
            assert!((capacity.safe / safe - 1.0).abs() < 1e-3, "{name}: {capacity:?}");
        }
    }

    #[test]
    fn pools_multiply_by_the_requests_on_a_connection() {
        let mut pooled = setup("");
        pooled.reuse = Some(Reuse { pool: 128, requests: 1000 });
        pooled.workers = 4;
        let load = Load { rate: 3000.0, latency: 0.04, concurrency: Some(200.0) };
        let capacity = Capacity::of(&pooled, &load);
        assert!((capacity.safe_requests() - 228_131.0).abs() < 1.0, "{capacity:?}");
        assert!(matches!(outcome(&pooled, &load).1, Outcome::Fits(_)));
        // 50 in each of four workers, and 50 more in the busiest.
        assert_eq!(pooled.pool_needed(&load), 128);
        // A pool below the requests under way in a worker makes connections serve few requests.
        pooled.reuse = Some(Reuse { pool: 32, requests: 1000 });
        assert!(!pooled.pool_suffices(&load));
        let (expected, worst) = pooled.new_connections(&load);
        assert!((Capacity::of(&pooled, &load).requests - load.rate / worst).abs() < 1e-9);
        assert!(expected > 3.0 && expected < worst && worst < 3000.0, "{expected} {worst}");
    }

    #[test]
    fn time_until_it_hurts() {
        let mut two = setup("");
        two.heaviest_destination = 0.5;
        let load = Load { rate: 3000.0, ..Load::default() };
        let (used, Outcome::Exhausted { after, cliff }) = outcome(&two, &load) else { panic!() };
        assert!((used - 6.482).abs() < 0.01, "{used}");
        assert!((after - 18.82).abs() < 0.01 && (cliff - 9.41).abs() < 0.01, "{after} {cliff}");
        for (rate, expected) in [(300.0, "Fits"), (400.0, "Tight"), (500.0, "Cliff"), (1000.0, "Exhausted")] {
            let (_, outcome) = outcome(&two, &Load { rate, ..load });
            assert!(format!("{outcome:?}").starts_with(expected), "{rate}: {outcome:?}");
        }
    }

    #[test]
    fn concurrency_alone_can_be_too_much() {
        let tiny = setup(TINY);
        let load = Load { rate: 0.1, latency: 0.0, concurrency: Some(100.0) };
        assert!(matches!(outcome(&tiny, &load).1, Outcome::Exhausted { after, .. } if after == 0.0));
    }
}
