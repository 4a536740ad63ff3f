//! `ngxc ports --compare-versions`: what an upgrade of nginx does to upstream connections.

use std::io::Write;

use serde::Serialize;

use super::{Failure, Format, Outcome, PortsArgs};
use crate::ports::upgrade::{Effect, closer_words, effect, words};
use crate::ports::{Flow, flows};
use crate::reuse::{Cause, Overview, Verdict};
use crate::source::Disk;
use crate::version::Version;

#[derive(Serialize)]
struct Report {
    schema: u32,
    from: String,
    to: String,
    /// What the newer nginx refuses and the older takes, or the other way round.
    refused: Vec<Refused>,
    flows: Vec<Change>,
}

#[derive(Serialize)]
struct Refused {
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

pub(super) fn run(
    args: &PortsArgs,
    versions: (Version, Version),
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let configuration = args.input.meaning.load(&args.input.file, &Disk)?;
    let (old, new) = (
        args.input.meaning.compile(&configuration, versions.0),
        args.input.meaning.compile(&configuration, versions.1),
    );
    let refused = |compiled: &crate::compile::Compiled, by: Version| {
        let errors = compiled.diagnostics.iter().filter(|d| d.level == crate::diagnostic::Level::Error);
        let refused = errors.map(|d| Refused {
            by: by.to_string(),
            place: configuration.sources.place(d.span),
            message: d.message.clone(),
        });
        refused.collect::<Vec<_>>()
    };
    let mut report = Report {
        schema: 1,
        from: versions.0.to_string(),
        to: versions.1.to_string(),
        refused: refused(&old, versions.0),
        flows: Vec::new(),
    };
    report.refused.extend(refused(&new, versions.1));
    let (before, after) = (flows(&old.config), flows(&new.config));
    let overview = Overview::new(&new.config);
    let machine = args.host.machine(&new.config)?;
    let workers = crate::ports::capacity::workers(&new.config, &machine.host);
    for old in &before {
        for (_, span) in &old.passes {
            let like = |f: &&Flow<'_>| f.name == old.name && f.passes.iter().any(|(_, s)| s == span);
            let Some(new) = after.iter().find(like) else { continue };
            // As `--report` says it: a pool that is kept per location can be divided among too many.
            let judged = overview.leaves.iter().find(|judged| judged.leaf.span == *span);
            let is_divided = judged.is_some_and(|judged| {
                judged.reached.iter().any(|(_, v)| *v == Verdict::Partly(Cause::Fragmented))
            });
            let idle = new.upstream.and_then(crate::model::Upstream::pool).filter(|_| is_divided);
            let after = match idle {
                Some(pool) => format!(
                    "used again in part: {}; at most {} idle connections ({} in each worker), which count against \
                     worker_connections and the limits of the peers",
                    Cause::Fragmented.text(),
                    u64::from(pool.size) * u64::from(workers),
                    pool.size
                ),
                None => words(new),
            };
            report.flows.push(Change {
                name: old.name.clone(),
                place: configuration.sources.place(*span),
                effect: match effect(old, new) {
                    Effect::Better => "better",
                    Effect::Worse => "worse",
                    Effect::Same => "same",
                },
                before: words(old),
                before_time_wait: closer_words(old),
                after,
                after_time_wait: closer_words(new),
            });
        }
    }
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => human(&report, out)?,
    }
    let worse = report.flows.iter().any(|f| f.effect == "worse");
    Ok(if worse || !report.refused.is_empty() { Outcome::Findings } else { Outcome::Clean })
}

fn human(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "nginx {} to {}", report.from, report.to)?;
    for refused in &report.refused {
        writeln!(out, "\nREFUSED by {}  {}\n  {}", refused.by, refused.place, refused.message)?;
    }
    for (effect, title) in [("worse", "WORSE"), ("better", "better")] {
        let mut told: Vec<&Change> = Vec::new();
        for flow in report.flows.iter().filter(|f| f.effect == effect) {
            let is_like = |other: &&Change| {
                (&other.name, &other.before, &other.after) == (&flow.name, &flow.before, &flow.after)
                    && other.effect == effect
            };
            if told.iter().any(is_like) {
                continue;
            }
            told.push(flow);
            let more = report.flows.iter().filter(is_like).count() - 1;
            let more = if more == 0 { String::new() } else { format!(" and {more} more places") };
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
    let same = report.flows.iter().filter(|f| f.effect == "same").count();
    writeln!(out, "\n{same} of {} need as many connections as before", report.flows.len())
}
