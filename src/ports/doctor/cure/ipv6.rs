//! Peers with IPv6 addresses on a host that cannot reach them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Case, Edit, Finding};
use crate::model::{Endpoint, Peer, Upstream};
use crate::source::Span;

/// Setting that switches IPv6 off.
const SWITCH: &str = "net.ipv6.conf.all.disable_ipv6";

/// IPv4 instead of IPv6, where the same server listens there; peers without IPv4 are left out where others are left.
pub(super) fn missing(case: &Case<'_>, targets: &[&str], mut finding: Finding) -> Finding {
    let missing: BTreeSet<SocketAddr> = targets.iter().filter_map(|t| t.parse().ok()).collect();
    let is_missing = |endpoint: &Endpoint| match endpoint {
        Endpoint::Inet(address) => missing.contains(address),
        Endpoint::Name(name, port) => {
            name.eq_ignore_ascii_case("localhost")
                && missing.iter().any(|m| m.ip().is_loopback() && m.port() == *port)
        }
        Endpoint::Unix(_) => false,
    };
    finding.remedy = vec![remedy(case, &missing)];
    let mut edits = Vec::new();
    let mut all = true;
    for upstream in &case.config.http.upstreams {
        let of = upstream.peers.iter().filter(|peer| !peer.down && is_missing(&peer.endpoint));
        for peer in of {
            match other_family(case, upstream, peer) {
                Some(more) => edits.extend(more),
                None => all = false,
            }
        }
    }
    if all && !edits.is_empty() {
        finding.edits = edits;
        finding.effect = Some("nginx connects to IPv4 addresses only, on which the peers listen".to_owned());
    } else if is_off(case) && !missing.is_empty() && missing.iter().all(|peer| comes_back(case, *peer)) {
        finding.commands.push(format!("sysctl -w {SWITCH}=0"));
    }
    finding
}

fn is_off(case: &Case<'_>) -> bool {
    case.evidence.sysctls.get(SWITCH) == Some("1")
}

/// True if a peer can be reached as soon as IPv6 is switched on: loopback gets its address back, and something listens there.
/// Other interfaces lose theirs for good.
fn comes_back(case: &Case<'_>, peer: SocketAddr) -> bool {
    let is_listening = |address: Ipv6Addr| {
        let address = SocketAddr::new(IpAddr::V6(address), peer.port());
        case.evidence.sockets.as_ref().is_none_or(|sockets| sockets.listeners.contains(&address))
    };
    peer.ip().is_loopback() && (is_listening(Ipv6Addr::LOCALHOST) || is_listening(Ipv6Addr::UNSPECIFIED))
}

/// Remedy in words, for this host.
fn remedy(case: &Case<'_>, peers: &BTreeSet<SocketAddr>) -> String {
    let is_local = !peers.is_empty() && peers.iter().all(|peer| peer.ip().is_loopback());
    let write = if is_local {
        "write 127.0.0.1 for [::1] and for localhost, if the peer listens there"
    } else {
        "write IPv4 addresses of the peers, and for names `resolver … ipv6=off`"
    };
    let host = match (is_off(case), is_local) {
        (true, true) => format!("switch IPv6 on ({SWITCH} = 0)"),
        (true, false) => format!(
            "switch IPv6 on ({SWITCH} = 0) and give this host an address and a route to the peers: switching it off took them away"
        ),
        (false, _) => {
            "give this host an IPv6 address and a route to the peers (`ip -6 addr`, `ip -6 route`)".to_owned()
        }
    };
    format!("{write}; or {host}")
}

/// The edits that let a peer be reached over IPv4, or left out.
fn other_family(case: &Case<'_>, upstream: &Upstream, peer: &Peer) -> Option<Vec<Edit>> {
    let (written, port, is_local) = match &peer.endpoint {
        Endpoint::Inet(address) => {
            (format!("[{}]", address.ip()), address.port(), address.ip().is_loopback())
        }
        Endpoint::Name(name, port) => (name.clone(), *port, true),
        Endpoint::Unix(_) => return None,
    };
    let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let sockets = case.evidence.sockets.as_ref();
    let is_served = is_local && sockets.is_some_and(|s| s.is_listening(local));
    let is_other = |peer: &Peer| match &peer.endpoint {
        Endpoint::Inet(address) => address.is_ipv4(),
        Endpoint::Name(..) => false,
        Endpoint::Unix(_) => true,
    };
    let has_others = upstream.peers.iter().any(|peer| !peer.down && !peer.backup && is_other(peer));
    let has_same = upstream.peers.iter().any(|p| matches!(p.endpoint, Endpoint::Inet(a) if a == local));
    if is_served && !has_same {
        let to = Ipv4Addr::LOCALHOST.to_string();
        // A bare host stands in each `proxy_pass` that names it.
        let mut places: Vec<Span> = if upstream.is_implicit() {
            let flows = case.flows.iter().filter(|f| f.name == upstream.name);
            flows.flat_map(|f| f.passes.iter().map(|(_, span)| *span)).collect()
        } else {
            vec![peer.span]
        };
        places.dedup();
        return Some(
            places
                .into_iter()
                .map(|span| Edit::Word { span, from: written.clone(), to: to.clone() })
                .collect(),
        );
    }
    has_others.then(|| {
        vec![Edit::Word { span: peer.span, from: peer.name.clone(), to: format!("{} down", peer.name) }]
    })
}
