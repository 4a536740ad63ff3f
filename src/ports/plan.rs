//! The plan: what becomes of a load as configured and with each remedy, and how much of a remedy is needed.

use std::fmt::Write as _;

use super::capacity::{Capacity, Load, Outcome, Setup, outcome};
use super::change::Change;
use super::flow::Flow;

/// The name of the first row.
pub const AS_CONFIGURED: &str = "as configured";

/// One line of the verdict table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the setup: its changed numbers in words, or [`AS_CONFIGURED`].
    pub name: String,
    /// The limits.
    pub capacity: Capacity,
    /// The load as a fraction of the safe limit.
    pub used: f64,
    /// The outcome under the load.
    pub outcome: Outcome,
    /// The pool has to be this large for its connections to be used again.
    pub pool_needed: Option<u32>,
}

/// A row for a setup.
pub fn row(name: impl Into<String>, setup: &Setup, load: &Load) -> Row {
    let (used, outcome) = outcome(setup, load);
    Row {
        name: name.into(),
        capacity: Capacity::of(setup, load),
        used,
        outcome,
        pool_needed: (!setup.pool_suffices(load)).then(|| setup.pool_needed(load)),
    }
}

/// The verdict table.
pub fn rows(setup: &Setup, load: &Load) -> Vec<Row> {
    setups(setup, load).iter().map(|(name, setup)| row(name, setup, load)).collect()
}

/// The configuration as it is, without the remedies that it has, and with each that it has not.
pub fn setups(setup: &Setup, load: &Load) -> Vec<(String, Setup)> {
    let with = |name: String, changes: &[Change]| {
        let mut changed = setup.clone();
        for change in changes {
            change.apply(&mut changed);
        }
        (name, changed)
    };
    let mut rows = vec![(AS_CONFIGURED.to_owned(), setup.clone())];
    if setup.reuse.is_some() {
        rows.push(with("without keepalive".to_owned(), &[Change::Keepalive(0)]));
    }
    if setup.sources > 1 {
        rows.push(with("one source address".to_owned(), &[Change::Sources(1)]));
    }
    let pool = setup.pool_needed(load);
    if setup.session.is_none() && setup.reuse.is_none_or(|reuse| reuse.pool < pool) {
        rows.push(with(format!("keepalive {pool}"), &[Change::Keepalive(pool)]));
    }
    if setup.reuse.is_some_and(|r| r.requests < 1000) {
        rows.push(with("keepalive_requests 1000".to_owned(), &[Change::KeepaliveRequests(1000)]));
    }
    if setup.host.range.value.0 > 15_000 {
        rows.push(with("ports 15000-65000".to_owned(), &[Change::Range((15_000, 65_000))]));
    }
    for sources in [4, 10] {
        if setup.sources < sources {
            rows.push(with(format!("{sources} source addresses"), &[Change::Sources(sources)]));
        }
    }
    if setup.host.timestamps.value != 0 && setup.time_wait() > 1.0 {
        rows.push(with("tcp_tw_reuse=1".to_owned(), &[Change::TwReuse(1)]));
    }
    rows
}

/// Ports that the heaviest tuple has in use in steady state.
pub fn ports_in_use(setup: &Setup, load: &Load) -> f64 {
    let capacity = Capacity::of(setup, load);
    let connections = load.rate / capacity.requests;
    // Of connections that serve one request the latency is in `hold` unless the concurrency was said.
    let open = if setup.reuse.is_some() || load.concurrency.is_some() { setup.open(load) } else { 0.0 };
    (connections * capacity.hold + open) * setup.heaviest_tuple()
}

/// The number that is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unknown {
    /// The size of the pool.
    Keepalive,
    /// The number of source addresses.
    Sources,
    /// The port range.
    Range,
}

/// The least that keeps a load below the cliff.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Solution {
    /// The change that suffices.
    Change(Change),
    /// Nothing has to change.
    Enough,
    /// No value suffices; why, and what would.
    Impossible(String),
}

/// Solves for one number.
pub fn solve(setup: &Setup, load: &Load, unknown: Unknown) -> Solution {
    let fits = |setup: &Setup| outcome(setup, load).0 <= 1.0 && setup.pool_suffices(load);
    if fits(setup) {
        return Solution::Enough;
    }
    match unknown {
        Unknown::Keepalive if setup.session.is_some() => Solution::Impossible(
            "a connection of `stream` serves one session: no pool can keep it".to_owned(),
        ),
        Unknown::Keepalive => {
            let change = Change::Keepalive(setup.pool_needed(load));
            let mut changed = setup.clone();
            change.apply(&mut changed);
            if fits(&changed) {
                return Solution::Change(change);
            }
            Solution::Impossible(format!(
                "even `{}` with {:.1} requests on each connection needs {:.0} ports of {}",
                show(&change),
                Capacity::of(&changed, load).requests,
                ports_in_use(&changed, load),
                setup.ports().first_parity
            ))
        }
        Unknown::Sources => {
            let mut one = setup.clone();
            Change::Sources(1).apply(&mut one);
            let each = f64::from(setup.ports().first_parity.max(1));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            let sources = (ports_in_use(&one, load) / each).ceil().clamp(1.0, 1e6) as u32;
            if sources > 65_535 {
                return Solution::Impossible(format!(
                    "{sources} addresses would be needed: reuse connections"
                ));
            }
            Solution::Change(Change::Sources(sources))
        }
        Unknown::Range => {
            let needed = ports_in_use(setup, load) * 2.0;
            let taken = setup.host.reserved.value.len() + setup.host.exposed().len();
            if needed + taken_ports(taken) > 64_512.0 {
                return Solution::Impossible(format!(
                    "{needed:.0} ports would be needed of one address to one destination, and 1024-65535 has 64512"
                ));
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 64512")]
            let size = (needed + taken_ports(taken)).ceil() as u32;
            // Even sizes only: a search of an odd range leaves out one port.
            let size = size + size % 2;
            let last = if size <= 65_000 - 1024 { 65_000 } else { 65_535 };
            Solution::Change(Change::Range(((last + 1 - size) as u16, last as u16)))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
fn taken_ports(n: usize) -> f64 {
    n as f64
}

/// A change as it is written.
pub fn show(change: &Change) -> String {
    match change {
        Change::Keepalive(n) => format!("keepalive {n}"),
        Change::KeepaliveRequests(n) => format!("keepalive_requests {n}"),
        Change::Range((first, last)) => format!("ports {first}-{last}"),
        Change::Reserved(_) => "other reserved ports".to_owned(),
        Change::Sources(1) => "one source address".to_owned(),
        Change::Sources(n) => format!("{n} source addresses"),
        Change::Destinations(n) => format!("{n} destinations"),
        Change::TwReuse(n) => format!("tcp_tw_reuse={n}"),
        Change::Workers(n) => format!("{n} workers"),
    }
}

/// The lines of the configuration that share connections over so many source addresses, with documentation
/// addresses in place of the host's own. `stream` has no `$request_id`: the client's address and port tell its sessions apart.
pub fn split_block(sources: u32, is_stream: bool) -> String {
    let sources = sources.clamp(1, 100);
    let each = 10_000 / sources;
    let key = if is_stream { r#""$remote_addr$remote_port""# } else { "$request_id" };
    let mut out = format!("split_clients {key} $source {{\n");
    for i in 1..sources {
        let _ = writeln!(out, "    {}.{:02}% 192.0.2.{i};", each / 100, each % 100);
    }
    let _ = writeln!(out, "    * 192.0.2.{sources};\n}}\nproxy_bind $source;");
    out
}

/// True if the connections of a flow use no ports: those to unix sockets.
pub fn needs_none(flow: &Flow<'_>) -> bool {
    flow.is_unix()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Host;
    use crate::ports::capacity::Reuse;

    fn setup() -> Setup {
        Setup {
            host: Host::default(),
            sources: 1,
            heaviest_source: 1.0,
            destinations: 2,
            heaviest_destination: 0.5,
            loopback: false,
            reuse: None,
            active_close: 1.0,
            workers: 4,
            default_requests: 1000,
            session: None,
        }
    }

    const LOAD: Load = Load { rate: 3000.0, latency: 0.04, concurrency: Some(200.0) };

    #[test]
    fn every_solution_fits_and_a_little_less_does_not() {
        for unknown in [Unknown::Keepalive, Unknown::Sources] {
            let Solution::Change(change) = solve(&setup(), &LOAD, unknown) else { panic!("{unknown:?}") };
            let mut changed = setup();
            change.apply(&mut changed);
            assert!(outcome(&changed, &LOAD).0 <= 1.0, "{change:?}");
            if let Change::Sources(n) = change {
                Change::Sources(n - 1).apply(&mut changed);
                assert!(outcome(&changed, &LOAD).0 > 1.0, "{change:?} is more than needed");
            }
        }
        let load = Load { rate: 800.0, ..Load::default() };
        let Solution::Change(Change::Range(range)) = solve(&setup(), &load, Unknown::Range) else { panic!() };
        let mut changed = setup();
        Change::Range(range).apply(&mut changed);
        assert!((0.99..=1.0).contains(&outcome(&changed, &load).0), "{range:?}");
        assert!(matches!(solve(&setup(), &LOAD, Unknown::Range), Solution::Impossible(_)));
        let small = Load { rate: 10.0, ..Load::default() };
        assert_eq!(solve(&setup(), &small, Unknown::Sources), Solution::Enough);
    }

    #[test]
    fn each_remedy_has_its_row() {
        let names = |setup: &Setup| rows(setup, &LOAD).into_iter().map(|r| r.name).collect::<Vec<_>>();
        assert_eq!(
            names(&setup()),
            [
                "as configured",
                "keepalive 128",
                "ports 15000-65000",
                "4 source addresses",
                "10 source addresses",
                "tcp_tw_reuse=1"
            ]
        );
        let mut pooled = setup();
        pooled.reuse = Some(Reuse { pool: 64, requests: 100 });
        assert_eq!(names(&pooled)[1], "without keepalive");
        assert!(names(&pooled).contains(&"keepalive_requests 1000".to_owned()));
    }
}
