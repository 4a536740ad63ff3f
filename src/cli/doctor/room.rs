//! Room in `worker_connections` for the pools of a repair: idle connections count there, and nginx closes none to make room.

use std::collections::HashSet;

use super::super::input::Input;
use super::edits::{apply, fix};
use crate::lint::{RULES, Rule, lint};
use crate::model::Config;
use crate::ports::doctor::Edit;
use crate::source::Span;
use crate::syntax::Configuration;

/// The rule that has to be content with the repair.
const RULE: &str = "idle-connections-exceed-budget";

/// Files that a process may have open where nothing says otherwise.
const USUAL_FILES: u64 = 1024;

/// The configuration with as many `worker_connections` as its pools need, if they are larger than `before` and it has too
/// few.
pub(super) fn with_room(input: &Input, before: &Config, next: &Configuration) -> Option<Configuration> {
    let config = input.meaning.compile(next, input.meaning.version()).config;
    let rules: Vec<&'static Rule> = RULES.iter().copied().filter(|rule| rule.name == RULE).collect();
    if needed(&config) <= needed(before) || lint(next, &config, &rules).is_empty() {
        return None;
    }
    // Two for each request under way, client and peer, beside the idle ones.
    let connections = (needed(&config) * 4).next_power_of_two();
    let fix = fix(next, &edits(next, &config, connections)?)?;
    input.meaning.load(&input.file, &apply(next, &[&fix])).ok()
}

/// Connections that a worker may have idle, and sockets that it listens on.
fn needed(config: &Config) -> u64 {
    let flows = crate::ports::flows(config);
    let mut seen = HashSet::new();
    let pools = flows.iter().filter_map(|flow| {
        let upstream = flow.upstream.filter(|upstream| seen.insert(upstream.span))?;
        Some(u64::from(upstream.pool()?.size))
    });
    let listens = config.http.servers.iter().flat_map(|server| &server.listen);
    let sockets: HashSet<_> = listens.map(|listen| &listen.endpoint).collect();
    pools.sum::<u64>() + sockets.len() as u64
}

fn edits(configuration: &Configuration, config: &Config, connections: u64) -> Option<Vec<Edit>> {
    let core = &config.core;
    let (events, _) = configuration.expanded_root().find(|(directive, _)| directive.name().is("events"))?;
    let block = events.block()?;
    let end = block.close().unwrap_or(block.span().after());
    let body = Span { end: end.start, ..end };
    let set = core.worker_connections.origin.span();
    let mut edits = Vec::new();
    if u64::from(core.worker_connections.value) < connections {
        edits.push(Edit::Directive { set, body, text: format!("worker_connections {connections};") });
    }
    let files = connections * 2;
    let place = core.worker_rlimit_nofile.origin.span();
    let is_short = match place {
        Some(_) => u64::from(core.worker_rlimit_nofile.value) < files,
        None => files > USUAL_FILES,
    };
    if is_short {
        let text = format!("worker_rlimit_nofile {files};");
        edits.push(Edit::set_or_before(place, events.head(), text));
    }
    Some(edits)
}
