//! Causes that only this host can cure, and those that it has cured by now.

use std::net::SocketAddr;

use super::{Case, Finding};
use crate::ports::dates::stamp;
use crate::ports::error_log::MessageGroup;
use crate::ports::signal::{Signal, meaning};

/// Judges a missing address that this host has by now.
pub(in super::super) fn there_now(
    case: &Case<'_>,
    seen: &MessageGroup,
    targets: &[&str],
    finding: Finding,
) -> Finding {
    let Some(own) = &case.evidence.addresses else { return finding };
    let is_here = |target: &&str| {
        let ip = target.parse::<SocketAddr>().map(|address| address.ip());
        ip.ok().or_else(|| target.trim_matches(['[', ']']).parse().ok()).is_some_and(|ip| own.has(ip))
    };
    let is_later = case.evidence.now.is_some_and(|now| seen.is_dated() && now > seen.times.1);
    if is_later && !targets.is_empty() && targets.iter().all(is_here) {
        let when = format!("until {}, and this host has the address now", stamp(seen.times.1));
        return finding.over(&when);
    }
    finding
}

/// Peers of `stream`, or those that `http` passes no request to: no pool can help. Ports in `TIME_WAIT` can be used sooner.
pub(in super::super) fn without_pool(
    case: &Case<'_>,
    targets: &[(&str, u64)],
    mut finding: Finding,
) -> Finding {
    let host = &case.evidence.host;
    let peers: Vec<SocketAddr> = targets.iter().filter_map(|(target, _)| target.parse().ok()).collect();
    let outgoing = case.evidence.sockets.iter().flat_map(|sockets| &sockets.outgoing);
    let uses = outgoing.filter(|((_, peer), _)| peers.contains(peer)).map(|(_, uses)| *uses);
    let (closed, open) = uses
        .fold((0, 0), |(closed, open), uses| (closed + uses.time_wait, open + uses.total() - uses.time_wait));
    if host.tw_reuse.value != 1 && host.timestamps.value != 0 && closed >= open {
        finding.commands.push("sysctl -w net.ipv4.tcp_tw_reuse=1".to_owned());
        finding = finding.remedy("tcp_tw_reuse=1 frees a port a second after its session");
    }
    let (first, last) = host.range.value;
    if last - first < 50_000 {
        finding.commands.push("sysctl -w net.ipv4.ip_local_port_range='15000 65000'".to_owned());
    }
    finding.only_widens = true;
    finding.remedy(meaning(Signal::NoPort).map_or("", |meaning| meaning.remedy_of(true)))
}
