//! The diagnosis: configuration, logs, sockets and kernel put together.

mod bursts;
mod config;
mod cure;
mod drain;
mod kernel;
mod logs;
mod rescued;
mod sockets;

pub mod load;
pub mod names;
pub mod since;

pub use cure::Edit;

use super::access_log::AccessLog;
use super::addresses::Addresses;
use super::counters::Counters;
use super::dates::stamp;
use super::error_log::ErrorLog;
use super::flow::Flow;
use super::host::Host;
use super::sockets::Sockets;
use super::sysctl::Sysctls;
use crate::model::{Config, Endpoint};
use crate::reuse::Leaf;
use crate::source::Span;

/// Known facts. Absent facts are not judged.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Settings of the network namespace.
    pub host: Host,
    /// The same as text, with those that only single findings need.
    pub sysctls: Sysctls,
    /// First two numbers of the kernel's version.
    pub kernel: Option<(u32, u32)>,
    /// Sockets.
    pub sockets: Option<Sockets>,
    /// Addresses and routes.
    pub addresses: Option<Addresses>,
    /// Counters.
    pub counters: Option<Counters>,
    /// Name servers of /etc/resolv.conf.
    pub name_servers: Vec<std::net::IpAddr>,
    /// `insert_failed` of connection tracking.
    pub insert_failed: u64,
    /// The error log.
    pub errors: Option<ErrorLog>,
    /// The access log.
    pub access: Option<AccessLog>,
    /// When the evidence was taken, in seconds of the local time of logs; `None` if a log is one of the past.
    pub now: Option<i64>,
    /// When the evidence was taken, and when nginx was reloaded before that, in seconds of the local time of logs.
    pub reloaded: Option<(i64, i64)>,
    /// True if the access log is one of the past: what failed there is asked about, however often nginx was reloaded since.
    pub is_history: bool,
}

/// Severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// It will hurt.
    Warning,
    /// It hurts.
    Critical,
}

impl Severity {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its stable name.
    pub name: &'static str,
    /// Severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Errors that it is the cause of; of two findings that are equally bad the one with more comes first.
    pub count: u64,
    /// Observation.
    pub evidence: Vec<String>,
    /// The line of the configuration at fault, and why it is.
    pub fault: Option<(Span, String)>,
    /// Remedy.
    pub remedy: Vec<String>,
    /// Verdict of the model on the time after the remedy.
    pub effect: Option<String>,
    /// The flow that has to be repaired in the configuration, by its position.
    pub repair: Option<usize>,
    /// True if only the configuration says so: nothing has failed or filled up yet.
    pub is_forecast: bool,
    /// Edits of the configuration that cure it.
    pub edits: Vec<Edit>,
    /// Commands for this host that cure it, where the configuration cannot.
    pub commands: Vec<String>,
    /// True if the commands only move the limit, and no model says that the load is carried then.
    pub only_widens: bool,
    /// It is cured, and is over by itself at this time, in seconds of the local time of logs.
    pub over_at: Option<i64>,
}

impl Finding {
    fn new(name: &'static str, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            name,
            severity,
            title: title.into(),
            count: 0,
            evidence: Vec::new(),
            fault: None,
            remedy: Vec::new(),
            effect: None,
            repair: None,
            is_forecast: false,
            edits: Vec::new(),
            commands: Vec::new(),
            only_widens: false,
            over_at: None,
        }
    }

    fn seen(mut self, text: impl Into<String>) -> Self {
        self.evidence.push(text.into());
        self
    }

    fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy.push(text.into());
        self
    }

    /// Judges a cause that was seen before the last reload only: it is over, unless there is something to be repaired still.
    fn before_reload(mut self, at: i64) -> Self {
        let when = stamp(at);
        if self.repair.is_some() || !self.edits.is_empty() || !self.commands.is_empty() {
            // Nothing fails now.
            self.severity = self.severity.min(Severity::Warning);
            return self
                .seen(format!("not seen since the last reload, {when}, but its cause is still there"));
        }
        self.over(&format!("before the last reload, {when}"))
    }

    /// Judges a cause that is there no longer; `when` is the time of it, in words.
    fn over(mut self, when: &str) -> Self {
        self.title = format!("{when}: {}", self.title);
        self.severity = Severity::Info;
        self.count = 0;
        self.effect = None;
        self.commands.clear();
        self.edits.clear();
        self.remedy = vec!["nothing: it was not seen since then".to_owned()];
        self
    }

    /// Blames a flow: its line, and why it needs so many ports.
    fn blame(mut self, case: &Case<'_>, position: usize) -> Self {
        let flow = &case.flows[position];
        let Some((directive, span)) = flow.passes.first() else { return self };
        self.fault = Some((*span, format!("{directive}: {}", super::upgrade::words(flow))));
        // No edit makes a connection of stream serve another session.
        if flow.session.is_none() && load::is_short(case, flow) {
            self.repair = Some(position);
        }
        self
    }
}

/// Everything that the checks look at.
pub(super) struct Case<'a> {
    config: &'a Config,
    flows: &'a [Flow<'a>],
    evidence: &'a Evidence,
}

impl<'a> Case<'a> {
    /// The flow that connects to an address.
    fn flow_to(&self, peer: std::net::SocketAddr) -> Option<usize> {
        let is_peer = |flow: &Flow<'_>| {
            flow.destinations.iter().any(|d| match &d.endpoint {
                Endpoint::Inet(address) => *address == peer,
                // A name was not resolved; its port is the best that is known.
                Endpoint::Name(name, port) => {
                    *port == peer.port() && name == "localhost" && peer.ip().is_loopback()
                }
                Endpoint::Unix(_) => false,
            })
        };
        self.flows.iter().position(is_peer)
    }

    /// The flow of a target as logs name it: an address, a unix socket, or the name of an upstream.
    fn flow_named(&self, target: &str) -> Option<usize> {
        if let Some(path) = target.strip_prefix("unix:") {
            let is_peer = |f: &Flow<'_>| {
                f.destinations.iter().any(|d| matches!(&d.endpoint, Endpoint::Unix(p) if p == path))
            };
            return self.flows.iter().position(is_peer);
        }
        let peer =
            target.parse().ok().and_then(|peer| self.flow_to(peer).or_else(|| self.only_flow_to_port(peer)));
        peer.or_else(|| self.flows.iter().position(|f| f.name == target))
    }

    /// The flow of a target that lines of `stream` name, or else one of `http`.
    fn session_named(&self, target: &str, is_udp: bool) -> Option<usize> {
        let named = |(n, flow): (usize, &Flow<'_>)| {
            let is_it = flow.session.is_some_and(|session| session.is_udp == is_udp)
                && (flow.name == target
                    || flow.destinations.iter().any(|d| d.endpoint.to_string() == target));
            is_it.then_some(n)
        };
        self.flows.iter().enumerate().find_map(named).or_else(|| self.flow_named(target))
    }

    /// The directives that pass requests to peers as logs name them.
    fn leaves_to(&self, targets: &[&str]) -> Vec<Leaf<'a>> {
        let named: Vec<usize> = targets.iter().filter_map(|target| self.flow_named(target)).collect();
        let peers = |position: &usize| self.flows[*position].destinations.iter().map(|d| &d.endpoint);
        let wanted: Vec<&Endpoint> = named.iter().flat_map(peers).collect();
        let is_one = |flow: &&Flow<'_>| flow.destinations.iter().any(|d| wanted.contains(&&d.endpoint));
        let spans: Vec<Span> =
            self.flows.iter().filter(is_one).flat_map(|f| f.passes.iter().map(|(_, span)| *span)).collect();
        crate::reuse::leaves(self.config).into_iter().filter(|leaf| spans.contains(&leaf.span)).collect()
    }

    /// The flow to a name with the port of a peer, if there is only one.
    fn only_flow_to_port(&self, peer: std::net::SocketAddr) -> Option<usize> {
        let is_it = |f: &Flow<'_>| {
            f.destinations
                .iter()
                .any(|d| matches!(&d.endpoint, Endpoint::Name(_, port) if *port == peer.port()))
        };
        let mut found = self.flows.iter().enumerate().filter(|(_, f)| is_it(f)).map(|(n, _)| n);
        found.next().filter(|_| found.next().is_none())
    }
}

/// Everything that is wrong, worst first.
pub fn diagnose(config: &Config, flows: &[Flow<'_>], evidence: &Evidence) -> Vec<Finding> {
    let case = Case { config, flows, evidence };
    let mut found = Vec::new();
    logs::check(&case, &mut found);
    sockets::check(&case, &mut found);
    kernel::check(&case, &mut found);
    config::check(&case, &mut found);
    found.sort_by_key(|f| std::cmp::Reverse((f.severity, f.count)));
    found
}
