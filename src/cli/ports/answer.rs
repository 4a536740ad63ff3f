//! The answer of `ngxc ports`, made of what the model says of each flow.

use super::schema::{
    Answer, FlowAnswer, HostFacts, Limits, LoadAnswer, Nat, RowAnswer, Share, SolutionAnswer, Tuple,
};
use super::{Failure, Machine, PortsArgs, ReadConfiguration};
use crate::model::Config;
use crate::ports::capacity::{Capacity, Load, Outcome, Setup};
use crate::ports::doctor::load::ASSUMED_LATENCY;
use crate::ports::host::show_range;
use crate::ports::plan::{self, Row, Solution};
use crate::ports::sources::{Source, UnknownSources};
use crate::ports::upgrade::Effect;
use crate::ports::{Flow, flows, nat, session, upgrade};
use crate::reuse::DEFAULT_KEEPALIVE;
use crate::source::SourceMap;

pub(super) fn answer(
    args: &PortsArgs,
    read: &ReadConfiguration,
    machine: &Machine,
    load: Option<Load>,
) -> Result<Answer, Failure> {
    let (config, sources) = (&read.config, &read.configuration.sources);
    let all = session::all(config);
    let found = chosen(args, session::all(config))?;
    let newer = read.newer.as_ref().map(self::flows).unwrap_or_default();
    let flows = found.iter().map(|flow| {
        let newer = read.newer.as_ref().and_then(|config| since(config, flow, &newer, machine, args));
        let mut answer = flow_answer(args, sources, config, machine, flow, newer.as_ref(), load);
        answer.notes.extend(shared(flow, &all));
        answer
    });
    let flows = flows.collect();
    Ok(Answer {
        schema: 1,
        assumptions: super::assumptions(args, &read.which),
        nginx_version: config.version.to_string(),
        nginx: read.which.short(),
        host: facts(machine),
        flows,
    })
}

/// Difference of a flow with the nginx that keeps connections by default.
pub(super) struct ReuseDifference {
    pub(super) setup: Setup,
    words: String,
}

/// The flow as the newest nginx has it, if that matters to ports.
pub(super) fn since(
    newer: &Config,
    flow: &Flow<'_>,
    flows: &[Flow<'_>],
    machine: &Machine,
    args: &PortsArgs,
) -> Option<ReuseDifference> {
    let same = upgrade::same(flow, flows).filter(|same| upgrade::effect(flow, same) != Effect::Same)?;
    let spare = same.on_backup();
    let setup = Setup::new(newer, spare.as_ref().unwrap_or(same), &machine.host, args.active_close);
    let words =
        format!("since nginx {DEFAULT_KEEPALIVE}: {}; {}", upgrade::words(same), upgrade::closer_words(same));
    Some(ReuseDifference { setup, words })
}

/// The name of the row for [`since`].
pub(super) fn since_name() -> String {
    format!("since nginx {DEFAULT_KEEPALIVE}")
}

/// Those of some flows that go to `--upstream`, or all.
pub(super) fn chosen<'c>(args: &PortsArgs, mut found: Vec<Flow<'c>>) -> Result<Vec<Flow<'c>>, Failure> {
    if let Some(name) = &args.upstream {
        let known: Vec<String> = found.iter().map(|f| format!("`{}`", f.name)).collect();
        found.retain(|f| f.name == *name);
        if found.is_empty() {
            return Err(Failure::new(format!("nothing passes requests to `{name}`")).help(
                match known.len() {
                    0 => "the configuration has no `proxy_pass` or the like".to_owned(),
                    _ => format!("expected one of {}", known.join(", ")),
                },
            ));
        }
    }
    Ok(found)
}

pub(super) fn facts(machine: &Machine) -> HostFacts {
    let host = &machine.host;
    let ports = host.ports();
    HostFacts {
        source: machine.source.clone(),
        assumed: assumed(machine),
        port_range: [host.range.value.0, host.range.value.1],
        reserved: host.reserved.value.iter().map(|r| show_range(*r)).collect::<Vec<_>>().join(","),
        listening_in_range: host.exposed(),
        ports: ports.all,
        cliff: ports.first_parity,
        tcp_tw_reuse: host.tw_reuse.value,
        tcp_timestamps: host.timestamps.value,
        time_wait_seconds: host.time_wait(false),
        tcp_max_tw_buckets: host.max_tw_buckets.value,
        workers_if_auto: host.cpus.value,
    }
}

fn assumed(machine: &Machine) -> Vec<&'static str> {
    let host = &machine.host;
    let read = [
        ("ip_local_port_range", host.range.is_read),
        ("ip_local_reserved_ports", host.reserved.is_read),
        ("tcp_tw_reuse", host.tw_reuse.is_read),
        ("tcp_timestamps", host.timestamps.is_read),
        ("tcp_max_tw_buckets", host.max_tw_buckets.is_read),
        ("cpus", host.cpus.is_read),
    ];
    read.iter().filter(|(_, read)| !read).map(|(name, _)| *name).collect()
}

fn flow_answer(
    args: &PortsArgs,
    sources: &SourceMap,
    config: &Config,
    machine: &Machine,
    flow: &Flow<'_>,
    since: Option<&ReuseDifference>,
    load: Option<Load>,
) -> FlowAnswer {
    let spare = flow.on_backup();
    let flow = spare.as_ref().unwrap_or(flow);
    let setup = Setup::new(config, flow, &machine.host, args.active_close);
    let places = flow.passes.iter().map(|(name, span)| format!("{} {name}", sources.place(*span))).collect();
    let protocol = flow.session.map_or("http", |session| if session.is_udp { "udp" } else { "tcp" });
    let mut answer = FlowAnswer {
        name: flow.name.clone(),
        protocol,
        places,
        reused: upgrade::words(flow),
        time_wait: upgrade::closer_words(flow).to_owned(),
        workers: setup.workers,
        sources: flow.sources.list.iter().map(|s| Share { name: source_name(s), share: s.share }).collect(),
        destinations: flow
            .destinations
            .iter()
            .map(|d| Share { name: d.endpoint.to_string(), share: d.share })
            .collect(),
        notes: notes(args, flow, &setup),
        limits: None,
        tuples: Vec::new(),
        load: None,
        rows: Vec::new(),
        solutions: Vec::new(),
        nat: None,
    };
    if spare.is_some() {
        answer.notes.push(
            "unix sockets need no ports; the numbers are those of the `backup` servers, which get all requests while no \
             unix socket answers"
                .to_owned(),
        );
    }
    if flow.is_unix() {
        return answer;
    }
    let given = load.unwrap_or(Load { latency: args.latency.unwrap_or(ASSUMED_LATENCY), ..Load::default() });
    let capacity = Capacity::of(&setup, &given);
    answer.limits = Some(limits(&capacity));
    answer.tuples = tuples(flow, &setup, &capacity);
    answer.notes.extend(since.map(|since| since.words.clone()));
    answer.rows = rows(args, &setup, since, &given, load.is_some());
    answer.load = load.map(|load| LoadAnswer {
        requests_per_second: load.rate,
        requests_at_once: setup.open(&load),
        new_connections_per_second: setup.new_connections(&load).0,
        new_connections_per_second_at_worst: setup.new_connections(&load).1,
        ports_in_use: plan::ports_in_use(&setup, &load),
    });
    answer.solutions = args.solve_for.iter().map(|s| solution(*s, &setup, &given)).collect();
    answer.nat = args.nat.map(|gateway| {
        let requests = nat::ceiling(&gateway, args.nat_addresses, &setup, &given);
        Nat {
            gateway: gateway.title,
            addresses: args.nat_addresses,
            requests_per_second: requests,
            is_binding: requests < capacity.safe_requests(),
            remark: gateway.remark,
        }
    });
    answer
}

fn source_name(source: &Source) -> String {
    source.address.map_or("(kernel's choice)".to_owned(), |a| a.to_string())
}

fn limits(capacity: &Capacity) -> Limits {
    Limits {
        requests_per_connection: capacity.requests,
        hold_seconds: capacity.hold,
        hard_connections_per_second: capacity.hard,
        safe_connections_per_second: capacity.safe,
        hard_requests_per_second: capacity.hard_requests(),
        safe_requests_per_second: capacity.safe_requests(),
    }
}

fn tuples(flow: &Flow<'_>, setup: &Setup, capacity: &Capacity) -> Vec<Tuple> {
    let scale = setup.heaviest_tuple();
    let mut all = Vec::new();
    for source in &flow.sources.list {
        if setup.is_udp() {
            all.push(Tuple {
                source: source_name(source),
                destination: "(any: UDP)".to_owned(),
                share: source.share,
                ports: capacity.ports,
                cliff: capacity.cliff,
                hard_connections_per_second: capacity.hard * scale,
                safe_connections_per_second: capacity.safe * scale,
            });
            continue;
        }
        for destination in flow.destinations.iter().filter(|d| d.needs_port()) {
            // Each tuple alone carries what the heaviest one does.
            all.push(Tuple {
                source: source_name(source),
                destination: destination.endpoint.to_string(),
                share: source.share * destination.share,
                ports: capacity.ports,
                cliff: capacity.cliff,
                hard_connections_per_second: capacity.hard * scale,
                safe_connections_per_second: capacity.safe * scale,
            });
        }
    }
    all
}

fn rows(
    args: &PortsArgs,
    setup: &Setup,
    since: Option<&ReuseDifference>,
    load: &Load,
    has_load: bool,
) -> Vec<RowAnswer> {
    let mut rows = plan::rows(setup, load);
    if let Some(since) = since {
        rows.insert(1, plan::row(since_name(), &since.setup, load));
    }
    for changes in &args.what_if {
        let mut changed = setup.clone();
        for change in &changes.list {
            change.apply(&mut changed);
        }
        rows.push(plan::row(format!("what if: {}", changes.text), &changed, load));
    }
    rows.iter().map(|row| row_answer(row, has_load)).collect()
}

fn row_answer(row: &Row, has_load: bool) -> RowAnswer {
    let (verdict, head_room, cliff, exhausted) = match row.outcome {
        Outcome::Fits(room) => ("fits", Some(room), None, None),
        Outcome::Tight(room) => ("tight", Some(room), None, None),
        Outcome::Cliff(after) => ("cliff", None, Some(after), None),
        Outcome::Exhausted { after, cliff } => ("exhausted", None, Some(cliff), Some(after)),
    };
    RowAnswer {
        name: row.name.clone(),
        hard_requests_per_second: row.capacity.hard_requests(),
        safe_requests_per_second: row.capacity.safe_requests(),
        used: Some(row.used).filter(|u| has_load && u.is_finite()),
        verdict: has_load.then_some(verdict),
        head_room: head_room.filter(|_| has_load),
        cliff_after_seconds: cliff.filter(|_| has_load),
        exhausted_after_seconds: exhausted.filter(|_| has_load),
        pool_needed: row.pool_needed.filter(|_| has_load),
    }
}

fn solution(unknown: super::SolveFor, setup: &Setup, load: &Load) -> SolutionAnswer {
    use crate::ports::change::Change;
    let name =
        clap::ValueEnum::to_possible_value(&unknown).map_or(String::new(), |v| v.get_name().to_owned());
    let (result, text, lines) = match plan::solve(setup, load, unknown.unknown()) {
        Solution::Enough => ("enough", "nothing has to change: the load is below the cliff".to_owned(), None),
        Solution::Impossible(why) => ("impossible", why, None),
        Solution::Change(change) => {
            let lines = match &change {
                Change::Keepalive(n) => format!(
                    "upstream … {{ … keepalive {n}; }}\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\n"
                ),
                Change::Sources(n) => plan::split_block(*n, setup.session.is_some()),
                Change::Range((first, last)) => format!("net.ipv4.ip_local_port_range = {first} {last}\n"),
                _ => String::new(),
            };
            ("change", plan::show(&change), Some(lines))
        }
    };
    SolutionAnswer { solve_for: name, result, text, lines }
}

/// Other flows to the same peers: they take ports of the same tuples.
fn shared(flow: &Flow<'_>, all: &[Flow<'_>]) -> Option<String> {
    let same = |other: &&Flow<'_>| {
        let is_udp = |flow: &Flow<'_>| flow.session.is_some_and(|session| session.is_udp);
        other.passes != flow.passes
            && is_udp(other) == is_udp(flow)
            && other.sources == flow.sources
            && flow
                .destinations
                .iter()
                .any(|d| d.needs_port() && other.destinations.iter().any(|o| o.endpoint == d.endpoint))
    };
    let mut names: Vec<String> = all.iter().filter(same).map(|f| format!("`{}`", f.name)).collect();
    names.dedup();
    (!names.is_empty()).then(|| {
        format!("other places connect to the same peers and share these ports: {}", names.join(", "))
    })
}

fn notes(args: &PortsArgs, flow: &Flow<'_>, setup: &Setup) -> Vec<String> {
    let mut notes = Vec::new();
    if flow.is_unix() {
        notes.push("unix sockets need no ports".to_owned());
        return notes;
    }
    if flow.session.is_some() {
        let ports = setup.ports();
        let at_once = |ports: u32| (f64::from(ports) / setup.heaviest_tuple()).floor();
        notes.push(format!(
            "{:.0} sessions at once at most, {:.0} safe, however short they are{}",
            at_once(ports.all),
            at_once(ports.first_parity),
            if args.latency.is_some() { "" } else { ": --latency says how long one lasts" }
        ));
    }
    if setup.is_udp() {
        notes
            .push("a port of UDP is taken for all destinations, and by all programs of this host".to_owned());
    }
    if flow.destinations.is_empty() {
        notes.push("the destination comes with the request: counted as one".to_owned());
    }
    if flow.destinations.iter().any(|d| matches!(d.endpoint, crate::model::Endpoint::Name(..))) {
        notes.push("a name counts as one address: it was not resolved".to_owned());
    }
    match flow.sources.doubt {
        Some(UnknownSources::Request) => {
            notes.push("proxy_bind depends on the request: counted as one source".to_owned());
        }
        Some(UnknownSources::Shares) => notes.push("the shares of the sources are not known: counted as equal".to_owned()),
        Some(UnknownSources::Port) => notes.push(
            "proxy_bind fixes the port: a second connection to the same peer fails with status 500 (98: Address \
             already in use)"
                .to_owned(),
        ),
        None => {}
    }
    if setup.reuse.is_some() && flow.sources.list.len() > 1 {
        notes.push(format!(
            "the cache looks at the peer only: about {:.0} % of the requests leave from another source than the \
             variable says",
            100.0 * (1.0 - flow.sources.list.iter().map(|s| s.share * s.share).sum::<f64>())
        ));
    }
    if setup.loopback && setup.time_wait() < crate::ports::host::TIME_WAIT {
        notes.push(format!("over loopback ports are used again after {} s", setup.time_wait()));
    }
    let race =
        flow.closer == crate::ports::flow::ClosingSide::Race && setup.reuse.is_none() && !setup.is_udp();
    if race && args.active_close.is_none() {
        notes.push("worst case: every connection is counted as closed by nginx (--active-close)".to_owned());
    }
    notes
}
