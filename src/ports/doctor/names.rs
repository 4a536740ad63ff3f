//! Names of findings, each with its meaning: for `ngxc explain` and for the table of docs/doctor.md.

use super::Severity;
use crate::ports::signal::{Meaning, Weight, meanings};

/// A finding as it is explained.
#[derive(Clone, Copy, Debug)]
pub struct NamedFinding {
    /// The stable name.
    pub name: &'static str,
    /// Severity, in words.
    pub severity: &'static str,
    /// The evidence that it comes from.
    pub seen_in: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The kind of message that it is, if it comes from the error log alone.
    pub meaning: Option<&'static Meaning>,
    /// Importance, where no message says it.
    pub cause: &'static str,
    /// Remedy, where no message says it.
    pub remedy: &'static str,
}

const fn of(
    name: &'static str,
    severity: &'static str,
    seen_in: &'static str,
    summary: &'static str,
    cause: &'static str,
    remedy: &'static str,
) -> NamedFinding {
    NamedFinding { name, severity, seen_in, summary, meaning: None, cause, remedy }
}

const LOGS: &str = "access log";
const SOCKETS: &str = "sockets";
const SETTINGS: &str = "settings";
const CONFIGURATION: &str = "configuration";

/// The diff that doctor prints for connections that are not used again.
const REUSE: &str = "the patch that doctor prints: an `upstream` block with `keepalive`, HTTP/1.1 and an empty `Connection` header; how many requests the ports carry without it: `ngxc ports`";

/// Findings that are no single message of the error log.
const MORE: &[NamedFinding] = &[
    of(
        "closed-while-kept",
        "warning",
        "error log",
        "peers closed connections that nginx had kept",
        "nginx keeps an idle connection for longer (`keepalive_timeout` of the upstream) than the peer does: the peer closes it while a request is on its way",
        "the patch that doctor prints: `keepalive_timeout` below the peer's own idle time",
    ),
    of(
        "listen-queue-full",
        "warning",
        "error log and counters",
        "the listen queue of a peer on this host is full",
        "connections to a peer on this host time out, and listen queues of this host were full (TcpExt.ListenOverflows)",
        "more workers of the peer, or a longer queue: its backlog, and net.core.somaxconn, which bounds it",
    ),
    of(
        "burst-of-errors",
        "warning",
        LOGS,
        "seconds in which more than a tenth failed, of all requests or of one peer",
        "the error log of the same seconds says why; doctor joins both in time",
        "read the finding that names the cause",
    ),
    of(
        "answered-500",
        "warning",
        LOGS,
        "requests were answered 500, few of them",
        "nginx answers 500 by itself when bind() fails; an application answers 500 too",
        "the error log of that time says why",
    ),
    of(
        "answered-5xx",
        "warning; info if the peers answered so",
        LOGS,
        "requests were answered 5xx, few of them",
        "nginx itself, or a peer, failed",
        "the error log of that time says why",
    ),
    of(
        "log-format-lacks",
        "info",
        LOGS,
        "the format of the access log has not all that a diagnosis can use",
        "without $upstream_addr, $upstream_connect_time and a time it cannot be told which peer failed, and how",
        "add the `log_format` that doctor prints in `http`, and `access_log FILE ports;` where the log is set",
    ),
    of(
        "ports-exhausted",
        "critical",
        SOCKETS,
        "all local ports from one source address to one peer are in use",
        "the next connect() fails with error 99, and clients get 502; most ports are held by connections in TIME_WAIT that this host closed",
        REUSE,
    ),
    of(
        "past-the-cliff",
        "critical",
        SOCKETS,
        "more than half of the local ports to one peer are in use",
        "connect() tries the ports of one parity first: from half of the ports on each call searches that half in vain, and requests of the whole worker get slow before any error is logged",
        REUSE,
    ),
    of(
        "near-the-cliff",
        "warning",
        SOCKETS,
        "more than 40 % of the local ports to one peer are in use",
        "from half of the ports on connect() gets slow, and with all of them it fails",
        REUSE,
    ),
    of(
        "ports-draining",
        "info, or warning while no port is left",
        "sockets and the last reload",
        "ports to one peer are held by connections that were closed before the last reload",
        "the configuration opens few connections since the reload, and the kernel holds the ports of those before it for a minute",
        "wait until the time that doctor says; nothing has to be changed",
    ),
    of(
        "incoming-time-wait",
        "info",
        SOCKETS,
        "sockets in TIME_WAIT belong to connections that came in",
        "they have the port that nginx listens on, and take none of the ports that connect() chooses from",
        "nothing",
    ),
    of(
        "listening-in-range",
        "warning",
        "settings and sockets",
        "a port that a server listens on is one that connect() can choose",
        "while the server is down one outgoing connection on the port, even in TIME_WAIT, keeps it from starting (98: Address already in use)",
        "add the port to net.ipv4.ip_local_reserved_ports, as doctor prints it",
    ),
    of(
        "peer-in-range",
        "warning",
        "settings and configuration",
        "the port of a peer on this host is one that connect() can choose",
        "while the peer is down connect() can choose its port and connect to itself; then the peer cannot start",
        "add the port to net.ipv4.ip_local_reserved_ports, as doctor prints it",
    ),
    of(
        "conntrack-full",
        "critical or warning",
        "settings, counters, and lines of the kernel",
        "the table of connection tracking is full, or nearly",
        "the kernel drops packets of new connections: nginx sees timeouts, not error 99",
        "use connections again; net.netfilter.nf_conntrack_max; shorter nf_conntrack_tcp_timeout_time_wait (120 s)",
    ),
    of(
        "conntrack-insert-failed",
        "warning",
        "counters",
        "connection tracking failed to insert connections",
        "address translation gave two connections one port: a packet is dropped, and the client waits for a second",
        "use connections again; `--random-fully` for MASQUERADE",
    ),
    of(
        "time-wait-overflow",
        "info",
        "counters",
        "the kernel destroyed sockets in TIME_WAIT early",
        "tcp_max_tw_buckets was reached, which hides a shortage of ports",
        "use connections again before the setting is raised",
    ),
    of(
        "reuse-without-timestamps",
        "warning",
        SETTINGS,
        "tcp_tw_reuse=1 does nothing while tcp_timestamps=0",
        "without timestamps no port in TIME_WAIT is used again",
        "net.ipv4.tcp_timestamps = 1",
    ),
    of(
        "fin-timeout",
        "info",
        SETTINGS,
        "tcp_fin_timeout has no effect on TIME_WAIT",
        "it is for peers that never close their side; TIME_WAIT takes 60 s whatever it is",
        "nothing",
    ),
    of(
        "bind-reserves-ports",
        "critical",
        "versions of nginx and of the kernel",
        "proxy_bind reserves a port for all destinations at once",
        "nginx before 1.11.4, or Linux before 4.2, has no IP_BIND_ADDRESS_NO_PORT: all peers share the ports of a source address",
        "run nginx 1.11.4 or newer on Linux 4.2 or newer",
    ),
    of(
        "every-request-leaves-time-wait",
        "warning",
        CONFIGURATION,
        "each request opens a connection that this host closes",
        "each holds its port for 61 s: with the usual 28232 ports 231 requests/s to one peer are safe, and 462 the limit",
        REUSE,
    ),
    of(
        "no-reuse",
        "info",
        CONFIGURATION,
        "each request opens a connection, which mostly the peer closes",
        "the peer then has the connections in TIME_WAIT; each request pays for a handshake",
        REUSE,
    ),
    of(
        "reused-in-part",
        "warning if nginx closes those that are not, else info",
        CONFIGURATION,
        "connections are used again in part at best",
        "some requests, by a variable or by their place in the configuration, open a connection of their own",
        "`ngxc ports --report` says which and why",
    ),
];

/// Every finding: those of the error log in the order in which messages are tried, then the others.
pub fn named() -> impl Iterator<Item = NamedFinding> {
    let of_log = meanings().map(|meaning| NamedFinding {
        name: meaning.name,
        severity: match meaning.weight {
            Weight::Info => Severity::Info.name(),
            Weight::Warning => Severity::Warning.name(),
            Weight::Critical => Severity::Critical.name(),
        },
        seen_in: "error log",
        summary: meaning.title,
        meaning: Some(meaning),
        cause: meaning.cause,
        remedy: meaning.remedy,
    });
    let is_other = |named: &NamedFinding| MORE.iter().all(|more| more.name != named.name);
    of_log.filter(is_other).chain(MORE.iter().copied())
}
