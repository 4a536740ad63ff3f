//! Cures of causes that are no shortage of ports: edits of the configuration, else commands for the host.

mod buffers;
mod ipv6;
mod names;
mod tls;

use std::net::SocketAddr;

use super::{Case, Finding};
use crate::model::proxy::Bind;
use crate::ports::error_log::MessageGroup;
use crate::ports::signal::Signal;
use crate::source::Span;

/// An edit of the configuration; who has its text makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit {
    /// In the directive the text `from` becomes `to`.
    Word {
        /// The directive.
        span: Span,
        /// Present text.
        from: String,
        /// Wanted text.
        to: String,
    },
    /// Instead of a directive, or before the end of its block if it is not set: this one.
    Directive {
        /// The directive, if it is set.
        set: Option<Span>,
        /// Where one can be added.
        body: Span,
        /// The directive with its `;`.
        text: String,
    },
    /// Before a directive or a block: these directives.
    Before {
        /// The directive, or the head of the block.
        place: Span,
        /// The directives with their `;`.
        text: String,
    },
}

impl Edit {
    /// Instead of a directive, or before a place if it is not set.
    pub fn set_or_before(set: Option<Span>, place: Span, text: String) -> Self {
        match set {
            Some(set) => Self::Directive { set: Some(set), body: set, text },
            None => Self::Before { place, text },
        }
    }
}

/// Queue that a listening socket may have by default since Linux 5.4.
const SOMAXCONN: u32 = 4096;

/// Seconds that a pool keeps an idle connection where the peer's own limit is not known: gunicorn closes after 2 s,
/// Node.js, Apache and uvicorn after 5 s.
const IDLE: u64 = 1;

/// Adds what cures a message about `targets`, which a flow connects to.
pub(super) fn add(
    case: &Case<'_>,
    signal: Signal,
    seen: &MessageGroup,
    targets: &[&str],
    flow: Option<usize>,
    finding: Finding,
) -> Finding {
    match signal {
        Signal::HeaderTooBig => buffers::head(case, targets, finding),
        Signal::BodyTooLarge => buffers::body(case, seen, targets, finding),
        Signal::NoResolver => names::resolver(case, finding),
        Signal::ResolverDown | Signal::HostNotFound => names::servers(case, finding),
        Signal::TlsPeer => tls::with_peer(case, &seen.sample, targets, finding),
        Signal::NoIpv6 => ipv6::missing(case, targets, finding),
        Signal::BindInUse => bind_in_use(case, flow, finding),
        Signal::BindNoAddress | Signal::ListenNoAddress => missing_address(case, targets, finding),
        Signal::UnixQueueFull => queue(case, finding),
        Signal::WorkerConnections => worker_connections(case, finding),
        _ => finding,
    }
}

/// `proxy_bind` without its port, and connections that are used again, as the port was not the only thing missing.
fn bind_in_use(case: &Case<'_>, flow: Option<usize>, mut finding: Finding) -> Finding {
    let binds = case.config.http.locations().map(|(_, l)| &l.settings.proxy.bind);
    for bind in binds {
        let (Bind::Address { address, .. }, Some(span)) = (&bind.value, bind.origin.span()) else { continue };
        let edit = Edit::Word { span, from: format!(":{}", address.port()), to: String::new() };
        if address.port() != 0 && !finding.edits.contains(&edit) {
            finding.edits.push(edit);
        }
    }
    if finding.edits.is_empty() {
        return finding;
    }
    finding.effect = Some("the kernel chooses a port for each peer; the source address stays".to_owned());
    match flow {
        Some(position) => finding.blame(case, position),
        None => finding,
    }
}

/// The addresses that the host does not have.
fn missing_address(case: &Case<'_>, targets: &[&str], mut finding: Finding) -> Finding {
    let ip = |target: &&str| {
        let address = target.parse::<SocketAddr>().map(|a| a.ip());
        address.ok().or_else(|| target.trim_matches(['[', ']']).parse().ok())
    };
    let Some(own) = &case.evidence.addresses else { return finding };
    for address in targets.iter().filter_map(ip) {
        if own.has(address) {
            finding = finding.seen(format!("now this host has {address}: it came later, or was added since"));
            continue;
        }
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let device = own.interface(address);
        finding.commands.push(format!("ip addr add {address}/{bits} dev {device}"));
    }
    if !finding.commands.is_empty() {
        finding = finding.seen(
            "the address is added to the interface of its route, on this host only and until it starts again: one that \
             another host holds (a virtual address) has to be moved by what moves it, keepalived for example",
        );
    }
    finding
}

/// A longer listen queue, where the kernel's limit makes it short.
pub(super) fn queue(case: &Case<'_>, mut finding: Finding) -> Finding {
    let name = "net.core.somaxconn";
    let Some(most) = case.evidence.sysctls.get(name).and_then(|t| t.parse::<u32>().ok()) else {
        return finding;
    };
    finding = finding.seen(format!("{name} = {most}: no listen queue on this host is longer"));
    if most < SOMAXCONN {
        finding.commands.push(format!("sysctl -w {name}={SOMAXCONN}"));
        finding = finding
            .remedy("start the backend again after that: a queue gets its length when the backend listens");
    }
    finding
}

/// Room for more connections, and for their descriptors where that is limited too.
fn worker_connections(case: &Case<'_>, mut finding: Finding) -> Finding {
    let core = &case.config.core;
    let Some(set) = core.worker_connections.origin.span() else { return finding };
    let more = core.worker_connections.value.saturating_mul(4);
    let directive = |set: Span, text: String| Edit::Directive { set: Some(set), body: set, text };
    finding.edits.push(directive(set, format!("worker_connections {more};")));
    let files = &core.worker_rlimit_nofile;
    let needed = more.saturating_mul(2);
    if let Some(set) = files.origin.span().filter(|_| files.value < needed) {
        finding.edits.push(directive(set, format!("worker_rlimit_nofile {needed};")));
    }
    finding.effect = Some(format!(
        "{more} connections in each worker, clients and peers together; if it is not enough either, clients or peers are \
         slow, or too many are idle (keepalive_timeout)"
    ));
    finding
}

/// Lets nginx close idle connections before the peers do.
pub(super) fn idle(case: &Case<'_>, position: usize, mut finding: Finding) -> Finding {
    let Some(upstream) = case.flows[position].upstream else { return finding };
    let timeout = &upstream.keepalive.timeout;
    let Some(body) = upstream.body.filter(|_| timeout.value.as_secs() > IDLE) else { return finding };
    finding.edits.push(Edit::Directive {
        set: timeout.origin.span(),
        body,
        text: format!("keepalive_timeout {IDLE}s;"),
    });
    finding.effect = Some(format!(
        "nginx closes a connection that was idle for {IDLE} s, before peers do that wait longer (gunicorn 2 s, Node.js, \
         Apache and uvicorn 5 s); if yours closes earlier still, or with a number of requests, that is its setting to change"
    ));
    finding
}
