//! A diagnosis for a person, and for a monitoring system.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::diagnosis::Diagnosis;
use super::gathered::printable;
use crate::ports::dates::clock;
use crate::ports::doctor::{Finding, Severity};
use crate::ports::signal::Signal;

/// Columns that the text is wrapped to.
const WIDTH: usize = 110;

pub(super) fn text(diagnosis: &Diagnosis<'_>) -> String {
    let mut out = String::new();
    let host = &diagnosis.gathered.evidence.host;
    let (first, last) = host.range.value;
    let kernel = diagnosis.gathered.evidence.kernel;
    let kernel = kernel.map_or(String::new(), |(a, b)| format!("Linux {a}.{b}, "));
    // A sentence has a line of its own.
    let between = if diagnosis.nginx.ends_with('.') { "\n" } else { ", " };
    let _ = writeln!(
        out,
        "{}{between}{kernel}ports {first}-{last} ({}), tcp_tw_reuse {}",
        diagnosis.nginx, diagnosis.gathered.source, host.tw_reuse.value
    );
    for note in &diagnosis.gathered.notes {
        let _ = writeln!(out, "{note}");
    }
    out.push_str(&super::answer::text(diagnosis));
    let mut shown = false;
    let mut commands = BTreeSet::new();
    for finding in &diagnosis.findings {
        out.push('\n');
        self::finding(&mut out, diagnosis, finding, &mut commands);
        if diagnosis.is_repaired(finding)
            && !shown
            && let Some(diff) = &diagnosis.repair
        {
            shown = true;
            let _ = writeln!(
                out,
                "  repair of the configuration (`patch -p1` and `git apply` take this output):\n"
            );
            for line in diff.lines() {
                let _ = writeln!(out, "{}", printable(line, usize::MAX));
            }
            out.push('\n');
        }
        if let Some(effect) = &finding.effect {
            wrap(&mut out, "after", effect);
        }
    }
    let _ = writeln!(out, "\n{}", summary(diagnosis));
    out
}

/// A finding; of its commands those that no finding before it printed.
fn finding<'d>(
    out: &mut String,
    diagnosis: &Diagnosis<'_>,
    finding: &'d Finding,
    printed: &mut BTreeSet<&'d str>,
) {
    let severity = finding.severity.name().to_uppercase();
    let _ = writeln!(out, "{severity}  {}  [{}]", printable(&finding.title, 200), finding.name);
    for evidence in &finding.evidence {
        wrap(out, "", &printable(evidence, 500));
    }
    if let Some((span, why)) = &finding.fault {
        let sources = &diagnosis.configuration.sources;
        let line = sources.file(span.file).line(sources.position(*span).line);
        wrap(out, "why", &format!("{}  {}", sources.place(*span), String::from_utf8_lossy(line).trim()));
        wrap(out, "", why);
    }
    for remedy in &finding.remedy {
        wrap(out, "do", remedy);
    }
    if finding.commands.is_empty() {
        return;
    }
    let (patch, also) = if diagnosis.is_repaired(finding) {
        ("The patch alone is not enough.", "also run")
    } else {
        ("There is no patch of the configuration for this.", "run")
    };
    let new: Vec<&str> =
        finding.commands.iter().map(String::as_str).filter(|command| printed.insert(*command)).collect();
    if new.is_empty() {
        let _ = writeln!(out, "  {patch} As root, {also} the commands above.");
        return;
    }
    let _ = writeln!(out, "  {patch} As root, {also}:");
    for command in new {
        let _ = writeln!(out, "  run   {}", printable(command, usize::MAX));
    }
}

/// Text in a column behind a word.
pub(super) fn wrap(out: &mut String, word: &str, text: &str) {
    let mut prefix = format!("  {word:<6}");
    let mut line = String::new();
    for part in text.split(' ') {
        if !line.is_empty() && line.chars().count() + part.chars().count() + 9 > WIDTH {
            let _ = writeln!(out, "{prefix}{line}");
            prefix = " ".repeat(8);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    let _ = writeln!(out, "{prefix}{line}");
}

fn summary(diagnosis: &Diagnosis<'_>) -> String {
    let counts =
        [Severity::Critical, Severity::Warning, Severity::Info].map(|s| (diagnosis.count(s), s.name()));
    let parts: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, name)| {
            format!("{n} {name}{}", if *n > 1 && *name != "info" && *name != "critical" { "s" } else { "" })
        })
        .collect();
    if parts.is_empty() { nothing(diagnosis) } else { parts.join(", ") }
}

/// Sentence for a look that found nothing: the facts that it rests on.
fn nothing(diagnosis: &Diagnosis<'_>) -> String {
    let evidence = &diagnosis.gathered.evidence;
    let logs =
        evidence.errors.as_ref().is_some_and(|log| log.lines > log.foreign) || evidence.access.is_some();
    let text = if logs {
        "nothing found: the logs have no error"
    } else {
        "nothing found in the configuration and on the host; no log was read (--error-log FILE)"
    };
    text.to_owned()
}

/// Sentence for a host where nothing is bad: since the reload, if something was before.
fn nothing_bad(diagnosis: &Diagnosis<'_>) -> String {
    let evidence = &diagnosis.gathered.evidence;
    let was_bad = evidence.errors.as_ref().is_some_and(|log| !log.before.is_empty());
    let is_later = evidence.errors.as_ref().is_some_and(|log| log.get(Signal::NoPort).is_some());
    match evidence.reloaded.filter(|_| was_bad && !is_later) {
        Some((_, at)) => format!("nothing has failed since the reload at {}", clock(at)),
        None => match diagnosis.findings.iter().find(|f| f.name == "no-free-port") {
            Some(over) => format!("over: {}; older lines stay in the log until it is rotated", over.title),
            None => "no shortage of ports".to_owned(),
        },
    }
}

/// One line and performance data: the fullest tuple.
pub(super) fn nagios(diagnosis: &Diagnosis<'_>, unread: &[String]) -> String {
    let state = match diagnosis.worst() {
        Some(Severity::Critical) => "CRITICAL",
        _ if !unread.is_empty() => "UNKNOWN",
        Some(Severity::Warning) => "WARNING",
        _ => "OK",
    };
    let first = diagnosis.findings.first().filter(|f| f.severity > Severity::Info);
    let title = match (unread.first(), first) {
        (_, Some(finding)) => printable(&finding.title, 200),
        (Some(unread), None) => unread.clone(),
        (None, None) => nothing_bad(diagnosis),
    };
    let ports = diagnosis.gathered.evidence.host.ports();
    let sockets = diagnosis.gathered.evidence.sockets.as_ref();
    let used = sockets.map_or(0, |s| {
        s.outgoing.values().map(crate::ports::sockets::ConnectionCount::total).max().unwrap_or(0)
    });
    let (warn, crit) = (ports.all * 2 / 5, ports.first_parity);
    // A bar would end the text.
    format!("PORTS {state} - {} | used={used};{warn};{crit};0;{}", title.replace('|', "/"), ports.all)
}
