//! Requests that two configurations treat differently.
//!
//! For each address and each kind of host that the names of either side tell apart, a pair of servers is asked the same
//! requests: one for each kind of path, and variations of it by whatever conditions, maps and access rules ask for. A
//! difference is what the simulator shows on both sides, so nothing is reported that is not so.

pub mod class;
pub mod effect;
pub mod group;
pub mod node;
pub mod probe;
pub mod reverted;
mod side;

use std::collections::{HashMap, HashSet};

use super::outcome::Outcome;
use crate::eval::select::{AddressId, LocationId, ServerId};
use crate::model::Endpoint;
use crate::source::Span;
use class::Class;
use effect::{Effects, effects};
use node::{Edit, Node};
use probe::{Probe, ProbeQuestions, hosts};
use reverted::{Differing, Maker, Trials};
pub use side::Side;

/// Request that is treated differently.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The request.
    pub probe: Probe,
    /// Address that it comes in on.
    pub endpoint: Endpoint,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Effect that differs.
    pub field: String,
    /// Value of the effect in the old configuration; `None`: it has none.
    pub old: Option<String>,
    /// Value of the effect in the new configuration.
    pub new: Option<String>,
    /// Answer of the old configuration in words, and its place.
    pub old_told: (String, Option<Span>),
    /// Answer of the new configuration.
    pub new_told: (String, Option<Span>),
}

/// A difference, with what explains it.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Class of the difference.
    pub class: Class,
    /// The request.
    pub witness: Witness,
    /// Edit that causes it: its position in [`DiffResult::edits`]; `None`: no single edit, as after a change of order.
    pub edit: Option<usize>,
    /// Place of the answer, or of the chosen block, on each side.
    pub places: (Option<Span>, Option<Span>),
}

/// A place that the same requests reach on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlacePair {
    /// Server and location in the old configuration.
    pub old: (ServerId, Option<LocationId>),
    /// Server and location in the new configuration.
    pub new: (ServerId, Option<LocationId>),
}

/// Result of the comparison.
#[derive(Debug, Default)]
pub struct DiffResult {
    /// Directives that differ.
    pub edits: Vec<Edit>,
    /// Requests that are treated differently; of each cause and effect only the first.
    pub differences: Vec<Difference>,
    /// Addresses that only one side listens on; true: the new one.
    pub addresses: Vec<(Endpoint, bool, Option<Span>)>,
    /// Places that requests reach.
    pub places: Vec<PlacePair>,
    /// Expressions that no automaton decides.
    pub undecided: Vec<String>,
    /// False if some search ended at its bounds.
    pub is_complete: bool,
    /// Pairs of equal servers that were not asked, although something outside of them differs.
    pub skipped: usize,
}

/// Most pairs of equal servers that are asked because something outside of them differs.
const MAX_EQUAL: usize = 24;

/// Compares two configurations; `maker` compiles a text, so that each difference is told of the edit that causes it.
pub fn compare<'c>(old: Side<'c>, new: Side<'c>, maker: Option<&'c Maker<'c>>) -> DiffResult {
    let mut compared = DiffResult { is_complete: true, ..DiffResult::default() };
    compared.edits = node::edits(old.nodes, new.nodes);
    let hashes = [of_servers(old.nodes), of_servers(new.nodes)];
    let outside = compared.edits.iter().any(is_outside);
    addresses(old, new, &mut compared);
    let mut asked: HashSet<(ServerId, ServerId)> = HashSet::new();
    let mut equal = 0;
    let trials = Trials::new(old, new, &compared.edits, maker);
    let causes = Causes { attribution: group::Attribution::new(&compared.edits), trials };
    let mut seen = Seen::new();
    for (old_id, new_id) in shared_addresses(old, new) {
        let of =
            |side: Side<'_>, id: AddressId| -> Vec<ServerId> { side.router().listen(id).servers.clone() };
        let servers = of(old, old_id).into_iter().map(|id| old.server(id));
        let hosts = hosts(servers.chain(of(new, new_id).into_iter().map(|id| new.server(id))));
        let mut of_address: HashSet<(ServerId, ServerId)> = HashSet::new();
        let takes_tls = [old.router().listen(old_id).listen.ssl, new.router().listen(new_id).listen.ssl];
        for host in hosts {
            let mut name = Vec::new();
            if !host.is_empty() && crate::eval::select::host::normalize(host.as_bytes(), &mut name).is_err() {
                continue;
            }
            let (Ok((one, _)), Ok((two, _))) =
                (old.router().server(old_id, &name), new.router().server(new_id, &name))
            else {
                continue;
            };
            if !of_address.insert((one, two)) {
                continue;
            }
            let hash = |of: &HashMap<Span, u64>, side: Side<'_>, id| of.get(&side.server(id).span).copied();
            let is_equal =
                hash(&hashes[0], old, one) == hash(&hashes[1], new, two) && takes_tls[0] == takes_tls[1];
            if is_equal && !outside || !asked.insert((one, two)) {
                continue;
            }
            if is_equal {
                equal += 1;
                if equal > MAX_EQUAL {
                    compared.skipped += 1;
                    continue;
                }
            }
            let pair = ServerPair { old, new, addresses: (old_id, new_id), servers: (one, two), host };
            pair.compare(&causes, &mut seen, &mut compared);
        }
    }
    compared.places.sort_unstable();
    compared.places.dedup();
    compared.undecided.sort_unstable();
    compared.undecided.dedup();
    compared
}

/// True if an edit is in `http` and outside of servers.
fn is_outside(edit: &Edit) -> bool {
    edit.blocks.first().is_some_and(|block| block == "http")
        && edit.blocks.get(1).is_none_or(|block| block != "server")
        && edit.name != "server"
}

/// Numbers of the servers' texts, by head.
fn of_servers(nodes: &[Node]) -> HashMap<Span, u64> {
    let mut found = HashMap::new();
    let mut open: Vec<&Node> = nodes.iter().collect();
    while let Some(node) = open.pop() {
        if node.name() == "server" {
            found.insert(node.head, node.hash());
        } else if node.name() == "http" {
            open.extend(&node.inner);
        }
    }
    found
}

/// Addresses that both sides listen on.
fn shared_addresses(old: Side<'_>, new: Side<'_>) -> Vec<(AddressId, AddressId)> {
    let of_new: HashMap<(&Endpoint, bool), AddressId> =
        new.router().addresses().map(|(id, a)| ((&a.listen.endpoint, a.listen.quic), id)).collect();
    let mut shared = Vec::new();
    for (id, address) in old.router().addresses().filter(|(_, address)| !address.listen.quic) {
        shared.extend(of_new.get(&(&address.listen.endpoint, false)).map(|other| (id, *other)));
    }
    shared
}

/// Addresses that only one side listens on.
fn addresses(old: Side<'_>, new: Side<'_>, compared: &mut DiffResult) {
    for (side, other, is_new) in [(old, new, false), (new, old, true)] {
        let known: HashSet<(&Endpoint, bool)> =
            other.router().addresses().map(|(_, a)| (&a.listen.endpoint, a.listen.quic)).collect();
        for (_, address) in side.router().addresses() {
            let listen = &address.listen;
            if !known.contains(&(&listen.endpoint, listen.quic)) {
                compared.addresses.push((listen.endpoint.clone(), is_new, listen.span));
            }
        }
    }
}

/// Both ways to the edit behind a difference: by places, and by asking the configuration without the edit.
struct Causes<'c> {
    attribution: group::Attribution,
    trials: Trials<'c>,
}

/// A pair of servers that the same requests reach.
struct ServerPair<'p> {
    old: Side<'p>,
    new: Side<'p>,
    addresses: (AddressId, AddressId),
    servers: (ServerId, ServerId),
    host: String,
}

/// Unit of a report: the edit, or the places without one, and the effect; with its position in the differences.
type Seen = HashMap<(Option<usize>, Option<Span>, Option<Span>, String), usize>;

impl Witness {
    /// The status is the same on both sides: a request with another one shows more.
    fn is_weak(&self) -> bool {
        let status =
            |value: &Option<String>| value.as_deref().and_then(|value| value.get(..3)).map(str::to_owned);
        self.field == "answer" && status(&self.old) == status(&self.new)
    }
}

impl ServerPair<'_> {
    fn compare(&self, causes: &Causes<'_>, seen: &mut Seen, compared: &mut DiffResult) {
        let mut asks = ProbeQuestions::default();
        for (side, id) in [(self.old, self.servers.0), (self.new, self.servers.1)] {
            asks.add(side.config(), &side.config().http.servers[id.0 as usize]);
        }
        let probes = asks.probes(&self.host);
        compared.undecided.extend(probes.undecided.iter().cloned());
        compared.is_complete &= probes.is_complete;
        for probe in probes.list {
            let one = probe.asked(self.old.router(), self.addresses.0);
            let two = probe.asked(self.new.router(), self.addresses.1);
            let (Ok(mut before), Ok(mut after)) =
                (Outcome::of(self.old.ground, &one), Outcome::of(self.new.ground, &two))
            else {
                continue;
            };
            compared.places.push(PlacePair {
                old: (before.walk.server, before.walk.location),
                new: (after.walk.server, after.walk.location),
            });
            let (old, new) = (effects(&mut before, self.old.sources), effects(&mut after, self.new.sources));
            for (class, field, old_value, new_value) in differing(&old, &new) {
                let guess = causes.attribution.of(&old, &new, &field);
                let effect =
                    Differing { field: &field, old: old_value.as_deref(), new: new_value.as_deref() };
                let found = causes.trials.causes(&compared.edits, guess, &probe, self.addresses.1, &effect);
                let mut edits: Vec<Option<usize>> = found.into_iter().map(Some).collect();
                if edits.is_empty() {
                    edits.push(guess);
                }
                let places =
                    (old.place.or(old.trail.first().copied()), new.place.or(new.trail.first().copied()));
                let listen = &self.new.router().listen(self.addresses.1).listen;
                let witness = Witness {
                    probe: probe.clone(),
                    endpoint: listen.endpoint.clone(),
                    scheme: two.scheme,
                    field,
                    old: old_value,
                    new: new_value,
                    old_told: (old.told.clone(), old.place),
                    new_told: (new.told.clone(), new.place),
                };
                for edit in edits {
                    let difference = Difference { class, witness: witness.clone(), edit, places };
                    keep(difference, seen, &mut compared.differences);
                }
            }
        }
    }
}

/// Keeps a difference if it is the first of its cause and effect, or shows more than the first.
fn keep(difference: Difference, seen: &mut Seen, differences: &mut Vec<Difference>) {
    let places = if difference.edit.is_some() { (None, None) } else { difference.places };
    let key = (difference.edit, places.0, places.1, difference.witness.field.clone());
    if let Some(known) = seen.get(&key).map(|at| &mut differences[*at]) {
        let is_better =
            known.witness.is_weak() && known.class == difference.class && !difference.witness.is_weak();
        if is_better {
            *known = difference;
        }
    } else {
        seen.insert(key, differences.len());
        differences.push(difference);
    }
}

/// Effects that differ; if the answer differs in kind, only the answer.
fn differing(old: &Effects, new: &Effects) -> Vec<(Class, String, Option<String>, Option<String>)> {
    let mut found = Vec::new();
    for effect in &old.list {
        let other = new.list.iter().find(|other| other.field == effect.field);
        let value = other.map(|other| other.value.clone());
        if value.as_ref() != Some(&effect.value) {
            let class = other.map_or(effect.class, |other| effect.class.min(other.class));
            found.push((class, effect.field.clone(), Some(effect.value.clone()), value));
        }
    }
    for effect in new.list.iter().filter(|effect| old.list.iter().all(|o| o.field != effect.field)) {
        found.push((effect.class, effect.field.clone(), None, Some(effect.value.clone())));
    }
    let kind = |effects: &Effects| effects.list.first().map(|answer| answer.class);
    match found.iter().position(|(_, field, ..)| field == "answer") {
        Some(at) if kind(old) != kind(new) => vec![found.swap_remove(at)],
        _ => found,
    }
}
