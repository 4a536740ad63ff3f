//! Findings from the kernel's settings and counters.

use super::{Case, Finding, Severity};
use crate::model::Endpoint;
use crate::model::proxy::Bind;
use crate::version::Version;

/// `IP_BIND_ADDRESS_NO_PORT` is set since this nginx, and known since Linux 4.2.
const BINDS_WITHOUT_PORT: Version = Version::new(1, 11, 4);

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    exposed(case, found);
    settings(case, found);
    tracking(case, found);
    old_bind(case, found);
}

/// Listening ports, and ports of peers on this host, that an outgoing connection can take.
fn exposed(case: &Case<'_>, found: &mut Vec<Finding>) {
    let host = &case.evidence.host;
    let (first, last) = host.range.value;
    let listening = host.exposed();
    if !listening.is_empty() {
        let list = numbers(&listening);
        found.push(
            Finding::new(
                "listening-in-range",
                Severity::Warning,
                format!("net.ipv4.ip_local_port_range {first} {last} contains listening ports: {list}"),
            )
            .seen(
                "while the server is down one outgoing connection on the port, even in TIME_WAIT, keeps it from starting: \
                 bind() failed (98: Address already in use)",
            )
            .remedy(reserve(case, &listening)),
        );
    }
    let mut local = Vec::new();
    for flow in case.flows {
        for destination in flow.destinations.iter().filter(|d| d.is_loopback()) {
            let port = match &destination.endpoint {
                Endpoint::Inet(address) => address.port(),
                Endpoint::Name(_, port) => *port,
                Endpoint::Unix(_) => continue,
            };
            if (first..=last).contains(&port) && !host.is_reserved(port) && !local.contains(&port) {
                local.push(port);
            }
        }
    }
    if !local.is_empty() {
        found.push(
            Finding::new(
                "peer-in-range",
                Severity::Warning,
                format!("peers on this host have ports inside the range: {}", numbers(&local)),
            )
            .seen("while such a peer is down connect() can choose its port and connect to itself; then it cannot start")
            .remedy(reserve(case, &local)),
        );
    }
}

fn numbers(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}

/// The setting that sets ports apart, with those that are already.
fn reserve(case: &Case<'_>, ports: &[u16]) -> String {
    let known = case.evidence.host.reserved.value.iter().map(|r| crate::ports::host::show_range(*r));
    let all: Vec<String> = known.chain(ports.iter().map(u16::to_string)).collect();
    format!("net.ipv4.ip_local_reserved_ports = {}", all.join(","))
}

fn settings(case: &Case<'_>, found: &mut Vec<Finding>) {
    let host = &case.evidence.host;
    if host.tw_reuse.value == 1 && host.timestamps.value == 0 {
        found.push(
            Finding::new(
                "reuse-without-timestamps",
                Severity::Warning,
                "tcp_tw_reuse=1 does nothing while tcp_timestamps=0",
            )
            .remedy("net.ipv4.tcp_timestamps = 1"),
        );
    }
    if host.fin_timeout.is_read && host.fin_timeout.value != 60 {
        found.push(Finding::new(
            "fin-timeout",
            Severity::Info,
            format!(
                "tcp_fin_timeout={} has no effect on TIME_WAIT: it is for peers that never close their side",
                host.fin_timeout.value
            ),
        ));
    }
    let Some(counters) = &case.evidence.counters else { return };
    let overflow = counters.get("TcpExt.TCPTimeWaitOverflow");
    if overflow > 0 {
        found.push(
            Finding::new(
                "time-wait-overflow",
                Severity::Info,
                format!(
                    "the kernel destroyed {overflow} sockets in TIME_WAIT early (tcp_max_tw_buckets={})",
                    host.max_tw_buckets.value
                ),
            )
            .seen("that hides a shortage of ports: raising the setting would expose it"),
        );
    }
}

/// Connection tracking has a table of its own, which is full without errno 99.
fn tracking(case: &Case<'_>, found: &mut Vec<Finding>) {
    let number = |name: &str| case.evidence.sysctls.get(name).and_then(|t| t.parse::<f64>().ok());
    let count = number("net.netfilter.nf_conntrack_count");
    let most = number("net.netfilter.nf_conntrack_max");
    if let (Some(count), Some(most)) = (count, most)
        && most > 0.0
        && count / most >= 0.8
    {
        let severity = if count / most >= 0.95 { Severity::Critical } else { Severity::Warning };
        let mut finding = Finding::new(
            "conntrack-full",
            severity,
            format!("connection tracking is {:.0} % full: {count:.0} of {most:.0}", 100.0 * count / most),
        )
        .seen("a full table drops packets: nginx sees timeouts, not errno 99")
        .seen("the limit is the one of the whole machine: in a container the setting can only be read")
        .remedy("reuse connections; net.netfilter.nf_conntrack_max; shorter nf_conntrack_tcp_timeout_time_wait (120 s)");
        finding.commands.push(format!("sysctl -w net.netfilter.nf_conntrack_max={:.0}", most * 2.0));
        found.push(finding);
    }
    if case.evidence.insert_failed > 0 {
        found.push(
            Finding::new(
                "conntrack-insert-failed",
                Severity::Warning,
                format!("connection tracking failed to insert {} connections", case.evidence.insert_failed),
            )
            .seen("two connections were given one port by address translation: the packet is dropped, a second is lost")
            .remedy("reuse connections; iptables … MASQUERADE --random-fully"),
        );
    }
}

/// Binding an address reserves its port for all destinations where `IP_BIND_ADDRESS_NO_PORT` is missing.
fn old_bind(case: &Case<'_>, found: &mut Vec<Finding>) {
    let old_kernel = case.evidence.kernel.is_some_and(|kernel| kernel < (4, 2));
    if case.config.version >= BINDS_WITHOUT_PORT && !old_kernel {
        return;
    }
    let bound =
        case.config.http.locations().map(|(_, l)| &l.settings.proxy.bind).find(|b| b.value != Bind::Off);
    if let Some(bind) = bound {
        let mut finding = Finding::new(
            "bind-reserves-ports",
            Severity::Critical,
            "proxy_bind reserves a port for all destinations at once",
        )
        .seen("nginx before 1.11.4, or Linux before 4.2: no IP_BIND_ADDRESS_NO_PORT")
        .remedy("run nginx 1.11.4 or newer on Linux 4.2 or newer");
        finding.fault = bind.origin.span().map(|span| (span, "proxy_bind".to_owned()));
        found.push(finding);
    }
}
