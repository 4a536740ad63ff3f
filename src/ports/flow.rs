//! Flows: who connects where, from which addresses, and whether connections are used again.

use super::sources::{Sources, sources};
use crate::model::location::Handler;
use crate::model::proxy::HttpVersion;
use crate::model::{Config, Endpoint, Upstream};
use crate::reuse::{Cause, Connection, JudgedLeaf, Leaf, Overview, ReachedTarget, Verdict};
use crate::source::Span;

/// One peer as seen by the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Address and port; a name counts as one address.
    pub endpoint: Endpoint,
    /// Share of the connections, 0 to 1, by the weights.
    pub share: f64,
}

impl Destination {
    /// True if it is reached over loopback, where `tcp_tw_reuse` is on by default.
    pub fn is_loopback(&self) -> bool {
        match &self.endpoint {
            Endpoint::Inet(address) => address.ip().is_loopback(),
            Endpoint::Name(host, _) => host.eq_ignore_ascii_case("localhost"),
            Endpoint::Unix(_) => false,
        }
    }

    /// True if it needs a port on this side.
    pub fn needs_port(&self) -> bool {
        !matches!(self.endpoint, Endpoint::Unix(_))
    }
}

/// Side that closes a connection that serves one request: the side that does keeps it in `TIME_WAIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosingSide {
    /// nginx does, always: the connection was to be kept open and there is no cache for it.
    Nginx,
    /// The peer was asked to close and usually closes first; in 0.5 to 30 % of the cases nginx does.
    Race,
}

/// Protocol and end of the sessions of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session {
    /// UDP, whose ports are shared by all destinations and have no `TIME_WAIT`.
    pub is_udp: bool,
    /// Seconds for which a session of UDP lasts after its last datagram: `proxy_timeout`, unless `proxy_responses` ends it.
    pub lingers: f64,
}

/// Requests of some locations to one target, or sessions of some servers of `stream`.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    /// The upstream, or the host as written, or `(from the request)`.
    pub name: String,
    /// The upstream; `None` for a host that comes with the request.
    pub upstream: Option<&'a Upstream>,
    /// Destinations of the connections; empty if they come with the request.
    pub destinations: Vec<Destination>,
    /// Sources of the connections.
    pub sources: Sources,
    /// Reuse of the connections.
    pub verdict: Verdict,
    /// Side that closes connections that are not used again.
    pub closer: ClosingSide,
    /// The directives that pass requests on.
    pub passes: Vec<(&'static str, Span)>,
    /// Sessions of `stream`; `None`: requests of `http`.
    pub session: Option<Session>,
}

impl Flow<'_> {
    /// Share of the destination that gets most connections; the whole if none is known.
    pub fn heaviest(&self) -> f64 {
        let most = self.destinations.iter().map(|d| d.share).fold(0.0, f64::max);
        if most == 0.0 { 1.0 } else { most }
    }

    /// True if all peers are unix sockets, which need no port.
    pub fn is_unix(&self) -> bool {
        !self.destinations.is_empty() && !self.destinations.iter().any(Destination::needs_port)
    }

    /// The flow while its `backup` servers get all of it, if only they need ports: the others are unix sockets.
    #[must_use]
    pub fn on_backup(&self) -> Option<Self> {
        let upstream = self.upstream.filter(|_| self.is_unix())?;
        let destinations = shares(upstream, true);
        let flow = Self { destinations, ..self.clone() };
        flow.destinations.iter().any(Destination::needs_port).then_some(flow)
    }

    /// True if all peers are reached over loopback.
    pub fn is_loopback(&self) -> bool {
        let mut inet = self.destinations.iter().filter(|d| d.needs_port()).peekable();
        inet.peek().is_some() && inet.all(Destination::is_loopback)
    }
}

/// Every flow of a configuration in source order; locations that differ in nothing share one.
pub fn flows(config: &Config) -> Vec<Flow<'_>> {
    let mut found: Vec<Flow<'_>> = Vec::new();
    for judged in &Overview::new(config).leaves {
        for (reached, verdict) in &judged.reached {
            let flow = flow(config, judged, reached, *verdict);
            let same = found.iter_mut().find(|f| {
                f.name == flow.name
                    && f.sources == flow.sources
                    && f.verdict_is_like(flow.verdict)
                    && f.closer == flow.closer
            });
            match same {
                Some(known) => {
                    if !known.passes.contains(&flow.passes[0]) {
                        known.passes.extend(flow.passes);
                    }
                }
                None => found.push(flow),
            }
        }
    }
    found
}

impl Flow<'_> {
    /// Equal but for the place of the cause.
    fn verdict_is_like(&self, other: Verdict) -> bool {
        let key = |v: Verdict| match v {
            Verdict::NotReused(c) => (1, c.text()),
            Verdict::Partly(c) => (2, c.text()),
            Verdict::Reused => (0, ""),
            Verdict::Unknown => (3, ""),
        };
        key(self.verdict) == key(other)
    }
}

fn flow<'a>(
    config: &'a Config,
    judged: &JudgedLeaf<'a>,
    reached: &ReachedTarget<'a>,
    verdict: Verdict,
) -> Flow<'a> {
    let leaf = &judged.leaf;
    let (name, upstream, destinations) = match reached {
        ReachedTarget::Upstream(upstream) => (upstream.name.clone(), Some(*upstream), destinations(upstream)),
        ReachedTarget::Bare(host, _) => (host.clone(), None, vec![bare(leaf, host)]),
        ReachedTarget::Unix(path) => {
            let endpoint = Endpoint::Unix(path.clone());
            (format!("unix:{path}"), None, vec![Destination { endpoint, share: 1.0 }])
        }
        ReachedTarget::Unknown => ("(from the request)".to_owned(), None, Vec::new()),
    };
    let settings = &leaf.location.settings;
    let bind = match leaf.directive {
        "proxy_pass" => Some(&leaf.proxy().bind.value),
        "fastcgi_pass" => Some(&settings.reuse.fastcgi_bind.value),
        "grpc_pass" => Some(&settings.reuse.grpc_bind.value),
        "memcached_pass" => Some(&settings.reuse.memcached_bind.value),
        // Those of the others are not in the model: the kernel chooses, which is the worst case.
        _ => None,
    };
    let sources = bind.map_or_else(Sources::kernel, |bind| sources(config, bind));
    let closer = closer(leaf, &judged.connections, verdict);
    Flow {
        name,
        upstream,
        destinations,
        sources,
        verdict,
        closer,
        passes: vec![(leaf.directive, leaf.span)],
        session: None,
    }
}

/// Peers of an upstream that take connections, with their shares by weight.
pub(super) fn destinations(upstream: &Upstream) -> Vec<Destination> {
    shares(upstream, false)
}

/// The same of the servers that are `backup`, or of those that are not.
fn shares(upstream: &Upstream, is_backup: bool) -> Vec<Destination> {
    let active = || upstream.peers.iter().filter(|p| !p.down && p.backup == is_backup);
    let total: f64 = active().map(|p| f64::from(p.weight)).sum();
    let mut found: Vec<Destination> = Vec::new();
    for peer in active() {
        let share = f64::from(peer.weight) / total;
        match found.iter_mut().find(|d| d.endpoint == peer.endpoint) {
            Some(known) => known.share += share,
            None => found.push(Destination { endpoint: peer.endpoint.clone(), share }),
        }
    }
    found
}

fn bare(leaf: &Leaf<'_>, host: &str) -> Destination {
    let tls = matches!(&leaf.location.handler, Some(Handler::Proxy(pass)) if pass.tls);
    let port = if tls { 443 } else { 80 };
    let endpoint = if let Ok(address) = host.parse() {
        Endpoint::Inet(address)
    } else if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
        Endpoint::Inet(std::net::SocketAddr::new(ip, port))
    } else {
        match host.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
            Some((name, Ok(port))) => Endpoint::Name(name.to_owned(), port),
            _ => Endpoint::Name(host.to_owned(), port),
        }
    };
    Destination { endpoint, share: 1.0 }
}

/// Counted on nginx 1.22.1 and 1.31.5: whenever the connection could have been kept, nginx itself closes it.
fn closer(leaf: &Leaf<'_>, sent: &[Connection], verdict: Verdict) -> ClosingSide {
    match (verdict, leaf.directive) {
        (Verdict::NotReused(Cause::Protocol | Cause::FastcgiKeepConn), _) => ClosingSide::Race,
        // Connections that are not kept are those that the peer was asked to close.
        (Verdict::Partly(Cause::Connection(_)), _) => ClosingSide::Race,
        (_, "fastcgi_pass") if !leaf.location.settings.reuse.fastcgi_keep_conn.value => ClosingSide::Race,
        (_, "uwsgi_pass" | "scgi_pass") => ClosingSide::Race,
        (_, "proxy_pass") => {
            let old = leaf.proxy().http_version.value == HttpVersion::Http10
                && !sent.contains(&Connection::KeepAlive);
            let told = leaf.proxy().http_version.value != HttpVersion::Http2
                && (old || sent.iter().all(|c| c.closes()));
            if told { ClosingSide::Race } else { ClosingSide::Nginx }
        }
        _ => ClosingSide::Nginx,
    }
}
