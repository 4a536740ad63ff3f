//! Meaning of lines of the error log: reasons why requests to peers fail, by call, number of the error, family of the address
//! and phase.

mod connect;
mod errno;
mod kernel;
mod local;
mod own;
mod peer;

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
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
    /// `connect() to … failed (1: …)`
    Dropped,
    /// `nf_conntrack: table full, dropping packet` of the kernel.
    TrackingFull,
    /// `neighbour: arp_cache: neighbor table overflow` of the kernel, `connect() … failed (105: …)`
    NoBuffers,
    /// `Possible SYN flooding on port …` of the kernel.
    SynFlood,
    /// `Out of memory: Killed process … (nginx)` of the kernel.
    OutOfMemory,
    /// `connect() to [fe80:…] failed (22: …)`
    LinkLocal,
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
    /// `bind() to unix:… failed (2: …)`
    ListenPath,
    /// `bind() to …`, `listen() to …` failed with any other number.
    ListenFailed,
    /// `bind(…)` failed with any other number.
    BindFailed,
    /// `connect() …` failed with any other number.
    ConnectFailed,
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
    /// `recv() failed (111: …) while resolving`
    ResolverDown,
    /// `host not found in upstream`, `could not be resolved`
    HostNotFound,
    /// `upstream prematurely closed connection while reading response header`
    Closed,
    /// `upstream prematurely closed connection while reading upstream`
    Cut,
    /// `recv() failed (104: …)`, `writev() failed (32: …)` of a peer.
    Reset,
    /// `FastCGI sent in stderr: "Primary script unknown"`
    ScriptUnknown,
    /// `FastCGI sent in stderr: …`
    Stderr,
    /// `… failed (28: No space left on device)`
    DiskFull,
    /// A temporary file that could not be made for want of rights.
    TemporaryForbidden,
    /// `limiting requests`
    RequestsLimited,
    /// `limiting connections`
    ConnectionsLimited,
    /// `rewrite or internal redirection cycle`
    Cycle,
    /// `worker process … exited on signal …`
    WorkerDied,
    /// `ngx_slab_alloc() failed: no memory`
    ZoneFull,
    /// `invalid URL prefix in …`, `no host in upstream …`
    InvalidPass,
    /// `auth request unexpected status`
    AuthRequest,
    /// `cannot load certificate …`
    Certificate,
    /// `SSL_do_handshake() failed … while SSL handshaking` of a client.
    TlsClient,
    /// `access forbidden by rule`, `directory index of … is forbidden`
    Denied,
    /// A file that the workers may not read.
    FileForbidden,
    /// A file that is not there.
    FileMissing,
    /// `upstream sent duplicate header line … ignored`
    Ignored,
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

/// Severity of a kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// No harm by itself.
    Info,
    /// Single requests fail.
    Warning,
    /// All requests to the peer fail, or nginx does not start.
    Critical,
}

/// Conditions that a message has to meet.
#[derive(Clone, Copy, Debug)]
struct Match {
    /// The call or the text.
    text: &'static str,
    /// The number of the error; empty: any.
    errno: &'static [u16],
    /// The family of the peer.
    family: Family,
    /// Activity of nginx.
    phase: &'static str,
}

const fn on(text: &'static str, errno: &'static [u16], family: Family, phase: &'static str) -> Match {
    Match { text, errno, family, phase }
}

/// Meaning of a kind of message.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// The kind.
    pub signal: Signal,
    /// Its stable name.
    pub name: &'static str,
    /// True if the message is about ports.
    pub is_about_ports: bool,
    /// Response that the client gets.
    pub status: &'static str,
    /// Event.
    pub cause: &'static str,
    /// Remedy.
    pub remedy: &'static str,
    /// Sentence about all such messages together.
    pub title: &'static str,
    /// Severity.
    pub weight: Weight,
    /// True if nginx counts the message as a failure of the peer (`max_fails`).
    pub fails_peer: bool,
    matches: &'static [Match],
}

impl Meaning {
    /// Remedy; of missing ports of `stream` another one, because no pool keeps its connections.
    pub fn remedy_of(&self, is_stream: bool) -> &'static str {
        if is_stream && self.signal == Signal::NoPort { STREAM_PORTS } else { self.remedy }
    }

    /// Effect on clients, or on nginx, in words; `verb` is `got` or `get`. Sessions of `stream` have no status.
    pub fn effect(&self, verb: &str, is_stream: bool) -> String {
        if is_stream && self.status.starts_with(['4', '5']) {
            return "the sessions of clients are closed (a line of `stream`)".to_owned();
        }
        if self.status.starts_with(|c: char| c.is_ascii_digit()) {
            return format!("clients {verb} {}", self.status);
        }
        format!("effect: {}", self.status)
    }
}

/// Remedy for missing ports of `stream` and `mail`.
const STREAM_PORTS: &str = "a connection of `stream` serves one session and is never used again: more source addresses \
                            (`proxy_bind` with a variable of `split_clients`) or more ports, which `ngxc ports` counts";

/// Every kind but [`Signal::Other`], one row a cause; the first row that matches decides.
const TABLES: [&[Meaning]; 6] =
    [own::QUOTED, kernel::KERNEL, local::LOCAL, connect::CONNECT, peer::PEER, own::OWN];

/// Every kind but [`Signal::Other`], in the order in which they are tried.
pub fn meanings() -> impl Iterator<Item = &'static Meaning> {
    TABLES.into_iter().flatten()
}

/// The kind of a message, which comes without time and level.
pub fn classify(message: &str) -> Signal {
    let found = meanings().find(|meaning| meaning.matches.iter().any(|m| m.holds(message)));
    found.map_or(Signal::Other, |meaning| meaning.signal)
}

/// True if a text begins as a message that means something: it is one, though it comes without date and level.
pub(super) fn is_message(text: &str) -> bool {
    let begins = |m: &Match| !m.text.is_empty() && own(text).starts_with(m.text) && m.holds(text);
    let handshake = text.starts_with("SSL_") || text.starts_with("peer closed connection in SSL");
    handshake || meanings().any(|meaning| meaning.matches.iter().any(begins))
}

/// The message without what follows of the client and its request.
fn own(message: &str) -> &str {
    const PARTS: [&str; 5] = [", client: ", ", udp client: ", ", server: ", ", request: ", ", upstream: "];
    let ends = PARTS.iter().filter_map(|part| message.find(part));
    &message[..ends.min().unwrap_or(message.len())]
}

/// The message without what follows of the client, with `…` for each text in quotes and for each number: messages of
/// one form are counted together.
pub(super) fn shape(message: &str) -> String {
    const MOST: usize = 100;
    let mut found = String::new();
    for (n, part) in own(message).split('"').enumerate() {
        if n % 2 == 1 {
            found.push_str("\"…\"");
            continue;
        }
        for c in part.chars() {
            match (c.is_ascii_digit(), found.ends_with('…')) {
                (true, true) => {}
                (true, false) => found.push('…'),
                (false, _) => found.push(c),
            }
        }
    }
    found.chars().take(MOST).collect()
}

impl Match {
    fn holds(&self, message: &str) -> bool {
        let own = own(message);
        let Some(at) = outside(own, self.text) else { return false };
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

/// Where a text is that is not in quotes: what is in quotes is somebody else's.
fn outside(message: &str, text: &str) -> Option<usize> {
    message
        .match_indices(text)
        .map(|(at, _)| at)
        .find(|at| message[..*at].matches('"').count().is_multiple_of(2))
}

/// The number in `failed (NUMBER: text)`, as Linux has it.
fn errno(message: &str) -> Option<u16> {
    let start = outside(message, "failed (").map(|at| at + 8);
    let start = start.or_else(|| outside(message, " (").map(|at| at + 2))?;
    let (number, text) = message[start..].split_once(':')?;
    Some(errno::of_linux(number.parse().ok()?, text.trim_start()))
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

/// Meaning of a kind; `None` for [`Signal::Other`].
pub fn meaning(signal: Signal) -> Option<&'static Meaning> {
    meanings().find(|m| m.signal == signal)
}
