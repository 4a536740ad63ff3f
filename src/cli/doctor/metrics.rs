//! `ngxc doctor --metrics`: ports and connections of a running nginx for Prometheus. Reads, never changes anything.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::input::Input;
use super::super::metrics::exposition::{self, Family, Metric};
use super::super::metrics::kernel::{Kernel, Tuple};
use super::super::metrics::server::{self, PROMETHEUS};
use super::super::{Failure, log_format, note};
use super::follow::Follower;
use super::peers::Peers;
use crate::model::Config;
use crate::ports::counters::Counters;
use crate::ports::trace::Trace;
use crate::syntax::Configuration;

/// Rates are those of at least this long.
const STEP: Duration = Duration::from_secs(1);

/// Peers that the configuration does not name are shown from this share of the ports on.
const FOREIGN: u32 = 10;

const METRICS: &[Metric<MetricsSnapshot>] = &[
    ("ngxc_nginx_info", "gauge", "Always 1; the nginx that the configuration is judged for.", |f, look| {
        f.put(&[("nginx", &look.nginx)], 1);
    }),
    (
        "ngxc_sockets",
        "gauge",
        "Sockets of the network namespace from a source address to a peer, by state.",
        |f, look| {
            for (upstream, tuple) in &look.tuples {
                tuple.put_states(&[("upstream", upstream)], f);
            }
        },
    ),
    ("ngxc_ports_total", "gauge", "Local ports that connect() can choose.", |f, look| {
        tuples(f, look, |t| t.total.into());
    }),
    ("ngxc_ports_left", "gauge", "Local ports that are free.", |f, look| tuples(f, look, |t| t.left.into())),
    (
        "ngxc_ports_first_parity_left",
        "gauge",
        "Free ports of the parity that connect() tries first; at 0 each call searches half the range in vain.",
        |f, look| tuples(f, look, |t| t.first_parity_left.into()),
    ),
    (
        "ngxc_ports_cliff",
        "gauge",
        "Ports in use from which on connect() is slow, with an empty error log.",
        |f, look| tuples(f, look, |t| t.cliff.unwrap_or(t.total).into()),
    ),
    ("ngxc_port_held_seconds", "gauge", "For how long a port stays in TIME_WAIT.", |f, look| {
        tuples(f, look, |t| t.held);
    }),
    (
        "ngxc_connections_closed_per_second",
        "gauge",
        "Connections a second that this host closes, as its sockets in TIME_WAIT tell: one of 61 s each.",
        |f, look| tuples(f, look, |t| f64::from(t.time_wait) / crate::ports::host::TIME_WAIT),
    ),
    (
        "ngxc_active_opens_total",
        "counter",
        "Connections that programs of the network namespace opened (TcpActiveOpens): nginx, and whoever is there too.",
        |f, look| f.put(&[], look.active_opens),
    ),
    ("ngxc_new_connections_per_second", "gauge", "The same a second, since the look before.", |f, look| {
        if let Some(rates) = &look.rates {
            f.put(&[], rates.opened);
        }
    }),
    (
        "ngxc_upstream_requests_total",
        "counter",
        "Requests passed to peers, counted in the access log since this program began to look.",
        |f, look| {
            for (upstream, n) in look.requests.iter().flatten() {
                f.put(&[("upstream", upstream)], n);
            }
        },
    ),
    (
        "ngxc_reuse_ratio",
        "gauge",
        "Share of those requests that took an idle connection, since the look before.",
        |f, look| {
            if let Some(ratio) = look.rates.as_ref().and_then(|rates| rates.reuse) {
                f.put(&[], ratio);
            }
        },
    ),
    (
        "ngxc_keepalive_size",
        "gauge",
        "Idle connections that each worker keeps, by upstream; 0: none.",
        |f, look| {
            for (upstream, size) in &look.pools {
                f.put(&[("upstream", upstream)], size);
            }
        },
    ),
    (
        "ngxc_time_wait_overflow_total",
        "counter",
        "Sockets in TIME_WAIT that the kernel dropped because there were too many.",
        |f, look| f.put(&[], look.overflow),
    ),
];

fn tuples(f: &mut Family<'_>, look: &MetricsSnapshot, value: fn(&Tuple) -> f64) {
    for (upstream, tuple) in &look.tuples {
        tuple.put(&[("upstream", upstream)], &[], value(tuple), f);
    }
}

/// The same with ports in `TIME_WAIT` counted as free where they are used again after a second (`tcp_tw_reuse`): as the
/// diagnosis counts them.
fn usable(mut tuple: Tuple) -> Tuple {
    if tuple.held <= 1.0 {
        tuple.used -= tuple.time_wait.min(tuple.used);
        tuple.left = tuple.total.saturating_sub(tuple.used);
        let first = tuple.cliff.unwrap_or(tuple.total).saturating_sub(tuple.used);
        tuple.first_parity_left = tuple.first_parity_left.max(first);
    }
    tuple
}

/// Values that are served at one moment.
struct MetricsSnapshot {
    nginx: String,
    /// Upstream, empty if the configuration names no such peer.
    tuples: Vec<(String, Tuple)>,
    pools: Vec<(String, u32)>,
    active_opens: i64,
    overflow: i64,
    /// Requests by upstream; `None` without an access log that names peers.
    requests: Option<Vec<(String, u64)>>,
    rates: Option<Rates>,
}

/// Events since the look before.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rates {
    /// Connections a second.
    opened: f64,
    /// Share of the requests that opened none; `None` without requests.
    reuse: Option<f64>,
}

/// Values that are kept from one look to the next.
struct MetricsState {
    peers: Peers,
    follower: Option<Follower>,
    last: (Instant, i64, u64),
    rates: Option<Rates>,
}

struct Site {
    nginx: String,
    kernel: Kernel,
    state: Mutex<MetricsState>,
}

impl server::Site for Site {
    const PATHS: &'static str = "/metrics";

    fn get(&self, path: &str) -> Option<(&'static str, String)> {
        (path == "/metrics").then(|| (PROMETHEUS, exposition::text(METRICS, &self.look())))
    }
}

impl Site {
    fn look(&self) -> MetricsSnapshot {
        let (host, sockets) = self.kernel.read();
        let (active_opens, overflow) = counters(&self.kernel);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.peers.refresh();
        if let Some(follower) = &mut state.follower {
            follower.read();
        }
        let requests = state.requests();
        let sum = requests.iter().flatten().map(|(_, n)| n).sum();
        state.rate(active_opens, sum);
        let ports = host.ports();
        let tuples = sockets.outgoing.iter().filter_map(|(&(source, peer), uses)| {
            let upstream = state.peers.upstream(peer).map(str::to_owned);
            let is_large = uses.total().saturating_mul(100) >= ports.all.saturating_mul(FOREIGN);
            let upstream = upstream.or_else(|| is_large.then(String::new))?;
            Some((upstream, usable(Tuple::new((source, peer), 0, *uses, &host, ports))))
        });
        MetricsSnapshot {
            nginx: self.nginx.clone(),
            tuples: tuples.collect(),
            pools: state.peers.pools.clone(),
            active_opens,
            overflow,
            requests,
            rates: state.rates,
        }
    }
}

impl MetricsState {
    /// Requests by upstream; those to peers that the configuration does not name have an empty one.
    fn requests(&self) -> Option<Vec<(String, u64)>> {
        let follower = self.follower.as_ref()?;
        let mut sums: Vec<(String, u64)> = Vec::new();
        for (peer, n) in &follower.requests {
            let known = peer.parse().ok().and_then(|peer| self.peers.upstream(peer));
            let name = known.unwrap_or_default();
            match sums.iter_mut().find(|(upstream, _)| upstream == name) {
                Some((_, sum)) => *sum += n,
                None => sums.push((name.to_owned(), *n)),
            }
        }
        Some(sums)
    }

    fn rate(&mut self, opens: i64, requests: u64) {
        let (at, opens_then, requests_then) = self.last;
        let elapsed = at.elapsed();
        if elapsed >= STEP {
            self.rates = Some(rates(elapsed, opens - opens_then, requests.saturating_sub(requests_then)));
            self.last = (Instant::now(), opens, requests);
        }
    }
}

/// Rate per second of so many connections for so many requests. A counter that began again says nothing.
#[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 53 bits")]
fn rates(elapsed: Duration, opened: i64, requests: u64) -> Rates {
    let (opened, requests) = (opened.max(0) as f64, requests as f64);
    let reuse = (requests > 0.0).then(|| (1.0 - opened / requests).max(0.0));
    Rates { opened: opened / elapsed.as_secs_f64(), reuse }
}

/// `TcpActiveOpens` and `TCPTimeWaitOverflow`.
fn counters(kernel: &Kernel) -> (i64, i64) {
    let opens = Counters::parse(&kernel.file("net/snmp")).get("Tcp.ActiveOpens");
    (opens, Counters::parse(&kernel.file("net/netstat")).get("TcpExt.TCPTimeWaitOverflow"))
}

/// Subject of the metrics.
pub(super) struct MetricsSubject<'a> {
    pub(super) place: SocketAddr,
    pub(super) input: Input,
    pub(super) configuration: &'a Configuration,
    pub(super) config: &'a Config,
    /// Judged nginx, in words.
    pub(super) nginx: String,
    pub(super) pid: Option<u32>,
    /// The access log, if there is one, and the name of its `log_format`.
    pub(super) access_log: Option<PathBuf>,
    pub(super) log_format: Option<&'a str>,
}

/// Serves until the process is ended by a signal.
pub(super) fn serve(served: MetricsSubject<'_>) -> Result<std::convert::Infallible, Failure> {
    let kernel = Kernel::of(served.pid);
    match kernel.namespace.remark() {
        Some(remark) if !kernel.namespace.is_open() => return Err(Failure::new(remark)),
        Some(remark) => note(&format!("metrics: {remark}")),
        None => {}
    }
    if kernel.file("net/tcp").is_empty() {
        return Err(Failure::new("cannot read the sockets of this network namespace")
            .help("`--pid` names a process whose `/proc/PID/net/tcp` can be read"));
    }
    let follower = follower(&served)?;
    let last = (Instant::now(), counters(&kernel).0, 0);
    let peers = Peers::new(served.input, served.configuration, served.config);
    let state = Mutex::new(MetricsState { peers, follower, last, rates: None });
    let address = server::serve(served.place, Site { nginx: served.nginx, kernel, state })?;
    note(&format!("metrics: http://{address}/metrics"));
    loop {
        std::thread::park();
    }
}

/// The access log if it tells peers and times.
fn follower(served: &MetricsSubject<'_>) -> Result<Option<Follower>, Failure> {
    let Some(path) = served.access_log.clone() else {
        note("metrics: no access log, so no requests and no reuse: `--access-log` names one");
        return Ok(None);
    };
    let format = log_format::choose(served.config, served.log_format, log_format::written(served.config))?;
    let missing = match Trace::new(served.config, format) {
        Ok(trace) if trace.has_peers() => return Ok(Some(Follower::new(path, trace))),
        Ok(_) => "$upstream_addr",
        Err(missing) => missing,
    };
    note(&format!(
        "metrics: the log_format `{}` has no `{missing}`, so no requests and no reuse",
        format.name
    ));
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_two_looks() {
        let two = Duration::from_secs(2);
        assert_eq!(rates(two, 10, 100), Rates { opened: 5.0, reuse: Some(0.9) });
        // More connections than requests: other programs, or no reuse at all.
        assert_eq!(rates(two, 100, 10), Rates { opened: 50.0, reuse: Some(0.0) });
        assert_eq!(rates(two, 3, 0), Rates { opened: 1.5, reuse: None });
        assert_eq!(rates(two, -7, 0), Rates { opened: 0.0, reuse: None });
    }
}
