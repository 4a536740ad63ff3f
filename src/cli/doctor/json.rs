//! A diagnosis as JSON; the schema is described in docs/doctor.md.

use serde_json::{Value, json};

use super::diagnosis::Diagnosis;
use crate::ports::doctor::{Finding, Severity};

pub(super) fn value(diagnosis: &Diagnosis<'_>, unread: &[String]) -> Value {
    let evidence = &diagnosis.gathered.evidence;
    let host = &evidence.host;
    let ports = host.ports();
    let tuples: Vec<Value> = evidence
        .sockets
        .iter()
        .flat_map(|s| &s.outgoing)
        .map(|((source, peer), uses)| {
            json!({
                "source": source.to_string(),
                "destination": peer.to_string(),
                "used": uses.total(),
                "time_wait": uses.time_wait,
                "established": uses.established,
                "other": uses.other,
                "first_parity": uses.first_parity,
            })
        })
        .collect();
    json!({
        "schema": 1,
        "nginx_version": diagnosis.config.version.to_string(),
        "nginx": diagnosis.nginx,
        "kernel": evidence.kernel.map(|(a, b)| format!("{a}.{b}")),
        "host": {
            "source": diagnosis.gathered.source,
            "port_range": [host.range.value.0, host.range.value.1],
            "ports": ports.all,
            "cliff": ports.first_parity,
            "tcp_tw_reuse": host.tw_reuse.value,
        },
        "inputs": diagnosis.gathered.notes,
        "unread": unread,
        "findings": diagnosis.findings.iter().map(|f| finding(diagnosis, f)).collect::<Vec<_>>(),
        "repair": diagnosis.repair,
        "tuples": tuples,
        "summary": {
            "critical": diagnosis.count(Severity::Critical),
            "warning": diagnosis.count(Severity::Warning),
            "info": diagnosis.count(Severity::Info),
        },
    })
}

fn finding(diagnosis: &Diagnosis<'_>, finding: &Finding) -> Value {
    let sources = &diagnosis.configuration.sources;
    let fault = finding.fault.as_ref().map(|(span, why)| {
        let position = sources.position(*span);
        json!({
            "file": sources.file(span.file).name(),
            "line": position.line,
            "column": position.column,
            "why": why,
        })
    });
    json!({
        "name": finding.name,
        "severity": finding.severity.name(),
        "title": finding.title,
        "count": finding.count,
        "evidence": finding.evidence,
        "fault": fault,
        "remedy": finding.remedy,
        "commands": finding.commands,
        "effect": finding.effect,
        "is_repaired_by_diff": diagnosis.is_repaired(finding),
    })
}
