//! The answer of `ngxc ports` for a person.

use std::fmt::Write as _;

use super::schema::{Answer, FlowAnswer, HostFacts, LoadAnswer, RowAnswer, Tuple};

/// Tuples that are listed; the rest is counted.
const LISTED: usize = 8;

pub(super) fn text(answer: &Answer) -> String {
    let mut out = String::new();
    for assumption in &answer.assumptions {
        let _ = writeln!(out, "{assumption}");
    }
    host(&mut out, &answer.nginx, &answer.host);
    if answer.flows.is_empty() {
        out.push_str("\nnothing passes requests or sessions on: no ports are needed for upstreams\n");
    }
    for flow in &answer.flows {
        out.push('\n');
        self::flow(&mut out, flow);
    }
    out
}

pub(super) fn host(out: &mut String, nginx: &str, host: &HostFacts) {
    let [first, last] = host.port_range;
    let _ = writeln!(
        out,
        "{nginx}, ports {first}-{last}: {} to each destination, cliff at {} ({})",
        group(host.ports.into()),
        group(host.cliff.into()),
        host.source
    );
    let reused = match (host.tcp_tw_reuse, host.tcp_timestamps) {
        (_, 0) => "off: timestamps are",
        (0, _) => "off",
        (1, _) => "on",
        _ => "loopback only",
    };
    let _ = writeln!(out, "TIME_WAIT {} s, tcp_tw_reuse {reused}", host.time_wait_seconds);
    if !host.assumed.is_empty() && host.source != "assumed: Linux's defaults" {
        let _ = writeln!(out, "assumed, Linux's defaults: {}", host.assumed.join(", "));
    }
    if !host.reserved.is_empty() {
        let _ = writeln!(out, "reserved: {}", host.reserved);
    }
    if !host.listening_in_range.is_empty() {
        let ports: Vec<String> = host.listening_in_range.iter().map(u16::to_string).collect();
        let _ = writeln!(
            out,
            "listening inside the range: {}; reserve them: net.ipv4.ip_local_reserved_ports",
            ports.join(", ")
        );
    }
}

fn flow(out: &mut String, flow: &FlowAnswer) {
    let _ = writeln!(out, "{}  {}", flow.name, flow.places.first().map_or("", String::as_str));
    if flow.places.len() > 1 {
        let _ = writeln!(out, "  and {} more", flow.places.len() - 1);
    }
    let _ = writeln!(out, "  {}", flow.reused);
    if flow.limits.is_some() {
        let _ = writeln!(out, "  {}", flow.time_wait);
    }
    let unit = if flow.protocol == "http" { "requests" } else { "sessions" };
    if flow.limits.is_some() && unit == "requests" {
        let each = if flow.workers == 1 { "" } else { ", each with a pool of its own" };
        let _ = writeln!(out, "  workers: {}{each}", flow.workers);
    }
    for note in &flow.notes {
        let _ = writeln!(out, "  {note}");
    }
    let Some(limits) = &flow.limits else { return };
    tuples(out, &flow.tuples);
    let _ = writeln!(
        out,
        "  all together: {} new connections/s at most, {} safe",
        amount(limits.hard_connections_per_second),
        amount(limits.safe_connections_per_second)
    );
    if limits.requests_per_connection >= 1.05 {
        let _ = writeln!(
            out,
            "  with {} requests on each: {} requests/s at most, {} safe",
            (limits.requests_per_connection * 10.0).round() / 10.0,
            amount(limits.hard_requests_per_second),
            amount(limits.safe_requests_per_second)
        );
    }
    if let Some(load) = &flow.load {
        let _ = writeln!(
            out,
            "  at {} {unit}/s, {} at once: {}, {} ports of the heaviest tuple in use",
            amount(load.requests_per_second),
            amount(load.requests_at_once),
            opened(load),
            amount(load.ports_in_use)
        );
    }
    rows(out, flow);
    for solution in &flow.solutions {
        let _ = writeln!(out, "\n  solved for {}: {}", solution.solve_for, solution.text);
        for line in solution.lines.iter().flat_map(|l| l.lines()) {
            let _ = writeln!(out, "    {line}");
        }
    }
    if let Some(nat) = &flow.nat {
        let binding = if nat.is_binding { "it is reached first" } else { "the host is reached first" };
        let _ = writeln!(
            out,
            "\n  {} with {} address{}: {} requests/s; {binding}\n  {}",
            nat.gateway,
            nat.addresses,
            if nat.addresses == 1 { "" } else { "es" },
            amount(nat.requests_per_second),
            nat.remark
        );
    }
}

/// The new connections of a load; one number if bursts open as many.
fn opened(load: &LoadAnswer) -> String {
    let [usual, worst] =
        [load.new_connections_per_second, load.new_connections_per_second_at_worst].map(amount);
    if usual == worst {
        return format!("{usual} new connections/s");
    }
    format!("about {usual} new connections/s, {worst} if requests come in bursts")
}

fn tuples(out: &mut String, tuples: &[Tuple]) {
    if tuples.is_empty() {
        return;
    }
    let width = |name: fn(&Tuple) -> &str| tuples.iter().map(|t| name(t).len()).max().unwrap_or(0);
    let (from, to) = (width(|t| &t.source).max(6), width(|t| &t.destination).max(11));
    let _ = writeln!(
        out,
        "\n  {:from$}  {:to$}  {:>7}  {:>7}  {:>7}  {:>10}  {:>10}",
        "source", "destination", "share", "ports", "cliff", "new conn/s", "safe"
    );
    for tuple in tuples.iter().take(LISTED) {
        let _ = writeln!(
            out,
            "  {:from$}  {:to$}  {:>7}  {:>7}  {:>7}  {:>10}  {:>10}",
            tuple.source,
            tuple.destination,
            format!("{:.2} %", tuple.share * 100.0),
            group(tuple.ports.into()),
            group(tuple.cliff.into()),
            amount(tuple.hard_connections_per_second),
            amount(tuple.safe_connections_per_second)
        );
    }
    if tuples.len() > LISTED {
        let _ = writeln!(out, "  and {} more (--format json lists all)", tuples.len() - LISTED);
    }
}

fn rows(out: &mut String, flow: &FlowAnswer) {
    let unit = if flow.protocol == "http" { "requests/s" } else { "sessions/s" };
    let width = flow.rows.iter().map(|r| r.name.len()).max().unwrap_or(0);
    let has_load = flow.load.is_some();
    let _ = write!(out, "\n  {:width$}  {:>13}  {:>13}", unit, "hard limit", "safe (cliff)");
    if has_load {
        let _ = write!(out, "  {:>9}  verdict", "your load");
    }
    let _ = writeln!(out);
    for row in &flow.rows {
        let _ = write!(
            out,
            "  {:width$}  {:>13}  {:>13}",
            row.name,
            amount(row.hard_requests_per_second),
            amount(row.safe_requests_per_second)
        );
        if has_load {
            let _ = write!(out, "  {:>9}  {}", row.used.map_or("-".to_owned(), percent), verdict(row));
        }
        let _ = writeln!(out);
    }
}

fn verdict(row: &RowAnswer) -> String {
    let mut text = match (row.verdict, row.head_room, row.cliff_after_seconds, row.exhausted_after_seconds) {
        (Some("fits"), Some(_), ..) if row.pool_needed.is_some() => "fits".to_owned(),
        (Some("fits"), Some(room), ..) => format!("fits, {} to spare", percent(room)),
        (Some("tight"), ..) => "tight: less than 20 % below the cliff".to_owned(),
        (Some("cliff"), _, Some(after), _) => format!("SLOW after {}: past the cliff", seconds(after)),
        (Some("exhausted"), _, Some(cliff), Some(after)) => {
            format!("EXHAUSTED after {} (cliff at {})", seconds(after), seconds(cliff))
        }
        _ => String::new(),
    };
    if let Some(needed) = row.pool_needed {
        let _ = write!(text, "; but set `keepalive {needed}`");
    }
    text
}

fn seconds(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "<1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

/// A number with as many digits as mean something.
pub(super) fn amount(number: f64) -> String {
    if !number.is_finite() {
        return "-".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; a cast saturates")]
    if number >= 100.0 {
        group(number.floor() as u64)
    } else if number >= 10.0 || number == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.2}")
    }
}

/// Digits in groups of three.
pub(super) fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
