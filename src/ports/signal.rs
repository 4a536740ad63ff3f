//! What lines of the error log mean: the messages of nginx that have to do with ports, and those that look like it.

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// `connect() to … failed (99: …)`
    NoPort,
    /// `bind(ADDRESS) failed (98: …)` of an upstream connection.
    BindInUse,
    /// `bind(ADDRESS) failed (99: …)`
    BindNoAddress,
    /// `bind(ADDRESS) failed (97: …)`
    BindFamily,
    /// `bind(ADDRESS) failed (13: …)` or `(1: …)`
    BindForbidden,
    /// `connect() … failed (22: …)`
    ConnectInvalid,
    /// `invalid local address`
    InvalidLocal,
    /// `connect() … failed (11: …)` of a UDP connection.
    UdpNoPort,
    /// `bind() to … failed (98: …)` of a listening socket.
    ListenInUse,
    /// `no live upstreams`
    NoLive,
    /// `upstream server temporarily disabled`
    Disabled,
    /// `worker_connections are not enough`
    WorkerConnections,
    /// `(24: Too many open files)`
    OpenFiles,
    /// `connect() … failed (111: …)`
    Refused,
    /// `(110: …) while connecting to upstream`, `upstream timed out`
    ConnectTimeout,
    /// `upstream prematurely closed connection`, `recv() failed (104: …)`
    Closed,
    /// Any other message.
    Other,
}

/// What a kind of message means.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The kind.
    pub signal: Signal,
    /// Its stable name.
    pub name: &'static str,
    /// Whether it has to do with ports.
    pub is_about_ports: bool,
    /// What the client gets.
    pub status: &'static str,
    /// What happened.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// What a line says that fails in no system call named above, in order.
const TEXTS: [(&str, Signal); 9] = [
    ("invalid local address", Signal::InvalidLocal),
    ("no live upstreams", Signal::NoLive),
    ("upstream server temporarily disabled", Signal::Disabled),
    ("worker_connections are not enough", Signal::WorkerConnections),
    ("(24: Too many open files)", Signal::OpenFiles),
    ("upstream prematurely closed connection", Signal::Closed),
    ("recv() failed (104:", Signal::Closed),
    ("upstream timed out", Signal::ConnectTimeout),
    ("worker_connections exceed open file", Signal::Other),
];

/// Every kind but [`Signal::Other`].
pub const MEANINGS: &[Meaning] = &[
    Meaning {
        signal: Signal::NoPort,
        name: "no-free-port",
        is_about_ports: true,
        status: "502",
        cause: "every local port from this source address to this peer is taken, most of them by connections in TIME_WAIT \
                that this host closed",
        remedy: "use connections again: an `upstream` block with `keepalive`, HTTP/1.1 and an empty `Connection` header \
                 (`ngxc lint --diff`); more source addresses or ports only move the limit (`ngxc ports`)",
    },
    Meaning {
        signal: Signal::BindInUse,
        name: "bind-in-use",
        is_about_ports: true,
        status: "500",
        cause: "`proxy_bind` could not reserve a port: its value fixes the port, or nginx before 1.11.4 or Linux before 4.2 \
                reserves a port for all destinations at once",
        remedy: "leave the port out of `proxy_bind`; run nginx 1.11.4 or newer on Linux 4.2 or newer",
    },
    Meaning {
        signal: Signal::BindNoAddress,
        name: "bind-address-missing",
        is_about_ports: false,
        status: "500",
        cause: "the address in `proxy_bind` is not one of this host's: this is not a shortage of ports, though the number of \
                the error is the same",
        remedy: "`ip addr` shows the addresses of this host; add the address, or correct `proxy_bind`",
    },
    Meaning {
        signal: Signal::BindFamily,
        name: "bind-family",
        is_about_ports: false,
        status: "500",
        cause: "`proxy_bind` has an address of another family (IPv4, IPv6) than the peer",
        remedy: "bind an address of the peer's family, or use peers of one family",
    },
    Meaning {
        signal: Signal::BindForbidden,
        name: "bind-forbidden",
        is_about_ports: false,
        status: "500",
        cause: "the worker may not bind this address or port: `transparent` needs CAP_NET_RAW, ports below 1024 need \
                CAP_NET_BIND_SERVICE",
        remedy: "give the worker the capability, or bind without `transparent` and without a port",
    },
    Meaning {
        signal: Signal::ConnectInvalid,
        name: "connect-invalid",
        is_about_ports: false,
        status: "502",
        cause: "a connection bound to a loopback address cannot reach another host",
        remedy: "bind an address that has a route to the peer",
    },
    Meaning {
        signal: Signal::InvalidLocal,
        name: "invalid-local-address",
        is_about_ports: true,
        status: "200: the request goes on unbound",
        cause: "the value of `proxy_bind` is no address, so the kernel chooses the source: all such connections share one \
                address",
        remedy: "`ngxc split` shows which value each bucket gives; values of split_clients are text, variables in them are \
                 not replaced",
    },
    Meaning {
        signal: Signal::UdpNoPort,
        name: "udp-no-free-port",
        is_about_ports: true,
        status: "502 in the stream log",
        cause: "UDP ports of one source address are shared by all destinations, and all are taken",
        remedy: "lower `proxy_timeout` so that sessions end sooner, set `proxy_responses`, or bind more source addresses",
    },
    Meaning {
        signal: Signal::ListenInUse,
        name: "listen-in-use",
        is_about_ports: true,
        status: "nginx does not start",
        cause: "the port to listen on is taken: by another server, or by one outgoing connection (even in TIME_WAIT) if the \
                port is inside net.ipv4.ip_local_port_range",
        remedy: "stop the other server, or set the port apart: net.ipv4.ip_local_reserved_ports",
    },
    Meaning {
        signal: Signal::NoLive,
        name: "no-live-upstreams",
        is_about_ports: false,
        status: "502",
        cause: "every peer is marked as failed for `fail_timeout`; with max_fails=1 one failed connect() each is enough, a \
                missing local port included",
        remedy: "look for the first failure before it; a shortage of ports marks all peers as failed though they are well",
    },
    Meaning {
        signal: Signal::Disabled,
        name: "peer-disabled",
        is_about_ports: false,
        status: "none by itself",
        cause: "a peer failed `max_fails` times and gets no requests for `fail_timeout`",
        remedy: "look for the failure before it",
    },
    Meaning {
        signal: Signal::WorkerConnections,
        name: "worker-connections",
        is_about_ports: false,
        status: "500",
        cause: "a worker has `worker_connections` connections open, clients and upstreams together: this is no shortage of \
                ports",
        remedy: "raise `worker_connections`",
    },
    Meaning {
        signal: Signal::OpenFiles,
        name: "open-files",
        is_about_ports: false,
        status: "500",
        cause: "the process has as many files open as it may: this is no shortage of ports",
        remedy: "raise `worker_rlimit_nofile` or LimitNOFILE= of the service",
    },
    Meaning {
        signal: Signal::Refused,
        name: "refused",
        is_about_ports: false,
        status: "502",
        cause: "nothing listens at the peer's address and port",
        remedy: "look at the peer",
    },
    Meaning {
        signal: Signal::ConnectTimeout,
        name: "timed-out",
        is_about_ports: false,
        status: "504",
        cause: "the peer, or the way to it, did not answer in time; a full connection tracking table of a firewall or NAT \
                looks the same",
        remedy: "look at the peer; compare nf_conntrack_count with nf_conntrack_max on the way",
    },
    Meaning {
        signal: Signal::Closed,
        name: "closed-by-peer",
        is_about_ports: false,
        status: "502",
        cause: "the peer closed a connection that nginx was using; with `keepalive`, often because its idle timeout is shorter \
                than `keepalive_timeout`",
        remedy: "set `keepalive_timeout` of the upstream below the idle timeout of the peer",
    },
];

/// The kind of a message, which comes without time and level.
pub fn classify(message: &str) -> Signal {
    let has = |text: &str| message.contains(text);
    let errno = |n: &str| message.contains(n);
    if has("connect() ") && has("failed (") {
        // Of an outgoing connection: with or without `to ADDRESS`.
        return match () {
            () if errno("(99:") => Signal::NoPort,
            () if errno("(11:") => Signal::UdpNoPort,
            () if errno("(22:") => Signal::ConnectInvalid,
            () if errno("(111:") => Signal::Refused,
            () if errno("(110:") => Signal::ConnectTimeout,
            () => Signal::Other,
        };
    }
    if has("bind() to ") {
        return if errno("(98:") { Signal::ListenInUse } else { Signal::Other };
    }
    if has("bind(") && has(") failed (") {
        return match () {
            () if errno("(98:") => Signal::BindInUse,
            () if errno("(99:") => Signal::BindNoAddress,
            () if errno("(97:") => Signal::BindFamily,
            () if errno("(13:") || errno("(1:") => Signal::BindForbidden,
            () => Signal::Other,
        };
    }
    TEXTS.iter().find(|(text, _)| has(text)).map_or(Signal::Other, |(_, signal)| *signal)
}

/// What a kind means; `None` for [`Signal::Other`].
pub fn meaning(signal: Signal) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|m| m.signal == signal)
}
