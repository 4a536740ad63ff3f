//! The new configuration without one of the edits: what it does like the old one, that edit has changed.

use std::cell::{Cell, OnceCell};

use super::effect;
use super::node::{Edit, Node};
use super::probe::Probe;
use super::side::Side;
use crate::behaviour::outcome::Outcome;
use crate::eval::select::AddressId;
use crate::model::Listen;
use crate::simulate::walk::RoutingConfiguration;
use crate::source::{SourceMap, Span};

/// A configuration that was made of a text.
#[derive(Debug)]
pub struct Made {
    /// The prepared configuration.
    pub ground: RoutingConfiguration,
    /// Its text.
    pub sources: SourceMap,
}

/// Maker of a configuration from the text of a main file; `None` if the text has errors.
pub type Maker<'m> = dyn Fn(String) -> Option<Made> + 'm;

/// Most edits that are told apart in this way.
const MAX_EDITS: usize = 32;
/// Most bytes that are compiled for it, over all edits.
const MAX_BYTES: usize = 8 << 20;
/// Most requests that are asked for it.
const MAX_ASKED: usize = 60_000;

/// The new configuration without each of the edits, made when it is needed.
pub(super) struct Trials<'t> {
    old: Side<'t>,
    new: Side<'t>,
    maker: Option<&'t Maker<'t>>,
    made: Vec<OnceCell<Option<Made>>>,
    asked: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'t> Trials<'t> {
    pub(super) fn new(old: Side<'t>, new: Side<'t>, edits: &[Edit], maker: Option<&'t Maker<'t>>) -> Self {
        let maker = maker.filter(|_| edits.len() <= MAX_EDITS);
        let made = edits.iter().map(|_| OnceCell::new()).collect();
        Self { old, new, maker, made, asked: Cell::new(0), bytes: Cell::new(0) }
    }

    fn made(&self, edits: &[Edit], at: usize) -> Option<&Made> {
        let make = || {
            let text = without(self.old, self.new, &edits[at])?;
            self.bytes.set(self.bytes.get() + text.len());
            if self.bytes.get() > MAX_BYTES {
                return None;
            }
            self.maker?(text)
        };
        self.made[at].get_or_init(make).as_ref()
    }

    /// The edits behind the difference of one effect: the one without which a request has the effect of the old
    /// configuration, `guess` first; else all without which the effect is another than the new one. Empty: it is not
    /// known.
    pub(super) fn causes(
        &self,
        edits: &[Edit],
        guess: Option<usize>,
        probe: &Probe,
        address: AddressId,
        effect: &Differing<'_>,
    ) -> Vec<usize> {
        if self.maker.is_none() || edits.len() == 1 && guess.is_some() {
            return Vec::new();
        }
        let others = (0..edits.len()).filter(|at| Some(*at) != guess);
        let mut parts = Vec::new();
        for at in guess.into_iter().chain(others) {
            if self.asked.get() >= MAX_ASKED {
                return Vec::new();
            }
            self.asked.set(self.asked.get() + 1);
            let Some(made) = self.made(edits, at) else { continue };
            let Some(value) = self.value(made, probe, address, effect.field) else { continue };
            if value.as_deref() == effect.old {
                return vec![at];
            }
            if value.as_deref() != effect.new {
                parts.push(at);
            }
        }
        parts
    }

    /// The value of an effect; the outer `None`: the request cannot be asked.
    #[expect(clippy::option_option, reason = "an effect may have no value")]
    fn value(&self, made: &Made, probe: &Probe, address: AddressId, field: &str) -> Option<Option<String>> {
        let listen = &self.new.router().listen(address).listen;
        let mut all = made.ground.router.addresses();
        let same = |own: &Listen| own.endpoint == listen.endpoint && own.quic == listen.quic;
        let (id, _) = all.find(|(_, own)| same(&own.listen))?;
        let asked = probe.asked(&made.ground.router, id);
        let mut outcome = Outcome::of(&made.ground, &asked).ok()?;
        let effects = effect::effects(&mut outcome, &made.sources);
        let found = effects.list.into_iter().find(|effect| effect.field == field);
        Some(found.map(|effect| effect.value))
    }
}

/// An effect that differs.
pub(super) struct Differing<'d> {
    pub(super) field: &'d str,
    pub(super) old: Option<&'d str>,
    pub(super) new: Option<&'d str>,
}

/// The text of the new configuration without an edit; `None` where that is no text.
fn without(old: Side<'_>, new: Side<'_>, edit: &Edit) -> Option<String> {
    let mut writer = Writer { old, new, edit, out: String::new(), is_whole: true };
    writer.block(new.nodes, edit.new.is_none() && edit.new_owners.is_empty());
    writer.is_whole.then_some(writer.out)
}

struct Writer<'w> {
    old: Side<'w>,
    new: Side<'w>,
    edit: &'w Edit,
    out: String,
    /// False if something could not be written.
    is_whole: bool,
}

impl<'w> Writer<'w> {
    /// The directives of a block; `is_owner`: the edit has removed one of them.
    fn block(&mut self, nodes: &'w [Node], is_owner: bool) {
        let removed = self.edit.old.filter(|_| is_owner).and_then(|head| find(self.old.nodes, head));
        // Behind the sibling that was before it.
        let place = removed.and_then(|(siblings, at)| {
            siblings[..at].iter().rev().find_map(|before| {
                nodes.iter().rposition(|node| node.hash() == before.hash()).map(|found| found + 1)
            })
        });
        let (before, behind) = nodes.split_at(place.unwrap_or(0));
        for node in before {
            self.node(node);
        }
        if let Some((siblings, at)) = removed {
            self.whole(self.old.sources, &siblings[at]);
        }
        for node in behind {
            self.node(node);
        }
        self.is_whole &= !is_owner || removed.is_some();
    }

    fn node(&mut self, node: &'w Node) {
        if Some(node.head) != self.edit.new {
            let is_owner = self.edit.new.is_none() && self.edit.new_owners.last() == Some(&node.head);
            return self.written(self.new.sources, node.head, node, |this| this.block(&node.inner, is_owner));
        }
        let Some(head) = self.edit.old else { return };
        match find(self.old.nodes, head).map(|(siblings, at)| &siblings[at]) {
            // Differences inside of the block are other edits.
            Some(old) if node.is_block && old.is_block => {
                self.written(self.old.sources, head, node, |this| this.block(&node.inner, false));
            }
            Some(old) => self.whole(self.old.sources, old),
            None => self.is_whole = false,
        }
    }

    /// A directive of one side as it is.
    fn whole(&mut self, sources: &SourceMap, node: &'w Node) {
        self.written(sources, node.head, node, |this| {
            node.inner.iter().for_each(|inner| this.whole(sources, inner));
        });
    }

    fn written(&mut self, sources: &SourceMap, head: Span, node: &Node, inner: impl FnOnce(&mut Self)) {
        // The text of Lua is not among the directives.
        self.is_whole &= !node.name().ends_with("_by_lua_block");
        self.out.push_str(&String::from_utf8_lossy(sources.text(head)));
        if node.is_block {
            self.out.push_str(" {\n");
            inner(self);
            self.out.push_str("}\n");
        } else {
            self.out.push_str(";\n");
        }
    }
}

/// A directive by its head: its siblings, and its position among them.
fn find(nodes: &[Node], head: Span) -> Option<(&[Node], usize)> {
    let own = nodes.iter().position(|node| node.head == head).map(|at| (nodes, at));
    own.or_else(|| nodes.iter().find_map(|node| find(&node.inner, head)))
}
