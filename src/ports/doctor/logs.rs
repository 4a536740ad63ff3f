//! What the logs say.

use super::{Case, Finding, Severity};
use crate::ports::error_log::{ErrorLog, Seen, clock};
use crate::ports::signal::{Meaning, Signal, meaning};

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Finding>) {
    if let Some(log) = &case.evidence.errors {
        error_log(case, log, found);
    }
    access_log(case, found);
}

fn error_log(case: &Case<'_>, log: &ErrorLog, found: &mut Vec<Finding>) {
    for (signal, seen) in &log.seen {
        let Some(meaning) = meaning(*signal) else { continue };
        match signal {
            Signal::NoLive => found.push(no_live(log, seen, meaning)),
            // Only the cause is worth a finding, and these are not about ports.
            Signal::Disabled | Signal::Refused | Signal::ConnectTimeout | Signal::Closed => {}
            _ => found.push(message(case, *signal, seen, meaning)),
        }
    }
}

fn severity(signal: Signal) -> Severity {
    match signal {
        Signal::WorkerConnections | Signal::OpenFiles | Signal::InvalidLocal => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn message(case: &Case<'_>, signal: Signal, seen: &Seen, meaning: &Meaning) -> Finding {
    let heaviest = seen.targets.iter().max_by_key(|(_, n)| **n).map(|(target, _)| target.as_str());
    let to = heaviest.map_or(String::new(), |t| format!(" ({t})"));
    let title = match signal {
        Signal::NoPort => format!("connections failed for want of a local port{to}"),
        Signal::BindInUse => format!("proxy_bind could not reserve a port{to}"),
        Signal::BindNoAddress => format!("proxy_bind names an address that this host does not have{to}"),
        Signal::BindFamily => format!("proxy_bind and the peer are of different families{to}"),
        Signal::BindForbidden => format!("proxy_bind is not permitted{to}"),
        Signal::ConnectInvalid => format!("a bound loopback address cannot reach the peer{to}"),
        Signal::InvalidLocal => "proxy_bind gave a value that is no address".to_owned(),
        Signal::UdpNoPort => format!("UDP sessions failed for want of a local port{to}"),
        Signal::ListenInUse => format!("nginx could not listen{to}"),
        Signal::WorkerConnections => "workers ran out of worker_connections".to_owned(),
        _ => "the process ran out of open files".to_owned(),
    };
    let (first, last) = seen.times;
    let times = if seen.is_dated() {
        format!(", {} to {}", clock(first), clock(last))
    } else {
        ", without a date".to_owned()
    };
    let mut finding = Finding::new(meaning.name, severity(signal), title)
        .seen(format!("{} × in the error log{times}", seen.count))
        .seen(seen.sample.clone())
        .seen(format!("clients got {}; {}", meaning.status, meaning.cause));
    if seen.targets.len() > 1 {
        let mut targets: Vec<_> = seen.targets.iter().collect();
        targets.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
        let list: Vec<String> = targets.iter().take(5).map(|(t, n)| format!("{t} {n} ×")).collect();
        finding = finding.seen(list.join(", "));
    }
    finding = finding.remedy(meaning.remedy);
    if signal == Signal::NoPort {
        let rate = case.evidence.access.as_ref().and_then(crate::ports::access_log::AccessLog::rate);
        if let Some(position) = heaviest.and_then(|t| case.flow_named(t)) {
            finding = finding.blame(case, position, rate);
        }
        let host = &case.evidence.host;
        if host.tw_reuse.value != 1 && host.timestamps.value != 0 {
            finding = finding.remedy(
                "until the configuration is repaired, without a reload: sysctl -w net.ipv4.tcp_tw_reuse=1 (ports are used \
                 again after a second)",
            );
        }
    }
    if let Some((span, why)) = bind_line(case, signal) {
        finding.fault = Some((span, why));
    }
    finding
}

/// The `proxy_bind` that a message about binding comes from.
fn bind_line(case: &Case<'_>, signal: Signal) -> Option<(crate::source::Span, String)> {
    let about_bind = matches!(
        signal,
        Signal::BindInUse
            | Signal::BindNoAddress
            | Signal::BindFamily
            | Signal::BindForbidden
            | Signal::ConnectInvalid
            | Signal::InvalidLocal
    );
    if !about_bind {
        return None;
    }
    let mut settings = case.config.http.locations().map(|(_, l)| &l.settings.proxy.bind);
    let span = settings.find_map(|bind| bind.origin.span())?;
    Some((span, "proxy_bind".to_owned()))
}

fn no_live(log: &ErrorLog, seen: &Seen, meaning: &Meaning) -> Finding {
    let (first, last) = seen.times;
    let times = format!("{} to {}", clock(first), clock(last));
    if log.no_live_after_no_port == 0 {
        return Finding::new(
            "no-live-upstreams",
            Severity::Warning,
            "all peers of an upstream were marked as failed",
        )
        .seen(format!("{} × \"no live upstreams\", {times}", seen.count))
        .seen("none within 10 s of a missing port: the peers themselves failed")
        .remedy(meaning.remedy);
    }
    let caused = log.no_live_after_no_port;
    let ports = log.get(Signal::NoPort).map_or(0, |s| s.count);
    Finding::new(
        "no-live-upstreams",
        Severity::Warning,
        format!("{caused} × \"no live upstreams\" were caused by a missing port, not by the peers"),
    )
    .seen(format!("{} × in all, {times}; {ports} × connect() failed (99) within the 10 s before", seen.count))
    .seen("one failed connect() each marks all peers as failed for fail_timeout (max_fails=1)")
    .remedy("repair the shortage of ports; max_fails=0 would only hide it")
}

fn access_log(case: &Case<'_>, found: &mut Vec<Finding>) {
    let Some(log) = &case.evidence.access else { return };
    if let Some((first, last, errors)) = log.burst() {
        let shortage = case.evidence.errors.as_ref().and_then(|e| e.get(Signal::NoPort)).filter(|seen| {
            // Both logs are written in local time, to the second.
            seen.times.0 <= last + 2 && first <= seen.times.1 + 2
        });
        let title = format!("a burst of {errors} failed requests, {} to {}", clock(first), clock(last));
        let mut finding = Finding::new("burst-of-errors", Severity::Warning, title)
            .seen(format!("{} of {} requests failed in all (status 5xx)", log.errors, log.requests));
        for (count, text) in [
            (log.no_port, "look like a missing port or a refused connection: 502, a peer, no connect time"),
            (log.no_live, "had no live upstream: 502 and the upstream's name as the peer"),
            (log.bind_failed, "look like a failing bind(): 500 and no peer"),
        ] {
            if count > 0 {
                finding = finding.seen(format!("{count} {text}"));
            }
        }
        finding = match shortage {
            Some(seen) => finding.seen(format!("{} × connect() failed (99) at the same time", seen.count)),
            None => finding.remedy("the error log of that time says why"),
        };
        found.push(finding);
    } else if log.internal > 0 && log.bind_failed == 0 {
        // Few, or one, as a ticket quotes them: not a burst, but the answer that this is about.
        let title = format!("{} of {} requests were answered 500", log.internal, log.requests);
        let mut finding = Finding::new("answered-500", Severity::Warning, title)
            .seen("nginx answers 500 by itself when bind() fails, and 502 when connect() finds no port");
        finding = match case.evidence.errors.as_ref().and_then(|e| e.get(Signal::NoPort)) {
            Some(seen) => finding.seen(format!("{} × connect() failed (99) in the error log", seen.count)),
            None => finding.remedy("the error log of that time says why"),
        };
        found.push(finding);
    }
    let missing = log.missing();
    if !missing.is_empty() {
        let list: Vec<String> = missing.iter().map(|n| format!("${n}")).collect();
        found.push(
            Finding::new(
                "log-format-lacks",
                Severity::Info,
                format!("the access log lacks {}", list.join(", ")),
            )
            .remedy(LOG_FORMAT),
        );
    }
}

/// A format with everything that a diagnosis can use.
const LOG_FORMAT: &str = "log_format ports '$remote_addr $remote_port [$time_local] $msec \"$request\" $status $request_time \
                          $upstream_addr $upstream_status $upstream_connect_time $upstream_response_time';";
