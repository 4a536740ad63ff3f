//! What lines of the error log mean: why requests to peers fail, by call, number of the error, family of the address
//! and phase.

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// `connect() to … failed (99: …)` of an IPv4 peer.
    NoPort,
    /// `connect() to [ADDRESS] failed (99: …)`, and `(101: …)`, `(97: …)`.
    NoIpv6,
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
    /// `connect() to unix:… failed (11: …)`
    UnixQueueFull,
    /// `connect() … failed (11: …)` of a UDP connection.
    UdpNoPort,
    /// `connect() to unix:… failed (2: …)`
    UnixMissing,
    /// `connect() to unix:… failed (13: …)`
    UnixForbidden,
    /// `connect() to … failed (13: …)`
    ConnectForbidden,
    /// `connect() to … failed (1: …)`, `nf_conntrack: table full`.
    Dropped,
    /// `connect() … failed (113: …)`, `(101: …)`
    Unreachable,
    /// `bind() to … failed (98: …)` of a listening socket.
    ListenInUse,
    /// `bind() to … failed (99: …)` of a listening socket.
    ListenNoAddress,
    /// `bind() to … failed (13: …)` of a listening socket.
    ListenForbidden,
    /// `socket() … failed (97: …)` of a listening socket.
    ListenFamily,
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
    /// `upstream timed out … while SSL handshaking to upstream`
    TlsTimeout,
    /// `upstream timed out … while reading response header from upstream`
    ReadTimeout,
    /// `upstream timed out … while sending request to upstream`
    SendTimeout,
    /// `upstream timed out (110: …) while connecting to upstream`
    ConnectTimeout,
    /// `SSL_do_handshake() failed … while SSL handshaking to upstream`
    TlsPeer,
    /// `upstream sent too big header`
    HeaderTooBig,
    /// `upstream sent invalid header`, `no valid HTTP/1.0 header` and so on.
    BadAnswer,
    /// `client intended to send too large body`
    BodyTooLarge,
    /// `no resolver defined to resolve …`
    NoResolver,
    /// `host not found in upstream`, `could not be resolved`
    HostNotFound,
    /// `upstream prematurely closed connection while reading response header`
    Closed,
    /// `upstream prematurely closed connection while reading upstream`
    Cut,
    /// `recv() failed (104: …)`, `writev() failed (32: …)` of a peer.
    Reset,
    /// Any other message of an error.
    OtherError,
    /// Any other message.
    Other,
}

/// Whom an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Any, or none is named.
    Any,
    /// Any but an IPv6 address.
    V4,
    /// An IPv6 address.
    V6,
    /// A unix socket.
    Unix,
}

/// How bad a kind of message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// No harm by itself.
    Info,
    /// Single requests fail.
    Warning,
    /// All requests to the peer fail, or nginx does not start.
    Critical,
}

/// What a message has to have.
#[derive(Clone, Copy, Debug)]
struct Match {
    /// The call or the text.
    text: &'static str,
    /// The number of the error; empty: any.
    errno: &'static [u16],
    /// The family of the peer.
    family: Family,
    /// What nginx was doing.
    phase: &'static str,
}

const fn on(text: &'static str, errno: &'static [u16], family: Family, phase: &'static str) -> Match {
    Match { text, errno, family, phase }
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
    /// What is said of all such messages together.
    pub title: &'static str,
    /// How bad it is.
    pub weight: Weight,
    /// Whether nginx counts it as a failure of the peer (`max_fails`).
    pub fails_peer: bool,
    matches: &'static [Match],
}

/// Every kind but [`Signal::Other`]: one row a cause. The first row that matches decides.
pub const MEANINGS: &[Meaning] = &[
    Meaning {
        signal: Signal::NoPort,
        name: "no-free-port",
        is_about_ports: true,
        status: "502",
        cause: "every local port from this source address to this peer is taken, most of them by connections in TIME_WAIT that this host closed",
        remedy: "use connections again: an `upstream` block with `keepalive`, HTTP/1.1 and an empty `Connection` header (`ngxc lint --diff`); more source addresses or ports only move the limit (`ngxc ports`)",
        title: "connections failed for want of a local port",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[99], Family::V4, "")],
    },
    Meaning {
        signal: Signal::NoIpv6,
        name: "ipv6-off",
        is_about_ports: false,
        status: "502",
        cause: "this host has no IPv6 address that could reach the peer: this is not a shortage of ports, though 99 is its number too",
        remedy: "write 127.0.0.1 for localhost and IPv4 addresses of the peers, `resolver … ipv6=off` for names; or give the host IPv6: net.ipv6.conf.all.disable_ipv6 = 0 and an address",
        title: "IPv6 peers cannot be reached from this host",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[
            on("connect() ", &[99, 101, 97], Family::V6, ""),
            on("socket() ", &[97], Family::Any, "while connecting to upstream"),
        ],
    },
    Meaning {
        signal: Signal::ListenInUse,
        name: "listen-in-use",
        is_about_ports: true,
        status: "nginx does not start",
        cause: "the port to listen on is taken: by another server, or by one outgoing connection (even in TIME_WAIT) if the port is inside net.ipv4.ip_local_port_range",
        remedy: "stop the other server, or set the port apart: net.ipv4.ip_local_reserved_ports",
        title: "nginx could not listen",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind() to ", &[98], Family::Any, "")],
    },
    Meaning {
        signal: Signal::ListenNoAddress,
        name: "listen-address-missing",
        is_about_ports: false,
        status: "nginx does not start or reload",
        cause: "the address in `listen` is not one of this host's now: a virtual address that another host holds, or an interface that comes up later; this is not a shortage of ports",
        remedy: "add the address, or let nginx listen before it is here: net.ipv4.ip_nonlocal_bind = 1 (IPv6: net.ipv6.ip_nonlocal_bind), or `listen` without an address",
        title: "nginx could not listen on an address that this host does not have",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind() to ", &[99], Family::Any, "")],
    },
    Meaning {
        signal: Signal::ListenForbidden,
        name: "listen-forbidden",
        is_about_ports: false,
        status: "nginx does not start",
        cause: "nginx may not listen there: a port below 1024 without root or CAP_NET_BIND_SERVICE, or a port that SELinux does not allow",
        remedy: "start nginx as root, give it CAP_NET_BIND_SERVICE, or listen on a port from 1024 on",
        title: "nginx may not listen",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind() to ", &[13, 1], Family::Any, "")],
    },
    Meaning {
        signal: Signal::ListenFamily,
        name: "listen-ipv6-off",
        is_about_ports: false,
        status: "nginx does not start",
        cause: "the kernel has no IPv6, and the configuration listens on an IPv6 address",
        remedy: "leave out `listen [::]:…`, or switch IPv6 on (no ipv6.disable=1 on the kernel's command line)",
        title: "nginx could not listen on an IPv6 address",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("socket() ", &[97], Family::Any, ""), on("bind() to ", &[97], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BindInUse,
        name: "bind-in-use",
        is_about_ports: true,
        status: "500",
        cause: "`proxy_bind` could not reserve a port: its value fixes the port, or nginx before 1.11.4 or Linux before 4.2 reserves a port for all destinations at once",
        remedy: "leave the port out of `proxy_bind`; run nginx 1.11.4 or newer on Linux 4.2 or newer",
        title: "proxy_bind could not reserve a port",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind(", &[98], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BindNoAddress,
        name: "bind-address-missing",
        is_about_ports: false,
        status: "500",
        cause: "the address in `proxy_bind` is not one of this host's: this is not a shortage of ports, though the number of the error is the same",
        remedy: "`ip addr` shows the addresses of this host; add the address, or correct `proxy_bind`",
        title: "proxy_bind names an address that this host does not have",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind(", &[99], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BindFamily,
        name: "bind-family",
        is_about_ports: false,
        status: "500",
        cause: "`proxy_bind` has an address of another family (IPv4, IPv6) than the peer",
        remedy: "bind an address of the peer's family, or use peers of one family",
        title: "proxy_bind and the peer are of different families",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("bind(", &[97, 22], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BindForbidden,
        name: "bind-forbidden",
        is_about_ports: false,
        status: "500",
        cause: "the worker may not bind this address or port: `transparent` needs CAP_NET_RAW, ports below 1024 need CAP_NET_BIND_SERVICE",
        remedy: "give the worker the capability, or bind without `transparent` and without a port",
        title: "proxy_bind is not permitted",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[
            on("bind(", &[13, 1], Family::Any, ""),
            on("setsockopt(IP_TRANSPARENT)", &[1], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::ConnectInvalid,
        name: "connect-invalid",
        is_about_ports: false,
        status: "502",
        cause: "a connection bound to a loopback address cannot reach another host",
        remedy: "bind an address that has a route to the peer",
        title: "a bound loopback address cannot reach the peer",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[22], Family::Any, "")],
    },
    Meaning {
        signal: Signal::InvalidLocal,
        name: "invalid-local-address",
        is_about_ports: true,
        status: "200: the request goes on unbound",
        cause: "the value of `proxy_bind` is no address, so the kernel chooses the source: all such connections share one address",
        remedy: "`ngxc split` shows which value each bucket gives; values of split_clients are text, variables in them are not replaced",
        title: "proxy_bind gave a value that is no address",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[on("invalid local address", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::UnixQueueFull,
        name: "unix-listen-queue-full",
        is_about_ports: false,
        status: "502",
        cause: "the listen queue of the unix socket is full: all workers of the backend are busy and do not accept; this is not a shortage of ports",
        remedy: "more workers of the backend (php-fpm: pm.max_children; gunicorn, uwsgi: workers) or faster requests; a longer queue takes bursts: listen.backlog (php-fpm), backlog of the backend, and net.core.somaxconn, which bounds it",
        title: "the listen queue of a unix socket is full",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[11], Family::Unix, "")],
    },
    Meaning {
        signal: Signal::UdpNoPort,
        name: "udp-no-free-port",
        is_about_ports: true,
        status: "502 in the stream log",
        cause: "UDP ports of one source address are shared by all destinations, and all are taken",
        remedy: "lower `proxy_timeout` so that sessions end sooner, set `proxy_responses`, or bind more source addresses",
        title: "UDP sessions failed for want of a local port",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[11], Family::Any, "")],
    },
    Meaning {
        signal: Signal::UnixMissing,
        name: "unix-socket-missing",
        is_about_ports: false,
        status: "502",
        cause: "there is no such socket: the backend does not run, or makes its socket elsewhere (a private /tmp of the service, another version in the path)",
        remedy: "start the backend; compare the path with what the backend listens on (`ss -xl`)",
        title: "a unix socket does not exist",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[2], Family::Unix, "")],
    },
    Meaning {
        signal: Signal::UnixForbidden,
        name: "unix-socket-forbidden",
        is_about_ports: false,
        status: "502",
        cause: "the user of the workers may not write to the socket",
        remedy: "give the group of nginx access (php-fpm: listen.owner, listen.group, listen.mode 0660), also to each directory of the path",
        title: "a unix socket is not accessible to nginx",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[13], Family::Unix, "")],
    },
    Meaning {
        signal: Signal::ConnectForbidden,
        name: "connect-forbidden",
        is_about_ports: false,
        status: "502",
        cause: "a security policy forbids nginx to connect, mostly SELinux",
        remedy: "setsebool -P httpd_can_network_connect 1 (SELinux); else look for the denial in the audit log",
        title: "connections to peers are forbidden",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[on("connect() ", &[13], Family::Any, "")],
    },
    Meaning {
        signal: Signal::Dropped,
        name: "dropped-on-this-host",
        is_about_ports: false,
        status: "502",
        cause: "this host drops the packet itself: a rule of the firewall for outgoing packets, or a full table of connection tracking",
        remedy: "compare net.netfilter.nf_conntrack_count with nf_conntrack_max, and look for DROP and REJECT in the OUTPUT chain (`nft list ruleset`, `iptables -S OUTPUT`)",
        title: "this host drops connections to peers",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[
            on("connect() ", &[1], Family::Any, ""),
            on("nf_conntrack: table full", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::Unreachable,
        name: "unreachable",
        is_about_ports: false,
        status: "502",
        cause: "there is no way to the peer: no route, no host with the address, or a firewall that says so",
        remedy: "`ip route get ADDRESS` on this host; look whether the peer is up and its firewall lets this host in",
        title: "peers cannot be reached",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("connect() ", &[113, 101, 112, 100], Family::Any, "")],
    },
    Meaning {
        signal: Signal::NoLive,
        name: "no-live-upstreams",
        is_about_ports: false,
        status: "502",
        cause: "every peer is marked as failed for `fail_timeout`; with max_fails=1 (the default) one failure each is enough, a missing local port included",
        remedy: "look for the first failure before it; a shortage of ports marks all peers as failed though they are well",
        title: "all peers of an upstream were marked as failed",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[on("no live upstreams", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::Disabled,
        name: "peer-disabled",
        is_about_ports: false,
        status: "none by itself",
        cause: "a peer failed `max_fails` times and gets no requests for `fail_timeout`",
        remedy: "look for the failure before it",
        title: "peers were left out after failures",
        weight: Weight::Info,
        fails_peer: false,
        matches: &[on("upstream server temporarily disabled", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::WorkerConnections,
        name: "worker-connections",
        is_about_ports: false,
        status: "500",
        cause: "a worker has `worker_connections` connections open, clients, upstreams and idle ones together: this is no shortage of ports",
        remedy: "raise `worker_connections`, and the limit of open files with it (`worker_rlimit_nofile`)",
        title: "workers ran out of worker_connections",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[
            on("worker_connections are not enough", &[], Family::Any, ""),
            on("worker_connections are reused", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::OpenFiles,
        name: "open-files",
        is_about_ports: false,
        status: "500",
        cause: "the process has as many files open as it may: this is no shortage of ports",
        remedy: "raise `worker_rlimit_nofile` or LimitNOFILE= of the service",
        title: "the process ran out of open files",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[on("failed (24:", &[], Family::Any, ""), on("failed (23:", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::Refused,
        name: "refused",
        is_about_ports: false,
        status: "502",
        cause: "nothing listens at the peer's address and port: the peer is down, restarts, or listens elsewhere; this is not a shortage of ports",
        remedy: "look at the peer: `ss -ltn` there; a peer that restarts needs another one in the upstream, or `backup`",
        title: "peers refused connections",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("connect() ", &[111], Family::Any, "")],
    },
    Meaning {
        signal: Signal::TlsTimeout,
        name: "timed-out-in-tls",
        is_about_ports: false,
        status: "504",
        cause: "the peer accepted the connection and did not end the TLS handshake in `proxy_connect_timeout`",
        remedy: "look whether the peer speaks TLS on this port, and how busy it is",
        title: "TLS handshakes with peers timed out",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("upstream timed out", &[], Family::Any, "while SSL handshaking to upstream")],
    },
    Meaning {
        signal: Signal::ReadTimeout,
        name: "timed-out-in-response",
        is_about_ports: false,
        status: "504",
        cause: "the peer took the request and sent nothing for `proxy_read_timeout` (fastcgi_read_timeout and so on): it is slow or stuck; this is not a shortage of ports",
        remedy: "find the slow requests of the peer ($upstream_response_time in the access log); a longer timeout only helps where such requests are meant to be long",
        title: "peers did not answer in time",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("upstream timed out", &[], Family::Any, "while reading")],
    },
    Meaning {
        signal: Signal::SendTimeout,
        name: "timed-out-in-sending",
        is_about_ports: false,
        status: "504",
        cause: "the peer did not take the request for `proxy_send_timeout`",
        remedy: "look whether the peer reads the bodies of requests",
        title: "peers did not take requests in time",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("upstream timed out", &[], Family::Any, "while sending")],
    },
    Meaning {
        signal: Signal::ConnectTimeout,
        name: "timed-out",
        is_about_ports: false,
        status: "504",
        cause: "the peer, or the way to it, did not answer in time: its listen queue is full, a firewall drops the packets, or a full connection tracking table of a firewall or NAT does",
        remedy: "look at the peer: its listen queue (`ss -ltn`: Recv-Q at Send-Q; TcpExt ListenOverflows), its firewall; compare nf_conntrack_count with nf_conntrack_max on the way",
        title: "connections to peers timed out",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("connect() ", &[110], Family::Any, ""), on("upstream timed out", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::TlsPeer,
        name: "tls-with-peer",
        is_about_ports: false,
        status: "502",
        cause: "the TLS handshake with the peer failed: its certificate, its name (SNI), the protocol, or no TLS at all on this port",
        remedy: "`openssl s_client -connect PEER -servername NAME`; `proxy_ssl_server_name on` and `proxy_ssl_name` where the peer chooses its certificate by name; `http://` if the port has no TLS",
        title: "TLS handshakes with peers failed",
        weight: Weight::Critical,
        fails_peer: true,
        matches: &[
            on("", &[], Family::Any, "while SSL handshaking to upstream"),
            on("upstream SSL certificate", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::HeaderTooBig,
        name: "header-too-big",
        is_about_ports: false,
        status: "502",
        cause: "the head of the response is larger than `proxy_buffer_size` (fastcgi_buffer_size and so on), mostly cookies",
        remedy: "raise `proxy_buffer_size` to 16k or 32k, and `proxy_buffers` and `proxy_busy_buffers_size` with it; or let the peer send less",
        title: "heads of responses are larger than the buffer",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("upstream sent too big header", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BadAnswer,
        name: "invalid-response",
        is_about_ports: false,
        status: "502",
        cause: "the peer answers something that the protocol does not allow: another protocol on this port, or a broken application",
        remedy: "look whether `proxy_pass`, `fastcgi_pass`, `uwsgi_pass`, `grpc_pass` is the protocol that the peer speaks; `curl -v` shows what it answers",
        title: "peers sent invalid responses",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[on("upstream sent ", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::BodyTooLarge,
        name: "body-too-large",
        is_about_ports: false,
        status: "413",
        cause: "the body of the request is larger than `client_max_body_size`",
        remedy: "raise `client_max_body_size` where such bodies are meant to come",
        title: "clients sent bodies that are too large",
        weight: Weight::Warning,
        fails_peer: false,
        matches: &[on("client intended to send too large", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::NoResolver,
        name: "no-resolver",
        is_about_ports: false,
        status: "502",
        cause: "`proxy_pass` has a variable, so the name is looked up at run time, and there is no `resolver`",
        remedy: "`resolver ADDRESS;` in http, server or location (127.0.0.53 with systemd-resolved, 127.0.0.11 in Docker), or an `upstream` with the name",
        title: "names of peers cannot be looked up: no resolver",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[on("no resolver defined to resolve", &[], Family::Any, "")],
    },
    Meaning {
        signal: Signal::HostNotFound,
        name: "host-not-found",
        is_about_ports: false,
        status: "502; at the start: nginx does not start",
        cause: "the name of the peer has no address, or the name server did not answer",
        remedy: "`getent hosts NAME`, and `dig NAME @RESOLVER` for a name that is looked up at run time; at boot: start nginx after the network (network-online.target)",
        title: "names of peers were not found",
        weight: Weight::Critical,
        fails_peer: false,
        matches: &[
            on("host not found in ", &[], Family::Any, ""),
            on("could not be resolved", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::Closed,
        name: "closed-by-peer",
        is_about_ports: false,
        status: "502",
        cause: "the peer closed a connection that nginx was using; with `keepalive`, often because its idle timeout is shorter than `keepalive_timeout`",
        remedy: "set `keepalive_timeout` of the upstream below the idle timeout of the peer; without a pool the process of the peer ended: look at its log",
        title: "peers closed connections before they answered",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[
            on("upstream prematurely closed connection", &[], Family::Any, "while reading response header"),
            on("peer closed connection", &[], Family::Any, "to upstream"),
            on("keepalive connection", &[], Family::Any, "to upstream"),
        ],
    },
    Meaning {
        signal: Signal::Cut,
        name: "cut-response",
        is_about_ports: false,
        status: "the status of the peer, with a body that is cut",
        cause: "the peer ended the connection in the middle of a response: its process died, or a limit of time or memory ended it",
        remedy: "look at the log of the peer at that time",
        title: "responses of peers were cut",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[
            on("upstream prematurely closed connection", &[], Family::Any, ""),
            on("upstream closed connection", &[], Family::Any, ""),
        ],
    },
    Meaning {
        signal: Signal::Reset,
        name: "reset-by-peer",
        is_about_ports: false,
        status: "502",
        cause: "the peer reset a connection that nginx was using: its process died, it closed an idle connection at the same moment, or it refuses a body that it does not read",
        remedy: "with `keepalive`: `keepalive_timeout` of the upstream below the idle timeout of the peer; else look at the log of the peer",
        title: "peers reset connections",
        weight: Weight::Warning,
        fails_peer: true,
        matches: &[
            on("recv() failed", &[104, 32], Family::Any, "upstream"),
            on("recv() not ready", &[104, 32], Family::Any, "upstream"),
            on("readv() failed", &[104, 32], Family::Any, "upstream"),
            on("writev() failed", &[104, 32], Family::Any, "upstream"),
            on("send() failed", &[104, 32], Family::Any, "upstream"),
            on("sendfile() failed", &[104, 32], Family::Any, "upstream"),
            on("connect() ", &[104], Family::Any, ""),
            on("SSL_write() failed", &[104, 32], Family::Any, "upstream"),
            on("SSL_read() failed", &[104, 32], Family::Any, "upstream"),
        ],
    },
    Meaning {
        signal: Signal::OtherError,
        name: "other-errors",
        is_about_ports: false,
        status: "depends on the error",
        cause: "errors of another kind, none of them of a connection to a peer",
        remedy: "read them: `grep -E '\\[(error|crit|alert|emerg)\\]' ERROR_LOG`",
        title: "other errors",
        weight: Weight::Info,
        fails_peer: false,
        matches: &[],
    },
];

/// The kind of a message, which comes without time and level.
pub fn classify(message: &str) -> Signal {
    let found = MEANINGS.iter().find(|meaning| meaning.matches.iter().any(|m| m.holds(message)));
    found.map_or(Signal::Other, |meaning| meaning.signal)
}

impl Match {
    fn holds(&self, message: &str) -> bool {
        // What the client wrote is no part of the message.
        let own = message.split(", client: ").next().unwrap_or(message);
        let Some(at) = own.find(self.text) else { return false };
        if !own[at..].contains(self.phase) {
            return false;
        }
        if !self.errno.is_empty() && !errno(&own[at..]).is_some_and(|n| self.errno.contains(&n)) {
            return false;
        }
        match self.family {
            Family::Any => true,
            Family::V4 => !matches!(family(message), Family::V6 | Family::Unix),
            other => family(message) == other,
        }
    }
}

/// The number in `failed (NUMBER: text)`.
fn errno(message: &str) -> Option<u16> {
    let start = message.find("failed (").map(|at| at + 8).or_else(|| message.find(" (").map(|at| at + 2))?;
    message[start..].split(':').next()?.parse().ok()
}

/// The family of the peer: of the address after `connect() to`, else of the upstream.
fn family(message: &str) -> Family {
    let address = match message.split_once("connect() to ") {
        Some((_, rest)) => rest,
        None => match message.split_once(", upstream: \"") {
            Some((_, url)) => url.split_once("://").map_or(url, |(_, rest)| rest),
            None => return Family::Any,
        },
    };
    match () {
        () if address.starts_with("unix:") => Family::Unix,
        () if address.starts_with('[') => Family::V6,
        () => Family::V4,
    }
}

/// What a kind means; `None` for [`Signal::Other`].
pub fn meaning(signal: Signal) -> Option<&'static Meaning> {
    MEANINGS.iter().find(|m| m.signal == signal)
}
