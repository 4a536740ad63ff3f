//! `ngxc ports --compare-versions`: what an upgrade of nginx does to upstream connections.

use std::io::Write;

use serde::Serialize;

use super::human::group;
use super::{Failure, Format, Outcome, PortsArgs};
use crate::compile::Compiled;
use crate::diagnostic::Level;
use crate::ports::capacity::workers;
use crate::ports::flows;
use crate::ports::idle::{Idle, dangers, idle};
use crate::ports::upgrade::{Effect, at, closer_words, effect, words};
use crate::source::Disk;
use crate::syntax::Configuration;
use crate::version::Version;

/// Peers that are listed; the rest is counted.
const LISTED: usize = 20;

#[derive(Serialize)]
struct Report {
    schema: u32,
    from: String,
    to: String,
    /// Directives that only one of the two versions accepts.
    refused: Vec<RefusedVersion>,
    flows: Vec<Change>,
    idle: IdleChange,
    /// Whom the idle connections that are added endanger, in words.
    dangers: Vec<String>,
    /// Sessions of `stream` are passed on too.
    #[serde(skip)]
    has_sessions: bool,
}

#[derive(Serialize)]
struct RefusedVersion {
    by: String,
    place: String,
    message: String,
}

#[derive(Serialize)]
struct Change {
    name: String,
    place: String,
    /// `better`, `worse`, `same`.
    effect: &'static str,
    before: String,
    before_time_wait: &'static str,
    after: String,
    after_time_wait: &'static str,
}

/// Idle connections at most, before and after.
#[derive(Serialize)]
struct IdleChange {
    workers: u32,
    worker_connections: u32,
    each_worker_before: u64,
    each_worker_after: u64,
    peers: Vec<PeerChange>,
}

#[derive(Serialize)]
struct PeerChange {
    name: String,
    before: u64,
    after: u64,
    /// If the peers of an upstream get what their weights say.
    after_evenly: f64,
    /// 0: none.
    max_conns: u32,
}

pub(super) fn run(
    args: &PortsArgs,
    versions: (Version, Version),
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let configuration = args.input.meaning.load(&args.input.file, &Disk)?;
    let compiled = |version| args.input.meaning.compile(&configuration, version);
    let (old, new) = (compiled(versions.0), compiled(versions.1));
    let machine = args.machine(&new.config)?;
    let workers = workers(&new.config, &machine.host);
    let (before, after) = (flows(&old.config), flows(&new.config));
    let mut changes = Vec::new();
    let places = before.iter().flat_map(|old| old.passes.iter().map(move |(_, span)| (old, *span)));
    for (old, span) in places {
        let Some(new) = at(old, span, &after) else { continue };
        changes.push(Change {
            name: old.name.clone(),
            place: configuration.sources.place(span),
            effect: match effect(old, new) {
                Effect::Better => "better",
                Effect::Worse => "worse",
                Effect::Same => "same",
            },
            before: words(old),
            before_time_wait: closer_words(old),
            after: words(new),
            after_time_wait: closer_words(new),
        });
    }
    let mut refused = refused(&configuration, &old, versions.0);
    refused.extend(self::refused(&configuration, &new, versions.1));
    let (held, holds) = (idle(&old.config, &before, workers), idle(&new.config, &after, workers));
    let report = Report {
        schema: 1,
        from: versions.0.to_string(),
        to: versions.1.to_string(),
        refused,
        flows: changes,
        idle: idle_change(&held, &holds),
        dangers: dangers(&held, &holds),
        has_sessions: !crate::ports::session::flows(&new.config).is_empty(),
    };
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => human(&report, out)?,
    }
    let worse = report.flows.iter().any(|f| f.effect == "worse") || !report.dangers.is_empty();
    Ok(if worse || !report.refused.is_empty() { Outcome::Findings } else { Outcome::Clean })
}

fn refused(configuration: &Configuration, compiled: &Compiled, by: Version) -> Vec<RefusedVersion> {
    let errors = compiled.diagnostics.iter().filter(|d| d.level == Level::Error);
    let refused = errors.map(|d| RefusedVersion {
        by: by.to_string(),
        place: configuration.sources.place(d.span),
        message: d.message.clone(),
    });
    refused.collect()
}

fn idle_change(before: &Idle, after: &Idle) -> IdleChange {
    let peers = after.peers.iter().map(|peer| PeerChange {
        name: peer.name.clone(),
        before: before.to(&peer.name),
        after: peer.most,
        after_evenly: peer.even,
        max_conns: peer.max_conns,
    });
    IdleChange {
        workers: after.workers,
        worker_connections: after.worker_connections,
        each_worker_before: before.each_worker,
        each_worker_after: after.each_worker,
        peers: peers.collect(),
    }
}

fn human(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "nginx {} to {}", report.from, report.to)?;
    for refused in &report.refused {
        writeln!(out, "\nREFUSED by {}  {}\n  {}", refused.by, refused.place, refused.message)?;
    }
    for (effect, title) in [("worse", "WORSE"), ("better", "better")] {
        let mut told: Vec<&Change> = Vec::new();
        for flow in report.flows.iter().filter(|f| f.effect == effect) {
            let key = |flow: &Change| {
                let sides = [flow.before_time_wait, flow.after_time_wait];
                (flow.name.clone(), flow.before.clone(), flow.after.clone(), sides)
            };
            let is_like = |other: &&Change| key(other) == key(flow) && other.effect == effect;
            if told.iter().any(is_like) {
                continue;
            }
            told.push(flow);
            let more = match report.flows.iter().filter(is_like).count() - 1 {
                0 => String::new(),
                1 => " and 1 more place".to_owned(),
                more => format!(" and {more} more places"),
            };
            writeln!(out, "\n{title}  {}  {}{more}", flow.name, flow.place)?;
            writeln!(out, "  {}: {}; {}", report.from, flow.before, flow.before_time_wait)?;
            writeln!(out, "  {}: {}; {}", report.to, flow.after, flow.after_time_wait)?;
            if effect == "worse" && flow.after.contains("no `upstream` block") {
                writeln!(
                    out,
                    "  put the host into an `upstream` block: since 1.29.7 it keeps 32 connections"
                )?;
            }
        }
    }
    idle_table(report, out)?;
    let same = report.flows.iter().filter(|f| f.effect == "same").count();
    writeln!(out, "\n{}", unchanged(same, report.flows.len(), report.has_sessions))
}

/// Sentence about the places that do not change.
fn unchanged(same: usize, all: usize, has_sessions: bool) -> String {
    match (same, all) {
        (_, 0) if has_sessions => {
            "sessions of `stream` need as many connections as before: each has one of its own in all versions"
                .to_owned()
        }
        (_, 0) => "the configuration passes no requests on".to_owned(),
        (0, 1) => "the only place that passes requests on changes".to_owned(),
        (0, all) => format!("all {all} places that pass requests on change"),
        (1, 1) => "the only place that passes requests on needs as many connections as before".to_owned(),
        (same, all) if same == all => format!("all {all} places need as many connections as before"),
        (same, all) => {
            format!("{same} of {all} places need as many connections as before, {} change", all - same)
        }
    }
}

/// Idle connections before and after, and who is in danger; nothing if none changes.
fn idle_table(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    let idle = &report.idle;
    let changed: Vec<&PeerChange> = idle.peers.iter().filter(|p| p.before != p.after).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let each = format!("each of {} workers", idle.workers);
    let each = if idle.workers == 1 { "the worker".to_owned() } else { each };
    let names = changed.iter().take(LISTED).map(|p| p.name.len() + 3);
    let width = names.chain([each.len(), 25]).max().unwrap_or(25);
    writeln!(out, "\n{:width$}  {:>9}  {:>9}", "idle connections, at most", report.from, report.to)?;
    let mut line = |name: &str, before: u64, after: u64, more: &str| {
        writeln!(out, "  {name:w$}  {:>9}  {:>9}{more}", group(before), group(after), w = width - 2)
    };
    let of = format!("  of {} worker_connections", group(idle.worker_connections.into()));
    line(&each, idle.each_worker_before, idle.each_worker_after, &of)?;
    for peer in changed.iter().take(LISTED) {
        let share = format!("  {:.0} if they are shared as the weights say", peer.after_evenly);
        let is_less = format!("{:.0}", peer.after_evenly) != peer.after.to_string();
        line(&format!("to {}", peer.name), peer.before, peer.after, if is_less { &share } else { "" })?;
    }
    if changed.len() > LISTED {
        writeln!(out, "  and {} more peers", changed.len() - LISTED)?;
    }
    for danger in &report.dangers {
        writeln!(out, "IN DANGER  {danger}")?;
    }
    if changed.iter().any(|p| p.after > p.before) {
        writeln!(
            out,
            "  a peer with a process or thread for each connection answers nobody else while all of its places are taken by \
             idle ones: its limit has to be above these numbers, or `keepalive` below it"
        )?;
    }
    Ok(())
}
