//! The diff that repairs the flows at fault: a whole remedy or none.

use super::super::input::Input;
use super::bare;
use super::edits::{apply, fix, unified};
use crate::diagnostic::Diagnostic;
use crate::edit::{self, Applicability, Fix};
use crate::lint::{Category, RULES, lint};
use crate::model::{Config, Upstream};
use crate::ports::Flow;
use crate::ports::capacity::{Capacity, Load, Setup, outcome};
use crate::ports::change::Change;
use crate::ports::doctor::load::load;
use crate::ports::doctor::{self, Evidence};
use crate::ports::plan::ports_in_use;
use crate::reuse::Verdict;
use crate::source::Span;
use crate::syntax::Configuration;
use crate::version::Version;

/// More rounds than this mean that fixes undo each other.
const MAX_ROUNDS: usize = 10;

/// Repair of the flows at fault.
#[derive(Default)]
pub(super) struct Repair {
    /// Unified diff; `None` if the configuration cannot cure any of the flows.
    pub(super) diff: Option<String>,
    /// Verdict of the model on each flow, by its position, with the diff applied.
    pub(super) effects: Vec<(usize, String)>,
    /// Work that is left for a flow which the diff alone does not cure.
    pub(super) left: Vec<(usize, RemainingWork)>,
}

/// Work that the diff leaves.
pub(super) struct RemainingWork {
    /// In words.
    pub(super) text: String,
    /// For the host; empty if they would not suffice.
    pub(super) commands: Vec<String>,
    /// True if the diff is a part of the cure.
    pub(super) is_with_diff: bool,
}

/// Everything that a repair is made from.
#[derive(Clone, Copy)]
pub(super) struct RepairInputs<'a> {
    pub(super) input: &'a Input,
    pub(super) configuration: &'a Configuration,
    pub(super) config: &'a Config,
    pub(super) flows: &'a [Flow<'a>],
    pub(super) evidence: &'a Evidence,
    pub(super) versions: &'a [Version],
}

/// The repair of the flows at fault, judged for each of `versions`, the first of which is that of `config`.
///
/// A bare host gets an `upstream` block; then comes what `ngxc lint --fix` does for connection reuse; then each pool gets
/// the size that the load needs. The effect is the model's with the edited files.
pub(super) fn repair(known: &RepairInputs<'_>, at_fault: &[usize], fixes: Vec<Fix>) -> Repair {
    let RepairInputs { input, configuration, config, flows, evidence, versions } = *known;
    let mut repair = Repair::default();
    if at_fault.is_empty() && fixes.is_empty() {
        return repair;
    }
    let loads: Vec<(usize, Load, String)> = at_fault
        .iter()
        .map(|position| {
            let (load, text) = load(config, &flows[*position], evidence);
            (*position, load, text)
        })
        .collect();
    let mut cures = !fixes.is_empty();
    let Some(next) = reused(input, configuration, config, flows, at_fault, fixes) else {
        let left = |(position, load, text): &(usize, Load, String)| {
            let setup = Setup::new(config, &flows[*position], &evidence.host, None);
            (*position, no_edit(setup, load, text))
        };
        repair.left = loads.iter().map(left).collect();
        return repair;
    };
    let next = sized(input, &next, flows, &loads, evidence).unwrap_or(next);
    let next = super::room::with_room(input, config, &next).unwrap_or(next);
    let compiled: Vec<Config> = versions.iter().map(|v| input.meaning.compile(&next, *v).config).collect();
    for (position, load, text) in &loads {
        let before = &flows[*position];
        let verdicts = compiled.iter().map(|after| verdict(after, before, load, evidence));
        match verdicts.max_by_key(FlowAfterRepair::rank) {
            Some(FlowAfterRepair::Cured(effect)) => {
                cures = true;
                repair.effects.push((*position, format!("{effect} at {text} (model)")));
            }
            Some(FlowAfterRepair::Better(setup)) => {
                cures = true;
                let left = beside_the_diff(*setup, load, text);
                repair.left.push((*position, left));
            }
            Some(FlowAfterRepair::Same) | None => {
                let setup = Setup::new(config, before, &evidence.host, None);
                repair.left.push((*position, no_edit(setup, load, text)));
            }
        }
    }
    if cures {
        repair.diff = unified(configuration, &next);
    }
    repair
}

/// Said where no edit makes connections used again.
const NO_EDIT: &str = "no safe automatic fix. Review `ngxc lint --diff --unsafe`.";

/// Said where the kernel cannot help either.
const MORE_HOSTS: &str = "even with tcp_tw_reuse=1, ports 15000-65000 and ten source addresses the ports do not suffice: more peers or hosts are needed";

/// A flow after the repair.
enum FlowAfterRepair {
    /// Verdict of the model on it.
    Cured(String),
    /// Its connections are used again, and there are too few ports all the same.
    Better(Box<Setup>),
    /// Its connections are still not used again.
    Same,
}

impl FlowAfterRepair {
    fn rank(&self) -> u8 {
        match self {
            FlowAfterRepair::Cured(_) => 0,
            FlowAfterRepair::Better(_) => 1,
            FlowAfterRepair::Same => 2,
        }
    }
}

/// Work beside a diff that does not suffice.
fn beside_the_diff(setup: Setup, load: &Load, load_text: &str) -> RemainingWork {
    let (steps, commands) = ladder(setup, load);
    let more = match (steps, commands.is_empty()) {
        (None, _) => format!(" {MORE_HOSTS}."),
        (Some(steps), true) => format!(" Also needed: {steps}."),
        // Whoever prints it prints the commands.
        (Some(_), false) => String::new(),
    };
    let text = format!("the patch is not enough for this load (model): {load_text}.{more}");
    RemainingWork { text, commands, is_with_diff: true }
}

/// Work where no edit helps: the kernel's settings, if the load needs them.
fn no_edit(setup: Setup, load: &Load, load_text: &str) -> RemainingWork {
    if is_cured(&setup, load) {
        let text = format!("{NO_EDIT} The ports suffice for this load (model): {load_text}.");
        return RemainingWork { text, commands: Vec::new(), is_with_diff: false };
    }
    let (steps, commands) = ladder(setup, load);
    let more = match (steps, commands.is_empty()) {
        (None, _) => format!(" {MORE_HOSTS}."),
        (Some(steps), true) => format!(" Until then: {steps}."),
        (Some(_), false) => String::new(),
    };
    let text = format!("{NO_EDIT}{more} The load (model): {load_text}.");
    RemainingWork { text, commands, is_with_diff: false }
}

/// Measures of the host that it has not yet, one after the other, until a load fits: in words, and the commands, if commands
/// suffice.
fn ladder(mut setup: Setup, load: &Load) -> (Option<String>, Vec<String>) {
    let (first, last) = setup.host.range.value;
    let is_reused = setup.time_wait() <= 1.0 || setup.host.timestamps.value == 0;
    let steps = [
        (Change::TwReuse(1), "sysctl -w net.ipv4.tcp_tw_reuse=1", true, !is_reused),
        (
            Change::Range((15_000, 65_000)),
            "sysctl -w net.ipv4.ip_local_port_range='15000 65000'",
            true,
            last - first < 50_000,
        ),
        (
            Change::Sources(4),
            "four source addresses (`ngxc ports --solve-for sources`)",
            false,
            setup.sources < 4,
        ),
        (Change::Sources(10), "ten source addresses", false, setup.sources < 10),
    ];
    let (mut texts, mut commands) = (Vec::new(), Vec::new());
    for (change, text, is_command, _) in steps.into_iter().filter(|(.., is_new)| *is_new) {
        change.apply(&mut setup);
        if is_command {
            commands.push(text.to_owned());
        } else {
            // Ten stand for four.
            texts.retain(|text: &&str| !text.contains("source addresses"));
            commands.clear();
        }
        texts.push(text);
        if is_cured(&setup, load) {
            return (Some(texts.join("; ")), commands);
        }
    }
    (None, Vec::new())
}

fn is_cured(setup: &Setup, load: &Load) -> bool {
    setup.pool_suffices(load) && !outcome(setup, load).1.is_bad()
}

fn verdict(after: &Config, before: &Flow<'_>, load: &Load, evidence: &Evidence) -> FlowAfterRepair {
    let flows = crate::ports::flows(after);
    let Some(flow) = flows.iter().find(|f| is_same(f, before) && f.verdict == Verdict::Reused) else {
        return FlowAfterRepair::Same;
    };
    if flows.iter().any(|f| is_same(f, before) && f.verdict != Verdict::Reused) {
        return FlowAfterRepair::Same;
    }
    let setup = Setup::new(after, flow, &evidence.host, None);
    if !is_cured(&setup, load) {
        return FlowAfterRepair::Better(Box::new(setup));
    }
    let pool = setup.reuse.map_or(0, |r| r.pool);
    let capacity = Capacity::of(&setup, load);
    let connections = load.rate / capacity.requests;
    let connections =
        if connections < 0.1 { "less than 0.1".to_owned() } else { format!("about {connections:.1}") };
    FlowAfterRepair::Cured(format!(
        "{connections} new connections/s, about {:.0} of {} ports in use, keepalive {pool} in each worker,",
        ports_in_use(&setup, load).ceil().max(1.0),
        capacity.ports
    ))
}

/// True if a flow of the edited configuration existed before: by its name, or by its peers (a bare host that
/// was put into an upstream).
fn is_same(after: &Flow<'_>, before: &Flow<'_>) -> bool {
    let peers = |f: &Flow<'_>| f.destinations.iter().map(|d| d.endpoint.to_string()).collect::<Vec<_>>();
    after.name == before.name
        || before.upstream.is_none_or(crate::model::Upstream::is_implicit) && peers(after) == peers(before)
}

/// The configuration with pools of the size that the loads need.
fn sized(
    input: &Input,
    next: &Configuration,
    flows: &[Flow<'_>],
    loads: &[(usize, Load, String)],
    evidence: &Evidence,
) -> Option<Configuration> {
    let config = input.meaning.compile(next, input.meaning.version()).config;
    let after = crate::ports::flows(&config);
    let mut done = Vec::new();
    let mut fixes = Vec::new();
    for (position, load, _) in loads {
        let Some(flow) = after.iter().find(|f| is_same(f, &flows[*position])) else { continue };
        let Some(upstream) = flow.upstream.filter(|u| !done.contains(&u.span)) else { continue };
        let Some(body) = upstream.body else { continue };
        done.push(upstream.span);
        let lines = pool_lines(&config, flow, upstream, load, evidence);
        let (set, new): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(set, _)| set.is_some());
        let mut edits: Vec<doctor::Edit> =
            set.into_iter().map(|(set, text)| doctor::Edit::Directive { set, body, text }).collect();
        if !new.is_empty() {
            let text: Vec<String> = new.into_iter().map(|(_, text)| text).collect();
            edits.push(doctor::Edit::Directive { set: None, body, text: text.join(" ") });
        }
        fixes.extend(fix(next, &edits).filter(|fix| !fix.edits.is_empty()));
    }
    input.meaning.load(&input.file, &apply(next, &edit::select(&fixes))).ok()
}

/// Directives of an upstream that a load needs, each with the place where it is set now: a pool that holds the requests
/// under way, and more requests on a connection if ports are short even so.
fn pool_lines(
    config: &Config,
    flow: &Flow<'_>,
    upstream: &Upstream,
    load: &Load,
    evidence: &Evidence,
) -> Vec<(Option<Span>, String)> {
    let mut lines = Vec::new();
    let mut setup = Setup::new(config, flow, &evidence.host, None);
    let needed = setup.pool_needed(load);
    if upstream.pool().is_none_or(|pool| pool.size < needed) {
        Change::Keepalive(needed).apply(&mut setup);
        lines.push((upstream.keepalive.size.origin.span(), format!("keepalive {needed};")));
    }
    let requests = [10_000, 100_000].into_iter().find(|requests| {
        let mut more = setup.clone();
        Change::KeepaliveRequests(*requests).apply(&mut more);
        setup.reuse.is_some_and(|reuse| reuse.requests < *requests) && is_cured(&more, load)
    });
    if let Some(requests) =
        requests.filter(|_| !is_cured(&setup, load) && config.version >= UPSTREAM_REQUESTS)
    {
        lines.push((upstream.keepalive.requests.origin.span(), format!("keepalive_requests {requests};")));
    }
    lines
}

/// `keepalive_requests` is known in upstreams since then.
const UPSTREAM_REQUESTS: Version = Version::new(1, 15, 3);

/// The configuration with the flows at fault in upstreams and with the fixes of `ngxc lint` for connection reuse.
fn reused(
    input: &Input,
    configuration: &Configuration,
    config: &Config,
    flows: &[Flow<'_>],
    at_fault: &[usize],
    more: Vec<Fix>,
) -> Option<Configuration> {
    let bare = bare::upstreams(configuration, config, flows, at_fault);
    let fixes: Vec<Fix> = more.into_iter().chain(bare).collect();
    let mut files = apply(configuration, &edit::select(&fixes));
    for _ in 0..MAX_ROUNDS {
        let next = input.meaning.load(&input.file, &files).ok()?;
        let compiled = input.meaning.compile(&next, input.meaning.version());
        if !compiled.is_valid() {
            return None;
        }
        if at_fault.is_empty() {
            return Some(next);
        }
        let found = lint(&next, &compiled.config, RULES);
        let places = RepairPlaces::new(&compiled.config, flows, at_fault);
        let reuse = found
            .iter()
            .filter(|d| RULES.iter().any(|r| r.name == d.code && r.category == Category::Reuse))
            .filter(|d| !places.is_elsewhere(d));
        let safe = reuse.filter_map(|d| d.fix.as_ref()).filter(|f| f.applicability <= Applicability::Safe);
        let fixes = edit::select(safe);
        if fixes.is_empty() {
            return Some(next);
        }
        files = apply(&next, &fixes);
    }
    None
}

/// Places of a configuration, edited so far, by whether their flow shares ports with one at fault.
struct RepairPlaces {
    at_fault: Vec<Span>,
    others: Vec<Span>,
}

impl RepairPlaces {
    fn new(config: &Config, before: &[Flow<'_>], at_fault: &[usize]) -> Self {
        let peers =
            |flow: &Flow<'_>| flow.destinations.iter().map(|d| d.endpoint.clone()).collect::<Vec<_>>();
        let short: Vec<_> = at_fault.iter().flat_map(|position| peers(&before[*position])).collect();
        let names: Vec<&str> = at_fault.iter().map(|position| before[*position].name.as_str()).collect();
        let mut places = Self { at_fault: Vec::new(), others: Vec::new() };
        for flow in crate::ports::flows(config) {
            let is_it =
                names.contains(&flow.name.as_str()) || peers(&flow).iter().any(|peer| short.contains(peer));
            let list = if is_it { &mut places.at_fault } else { &mut places.others };
            list.extend(flow.passes.iter().map(|(_, span)| *span));
            list.extend(
                flow.upstream.filter(|upstream| !upstream.is_implicit()).map(|upstream| upstream.span),
            );
        }
        places
    }

    /// True if a finding is about flows that are not broken, and about none at fault.
    fn is_elsewhere(&self, found: &Diagnostic) -> bool {
        let is_in = |places: &[Span]| {
            let mut spans =
                std::iter::once(found.span).chain(found.related.iter().map(|related| related.span));
            spans.any(|span| {
                places.iter().any(|place| {
                    place.file == span.file && place.start <= span.end && span.start <= place.end
                })
            })
        };
        is_in(&self.others) && !is_in(&self.at_fault)
    }
}
