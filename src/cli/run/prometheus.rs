//! The text that Prometheus reads: one table of metrics, each with its help.

use super::scrape::Scrape;
use crate::cli::metrics::exposition::{self, Family, Metric};
use crate::cli::metrics::kernel::Tuple;
use crate::runtime::BOUNDS;

const METRICS: &[Metric<Scrape>] = &[
    (
        "ngxc_sockets",
        "gauge",
        "Sockets of the network namespace from a source address to a peer, by state.",
        |f, s| {
            for t in &s.tuples {
                t.put_states(&[], f);
            }
        },
    ),
    ("ngxc_ports_total", "gauge", "Local ports that connect() can choose.", |f, s| {
        tuples(f, s, |t| t.total);
    }),
    ("ngxc_ports_left", "gauge", "Local ports that are free.", |f, s| tuples(f, s, |t| t.left)),
    (
        "ngxc_ports_first_parity_left",
        "gauge",
        "Free ports of the parity that connect() tries first; at 0 each call searches half the range in vain.",
        |f, s| tuples(f, s, |t| t.first_parity_left),
    ),
    ("ngxc_connects_total", "counter", "Connections that requests wanted, by what came of it.", |f, s| {
        for (result, n) in &s.connects {
            f.put(&[("result", result)], n);
        }
    }),
    ("ngxc_connections_opened_total", "counter", "Connections opened.", |f, s| {
        for (name, upstream) in &s.counts.upstreams {
            for ((source, peer), n) in &upstream.opened {
                let (src, dst) = (source.to_string(), peer.to_string());
                f.put(&[("upstream", name), ("src", &src), ("dst", &dst)], n);
            }
        }
    }),
    ("ngxc_upstream_connects_total", "counter", "Connections new and reused, by upstream.", |f, s| {
        for u in &s.upstreams {
            f.put(&[("upstream", &u.name), ("result", "new")], u.new);
            f.put(&[("upstream", &u.name), ("result", "reused")], u.reused);
        }
    }),
    ("ngxc_reuse_ratio", "gauge", "Share of the requests that took an idle connection.", |f, s| {
        for u in &s.upstreams {
            if let Some(ratio) = u.reuse_ratio {
                f.put(&[("upstream", &u.name)], ratio);
            }
        }
    }),
    ("ngxc_connect_syscall_seconds", "histogram", "Time that a call of connect() takes.", |f, s| {
        let mut sum = 0;
        for (bound, n) in BOUNDS.iter().zip(s.counts.syscalls) {
            sum += n;
            f.put_as("_bucket", &[("le", &seconds(*bound).to_string())], sum);
        }
        sum += s.counts.syscalls[BOUNDS.len()];
        f.put_as("_bucket", &[("le", "+Inf")], sum);
        f.put_as("_sum", &[], seconds(s.counts.nanoseconds));
        f.put_as("_count", &[], sum);
    }),
    ("ngxc_keepalive_idle", "gauge", "Idle connections, by upstream and worker.", |f, s| {
        for u in &s.upstreams {
            for (worker, n) in u.idle.iter().enumerate() {
                f.put(&[("upstream", &u.name), ("worker", &worker.to_string())], n);
            }
        }
    }),
    (
        "ngxc_keepalive_evicted_total",
        "counter",
        "Idle connections closed to make room for newer ones: `keepalive` is too small.",
        |f, s| {
            for u in &s.upstreams {
                f.put(&[("upstream", &u.name)], u.evicted);
            }
        },
    ),
    (
        "ngxc_split_total",
        "counter",
        "How often a split_clients variable gave a value to proxy_bind.",
        |f, s| {
            for row in &s.split {
                f.put(&[("variable", &row.variable), ("value", &row.value)], row.given);
            }
        },
    ),
    (
        "ngxc_closed_first_total",
        "counter",
        "Connections by who closed first; that side keeps the port in TIME_WAIT.",
        |f, s| {
            f.put(&[("by", "proxy")], s.closed_first.proxy);
            f.put(&[("by", "backend")], s.closed_first.backend);
        },
    ),
];

fn tuples(f: &mut Family<'_>, s: &Scrape, value: fn(&Tuple) -> u32) {
    for t in &s.tuples {
        t.put(&[], &[], value(t), f);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time in seconds needs no more than 53 bits")]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// The whole text.
pub(super) fn text(scrape: &Scrape) -> String {
    exposition::text(METRICS, scrape)
}
