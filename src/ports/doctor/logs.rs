//! Findings from the error log.

use std::collections::BTreeMap;

use super::{Case, Finding, Severity, bursts};
use crate::ports::dates::{from_to, stamp};
use crate::ports::error_log::{ErrorLog, MessageGroup};
use crate::ports::signal::{Meaning, Signal, Weight, meaning};
use crate::reuse::Verdict;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if let Some(log) = &case.evidence.errors {
        error_log(case, log, found);
    }
    bursts::check(case, found);
}

fn error_log(case: &Case<'_>, log: &ErrorLog, found: &mut Vec<Finding>) {
    for (signal, seen) in &log.seen {
        let mut findings = of_kind(case, log, *signal, seen);
        if let (Some(before), Some(first), Some(reload)) =
            (log.before.get(signal), findings.first_mut(), &log.reload)
        {
            let more = format!("{} more before the last reload, {}", times(before.count), stamp(reload.at));
            first.evidence.push(more);
        }
        found.append(&mut findings);
    }
    let Some(reload) = &log.reload else { return };
    for (signal, seen) in log.before.iter().filter(|(signal, _)| !log.seen.contains_key(signal)) {
        let past = |mut finding: Finding| {
            if ALWAYS_MORE.contains(signal) {
                finding.edits.clear();
            }
            // Peers that the configuration names no longer.
            if *signal == Signal::NoIpv6
                && seen.targets.keys().all(|target| case.flow_named(target).is_none())
            {
                finding.commands.clear();
            }
            finding.before_reload(reload.at)
        };
        found.extend(of_kind(case, log, *signal, seen).into_iter().map(past));
    }
}

/// Kinds whose edits ask for more than there is, whatever that is: they do not say that the cause is still there.
const ALWAYS_MORE: [Signal; 4] =
    [Signal::WorkerConnections, Signal::HeaderTooBig, Signal::NoResolver, Signal::TlsPeer];

/// The findings of one kind of messages.
fn of_kind(case: &Case<'_>, log: &ErrorLog, signal: Signal, seen: &MessageGroup) -> Vec<Finding> {
    let is_shortage = signal == Signal::NoIpv6 && is_shortage(case, seen);
    let signal = if is_shortage { Signal::NoPort } else { signal };
    let Some(meaning) = meaning(signal) else { return Vec::new() };
    match signal {
        Signal::NoLive => vec![no_live(case, log, seen, meaning)],
        // Each flow has a cure of its own.
        Signal::NoPort | Signal::NoIpv6 => {
            let parts = by_flow(case, seen);
            parts.iter().map(|seen| message(case, log, signal, seen, meaning)).collect()
        }
        _ => vec![message(case, log, signal, seen, meaning)],
    }
}

/// `once`, `3 times`
pub(super) fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

/// The same messages for each flow, and those of peers that no flow has.
fn by_flow(case: &Case<'_>, seen: &MessageGroup) -> Vec<MessageGroup> {
    let mut parts: Vec<(Option<usize>, MessageGroup)> = Vec::new();
    for (target, count) in &seen.targets {
        let flow = case.flow_named(target);
        let at = parts.iter().position(|(known, _)| *known == flow).unwrap_or_else(|| {
            parts.push((flow, MessageGroup { count: 0, targets: BTreeMap::new(), ..seen.clone() }));
            parts.len() - 1
        });
        let part = &mut parts[at].1;
        part.count += count;
        part.targets.insert(target.clone(), *count);
    }
    if parts.len() < 2 {
        return vec![seen.clone()];
    }
    for (_, part) in &mut parts {
        if !part.targets.keys().any(|target| part.sample.contains(target.as_str())) {
            part.sample.clear();
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// True if an IPv6 peer could not be reached for want of ports, as the number is the same: they are taken now, or
/// the peer was reached in the same time.
fn is_shortage(case: &Case<'_>, seen: &MessageGroup) -> bool {
    let all = case.evidence.host.ports().all;
    let is_taken = |target: &String| {
        let peer = target.parse::<std::net::SocketAddr>().ok();
        let outgoing = case.evidence.sockets.iter().flat_map(|sockets| &sockets.outgoing);
        outgoing.filter(|((_, to), _)| Some(*to) == peer).any(|(_, uses)| uses.total() * 2 >= all)
    };
    let is_reached = |target: &String| {
        let log = case.evidence.access.iter().filter(|_| seen.is_dated());
        let mut attempts = log.flat_map(|log| log.peers.between(seen.times.0, seen.times.1));
        attempts.any(|(name, attempts, failed)| name == target && attempts > failed)
    };
    seen.sample.contains("(99:") && seen.targets.keys().any(|target| is_taken(target) || is_reached(target))
}

fn severity(weight: Weight) -> Severity {
    match weight {
        Weight::Info => Severity::Info,
        Weight::Warning => Severity::Warning,
        Weight::Critical => Severity::Critical,
    }
}

/// Peers, most often named first: all if they are two, else the first and how many more.
fn peers(seen: &MessageGroup) -> (Vec<(&str, u64)>, String) {
    let mut targets: Vec<(&str, u64)> = seen.targets.iter().map(|(t, n)| (t.as_str(), *n)).collect();
    targets.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let text = match targets.as_slice() {
        [] => String::new(),
        [(one, _)] => format!(" ({one})"),
        [(one, _), (two, _)] => format!(" ({one}, {two})"),
        [(one, _), more @ ..] => format!(" ({one} and {} more)", more.len()),
    };
    (targets, text)
}

fn message(
    case: &Case<'_>,
    log: &ErrorLog,
    signal: Signal,
    seen: &MessageGroup,
    meaning: &Meaning,
) -> Finding {
    let (targets, mut to) = peers(seen);
    if signal == Signal::OtherError {
        to.clear();
    }
    let heaviest = targets.first().map(|(target, _)| *target);
    let is_stream = seen.of_stream == seen.count && seen.count > 0;
    let flow = heaviest.and_then(|target| {
        if is_stream {
            case.session_named(target, signal == Signal::UdpNoPort)
        } else {
            case.flow_named(target)
        }
    });
    let is_pooled = flow.is_some_and(|f| case.flows[f].verdict == Verdict::Reused);
    let race = is_pooled && matches!(signal, Signal::Closed | Signal::Reset);
    let is_full =
        signal == Signal::ConnectTimeout && targets.iter().any(|(target, _)| has_full_queue(case, target));
    let (name, title) = match (race, is_full) {
        (true, _) => ("closed-while-kept", "peers closed connections that nginx had kept"),
        (_, true) => ("listen-queue-full", "the listen queue of a peer on this host is full"),
        _ => (meaning.name, meaning.title),
    };
    let finding = Finding::new(name, severity(meaning.weight), format!("{title}{to}")).seen(count(log, seen));
    let mut finding = sockets(case, signal, &targets, told(case, seen, meaning, &targets, finding));
    let holds = |f: usize| case.flows[f].verdict == Verdict::Reused;
    let is_session = is_stream || flow.is_some_and(|f| case.flows[f].session.is_some());
    finding = match flow {
        _ if signal == Signal::NoPort && (is_session || flow.is_none()) => {
            super::cure::host::without_pool(case, &targets, finding)
        }
        Some(flow) if signal == Signal::NoPort && holds(flow) => finding.remedy(POOL),
        _ => finding.remedy(meaning.remedy),
    };
    if race && let Some(upstream) = flow.and_then(|f| case.flows[f].upstream) {
        finding = finding.seen(format!(
            "nginx keeps an idle connection for keepalive_timeout = {} s: a peer that closes earlier can do so while a \
             request is on its way",
            upstream.keepalive.timeout.value.as_secs_f64()
        ));
    }
    match flow {
        Some(position) if signal == Signal::NoPort => {
            finding = finding.blame(case, position);
        }
        Some(position) => {
            let place = case.flows[position].passes.first();
            finding.fault = place.map(|(directive, span)| (*span, (*directive).to_owned()));
        }
        None => {}
    }
    let named: Vec<&str> = targets.iter().map(|(target, _)| *target).collect();
    finding = super::cure::add(case, signal, seen, &named, flow, finding);
    if race && let Some(position) = flow {
        finding = super::cure::idle(case, position, finding);
    }
    if is_full {
        finding = full_queue(case, finding);
    }
    if let Some(largest) = seen.largest {
        finding = finding.seen(format!(
            "the largest was {largest} bytes: `client_max_body_size {}m` takes it",
            largest.div_ceil(1 << 20)
        ));
    }
    let host = &case.evidence.host;
    if signal == Signal::NoPort && !is_session && host.tw_reuse.value != 1 && host.timestamps.value != 0 {
        finding = finding.remedy(
            "until the configuration is repaired, without a reload: sysctl -w net.ipv4.tcp_tw_reuse=1 (ports are used \
             again after a second)",
        );
    }
    if let Some((span, why)) = setting_line(case, signal) {
        finding.fault = Some((span, why));
    }
    match signal {
        Signal::NoPort if flow.is_some() => super::drain::missing_ports(case, seen, is_session, finding),
        Signal::BindNoAddress => super::cure::host::there_now(case, seen, &named, finding),
        _ => finding,
    }
}

/// The messages themselves: one of them, its effect and cause, and the peers.
fn told(
    case: &Case<'_>,
    seen: &MessageGroup,
    meaning: &Meaning,
    targets: &[(&str, u64)],
    mut finding: Finding,
) -> Finding {
    let is_stream = seen.of_stream == seen.count && seen.count > 0;
    if !seen.sample.is_empty() {
        finding = finding.seen(seen.sample.clone());
    }
    let effect = super::rescued::effect(case, seen, targets);
    let effect = effect.unwrap_or_else(|| meaning.effect("got", is_stream));
    finding = finding.seen(format!("{effect}; {}", meaning.cause));
    if seen.of_stream > 0 && !is_stream {
        finding =
            finding.seen(format!("{} of them in `stream`, whose sessions are closed", times(seen.of_stream)));
    }
    finding.count = seen.count;
    if targets.len() > 1 {
        let list: Vec<String> = targets.iter().take(5).map(|(t, n)| format!("{t} {}", times(*n))).collect();
        finding = finding.seen(list.join(", "));
    }
    finding
}

/// Evidence and remedy of a full queue of a listening socket on this host.
fn full_queue(case: &Case<'_>, finding: Finding) -> Finding {
    let counter = case.evidence.counters.as_ref().map_or(0, |c| c.get(OVERFLOWS));
    let finding = finding
        .seen(format!(
            "listen queues of this host were full {counter} times since it started ({OVERFLOWS}): a connection then waits \
             for the next attempt, a second later"
        ))
        .remedy("more workers of the peer, or a longer queue: the backlog that it listens with");
    super::cure::queue(case, finding)
}

/// Remedy for ports that are missing although connections are used again.
const POOL: &str = "the pool of each worker has to hold the requests that it has under way (`keepalive`, `ngxc ports --solve-for \
                    keepalive`); more source addresses or ports only move the limit (`ngxc ports`)";

/// Connections that a full queue of a listening socket did not take.
const OVERFLOWS: &str = "TcpExt.ListenOverflows";

/// True if a peer is on this host, and queues of this host were full.
fn has_full_queue(case: &Case<'_>, target: &str) -> bool {
    let is_here =
        case.evidence.sockets.as_ref().zip(target.parse().ok()).is_some_and(|(s, peer)| s.is_listening(peer));
    is_here && case.evidence.counters.as_ref().is_some_and(|c| c.get(OVERFLOWS) > 0)
}

/// Number, share of all, and time.
fn count(log: &ErrorLog, seen: &MessageGroup) -> String {
    let (first, last) = seen.times;
    let before =
        log.before.iter().filter(|(signal, _)| **signal != Signal::Other).map(|(_, seen)| seen.count);
    let all = log.problems + before.sum::<u64>();
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let share = 100.0 * seen.count as f64 / all.max(1) as f64;
    let share = if share < 0.1 { "under 0.1 %".to_owned() } else { format!("{share:.0} %") };
    let when = if seen.is_dated() { from_to(first, last) } else { "without a date".to_owned() };
    format!("{} in the error log ({share} of its errors), {when}", times(seen.count))
}

/// Evidence of sockets and settings for a message.
fn sockets(case: &Case<'_>, signal: Signal, targets: &[(&str, u64)], mut finding: Finding) -> Finding {
    if signal == Signal::NoIpv6 && case.evidence.sysctls.get("net.ipv6.conf.all.disable_ipv6") == Some("1") {
        finding = finding.seen("net.ipv6.conf.all.disable_ipv6 = 1: IPv6 is switched off on this host");
    }
    if signal == Signal::ConnectTimeout && case.evidence.sysctls.get("net.ipv4.ip_nonlocal_bind") == Some("1")
    {
        finding = finding.seen(
            "net.ipv4.ip_nonlocal_bind = 1: an address in proxy_bind that this host does not have is bound all the \
             same, and the answers of the peer never arrive",
        );
    }
    let Some(sockets) = &case.evidence.sockets else { return finding };
    let all = case.evidence.host.ports().all;
    let peer = |target: &str| target.parse::<std::net::SocketAddr>().ok();
    let of = |target: &str| {
        let peer = peer(target);
        let uses = sockets.outgoing.iter().filter(move |((_, to), _)| Some(*to) == peer);
        uses.map(|(_, uses)| *uses)
            .max_by_key(crate::ports::sockets::ConnectionCount::total)
            .unwrap_or_default()
    };
    if !matches!(signal, Signal::NoPort | Signal::NoIpv6 | Signal::ConnectTimeout) {
        return finding;
    }
    for (target, _) in targets.iter().filter(|(t, _)| peer(t).is_some()).take(2) {
        let uses = of(target);
        match signal {
            Signal::ConnectTimeout if uses.syn_sent > 0 => {
                finding = finding.seen(format!(
                    "{} connections to {target} wait for an answer now (SYN_SENT)",
                    uses.syn_sent
                ));
            }
            Signal::NoIpv6 if uses.total() * 2 >= all => {
                finding = finding.seen(format!(
                    "but {} of {all} ports to {target} are in use now: it can be a shortage of ports after all",
                    uses.total()
                ));
            }
            Signal::NoPort | Signal::NoIpv6 => {
                finding = finding.seen(format!("now {} of {all} ports to {target} are in use", uses.total()));
            }
            _ => {}
        }
    }
    finding
}

/// The line of the configuration that a message is about, where it is no `proxy_pass`.
fn setting_line(case: &Case<'_>, signal: Signal) -> Option<(crate::source::Span, String)> {
    match signal {
        Signal::BindInUse
        | Signal::BindNoAddress
        | Signal::BindFamily
        | Signal::BindForbidden
        | Signal::ConnectInvalid
        | Signal::InvalidLocal => {
            let mut settings = case.config.http.locations().map(|(_, l)| &l.settings.proxy.bind);
            let span = settings.find_map(|bind| bind.origin.span())?;
            Some((span, "proxy_bind".to_owned()))
        }
        _ => None,
    }
}

fn no_live(case: &Case<'_>, log: &ErrorLog, seen: &MessageGroup, meaning: &Meaning) -> Finding {
    let (_, to) = peers(seen);
    let named = |name: &str| case.config.http.upstreams.iter().find(|u| u.name == name);
    let upstream = seen.targets.keys().find_map(|name| named(name));
    let rule = upstream
        .and_then(|u| u.peers.first())
        .map(|peer| format!("max_fails={} fail_timeout={}s", peer.max_fails, peer.fail_timeout.as_secs()));
    let rule = rule.unwrap_or_else(|| "max_fails=1 fail_timeout=10s unless it is set".to_owned());
    let known: u64 = log.no_live_after.values().sum();
    let by_ports = log.no_live_after.get(&Signal::NoPort).copied().unwrap_or_default();
    let title = match by_ports {
        0 => format!("all peers of an upstream were marked as failed{to}"),
        n => {
            format!("\"no live upstreams\", {}, was caused by a missing port, not by the peers{to}", times(n))
        }
    };
    let mut finding = Finding::new("no-live-upstreams", Severity::Warning, title).seen(count(log, seen));
    for (signal, n) in &log.no_live_after {
        let name = crate::ports::signal::meaning(*signal).map_or("", |m| m.name);
        let failures = log.get(*signal).map_or(0, |s| s.count);
        finding = finding.seen(format!("{} after `{name}` (in the log {})", times(*n), times(failures)));
    }
    if known < seen.count && log.seen.contains_key(&Signal::NoLive) {
        finding = finding
            .seen(format!("{} with no failure of a peer in the time before", times(seen.count - known)));
    }
    finding = finding.seen(format!("a peer that failed gets no requests for a time ({rule})"));
    let place = upstream.map(|u| u.span);
    finding.fault = place.map(|span| (span, format!("upstream: {rule}")));
    if let Some(at) = super::drain::over_since(case).filter(|_| by_ports >= known) {
        return finding.over(&format!("until {}", stamp(at)));
    }
    match by_ports {
        0 => finding.remedy(meaning.remedy),
        _ => finding.remedy("repair the shortage of ports; max_fails=0 would only hide it"),
    }
}
