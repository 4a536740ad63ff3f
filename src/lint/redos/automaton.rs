//! A pattern as an automaton without empty steps: each state has read one byte of its set. A step that can be made in
//! two ways is marked, for PCRE tries both.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::set::Bytes;
use super::syntax::Node;

/// The most states, steps, and ways that are followed between two bytes. Patterns of people have a few dozen.
const MOST_STATES: usize = 3000;
const MOST_STEPS: usize = 60_000;
const MOST_WAYS: usize = 1_000_000;

/// Repetitions of at least so many more than they must be are taken for endless ones: PCRE2 then says what they cost.
const MANY: u32 = 8;

/// A state, by its number.
pub(super) type State = u32;

/// A step into a state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) to: State,
    /// There are two ways to it or more.
    pub(super) twice: bool,
}

/// The states that can follow a state.
#[derive(Clone, Debug, Default)]
pub(super) struct Successors {
    pub(super) steps: Vec<Step>,
    /// The pattern matches here, whatever follows.
    pub(super) matches: bool,
    /// The pattern matches here if the text ends.
    pub(super) matches_at_end: bool,
    /// A look ahead has seen all that it looks for.
    pub(super) has_looked: bool,
}

/// The automaton; state 0 has read nothing.
#[derive(Debug)]
pub(super) struct Automaton {
    /// The bytes that each state reads; state 0 reads nothing.
    pub(super) sets: Vec<Bytes>,
    pub(super) after: Vec<Successors>,
    /// The state in which the text before a match is skipped; `None` if matches begin at the start of the text.
    pub(super) skipping: Option<State>,
}

/// The automaton while it is built: states with empty steps between them.
#[derive(Default)]
struct Builder<'n> {
    parts: Vec<Part>,
    groups: HashMap<u32, &'n Node>,
    alphabet: Bytes,
    depth: usize,
    loops: u32,
}

enum Part {
    Byte(Bytes, usize),
    Ways(Vec<usize>),
    /// A loop: its number, the part of another repetition, the part behind the loop.
    Loop(u32, usize, usize),
    Start(usize),
    End(usize),
    Looked,
    Accept,
}

/// Builds the automaton of a pattern over the bytes that a text can contain; `None` if it would be too large.
pub(super) fn build(node: &Node, alphabet: Bytes) -> Option<Automaton> {
    let mut builder = Builder { alphabet, ..Builder::default() };
    builder.parts.push(Part::Accept);
    builder.find_groups(node);
    let entry = builder.add(node, 0)?;
    let mut automaton = builder.without_empty_steps(entry)?;
    if !begins_at_start(node) {
        automaton.skip_before();
    }
    Some(automaton)
}

/// True if PCRE tries a match only at the start of the text: each way is anchored, or begins with `.*`, which it knows
/// to begin there too.
fn begins_at_start(node: &Node) -> bool {
    match node {
        Node::Start => true,
        Node::Row(parts) => {
            let is_free = |part: &Node| matches!(part, Node::Empty | Node::Look(_));
            parts.iter().find(|part| !is_free(part)).is_some_and(begins_at_start)
        }
        Node::Either(ways) => ways.iter().all(begins_at_start),
        Node::Group(_, inside) => begins_at_start(inside),
        Node::Repeat { body, least: 0, most: None } => {
            matches!(**body, Node::Byte(set) if Bytes::ALL.without(b"\n").and(set.not()).is_empty())
        }
        Node::Repeat { body, least: 1.., .. } => begins_at_start(body),
        _ => false,
    }
}

impl<'n> Builder<'n> {
    fn find_groups(&mut self, node: &'n Node) {
        match node {
            Node::Group(number, inside) => {
                self.groups.entry(*number).or_insert(inside);
                self.find_groups(inside);
            }
            Node::Row(parts) | Node::Either(parts) => parts.iter().for_each(|part| self.find_groups(part)),
            Node::Repeat { body, .. } | Node::Look(body) => self.find_groups(body),
            Node::Empty | Node::Byte(_) | Node::Again(_) | Node::Start | Node::End => {}
        }
    }

    fn push(&mut self, part: Part) -> Option<usize> {
        self.parts.push(part);
        (self.parts.len() <= MOST_STATES).then(|| self.parts.len() - 1)
    }

    /// Adds a part of the pattern in front of `next`; the part where it begins.
    fn add(&mut self, node: &'n Node, next: usize) -> Option<usize> {
        match node {
            Node::Empty => Some(next),
            Node::Byte(set) => self.push(Part::Byte(set.and(self.alphabet), next)),
            Node::Row(parts) => parts.iter().rev().try_fold(next, |next, part| self.add(part, next)),
            Node::Either(ways) => {
                let ways: Option<Vec<usize>> = ways.iter().map(|way| self.add(way, next)).collect();
                self.push(Part::Ways(ways?))
            }
            Node::Group(_, inside) => self.add(inside, next),
            // A group's text may differ each time; PCRE2 says whether it does.
            Node::Again(number) => {
                let group = *self.groups.get(number)?;
                self.depth += 1;
                let added = if self.depth > 3 { Some(next) } else { self.add(group, next) };
                self.depth -= 1;
                added
            }
            Node::Look(inside) => {
                let seen = self.push(Part::Looked)?;
                let inside = self.add(inside, seen)?;
                self.push(Part::Ways(vec![inside, next]))
            }
            Node::Start => self.push(Part::Start(next)),
            Node::End => self.push(Part::End(next)),
            Node::Repeat { body, least, most } => self.repeat(body, *least, *most, next),
        }
    }

    fn repeat(&mut self, body: &'n Node, least: u32, most: Option<u32>, next: usize) -> Option<usize> {
        let mut entry = next;
        let is_endless = most.is_none_or(|most| most.saturating_sub(least) >= MANY);
        let mut copies = least;
        if is_endless {
            // The last copy that must be there is repeated.
            let again = self.push(Part::Ways(vec![next]))?;
            let inside = self.add(body, again)?;
            self.parts[again] = Part::Loop(self.loops, inside, next);
            self.loops += 1;
            // The entry of a loop is not its repetition, so that a way may take both: in `(a*)*` the inner loop starts anew.
            entry = if least == 0 { self.push(Part::Ways(vec![inside, next]))? } else { inside };
            copies = least.saturating_sub(1);
        } else {
            for _ in least..most? {
                let inside = self.add(body, entry)?;
                entry = self.push(Part::Ways(vec![inside, next]))?;
            }
        }
        (0..copies).try_fold(entry, |next, _| self.add(body, next))
    }

    fn without_empty_steps(&self, entry: usize) -> Option<Automaton> {
        let mut numbers = HashMap::new();
        let mut sets = vec![Bytes::NONE];
        let mut targets = vec![entry];
        for (at, part) in self.parts.iter().enumerate() {
            if let Part::Byte(set, next) = part {
                numbers.insert(at, sets.len() as State);
                sets.push(*set);
                targets.push(*next);
            }
        }
        let (mut left, mut steps) = (MOST_WAYS, 0);
        let mut after = Vec::with_capacity(sets.len());
        for (state, target) in targets.into_iter().enumerate() {
            let mut found = self.follow(target, state == 0, &numbers, &mut left)?;
            found.steps.retain(|step| !sets[step.to as usize].is_empty());
            steps += found.steps.len();
            if steps > MOST_STEPS {
                return None;
            }
            after.push(found);
        }
        Some(Automaton { sets, after, skipping: None })
    }

    /// All ways from a part to the next bytes. On each way a loop is begun anew once at most: PCRE ends one that has
    /// read nothing.
    fn follow(
        &self,
        target: usize,
        is_start: bool,
        numbers: &HashMap<usize, State>,
        left: &mut usize,
    ) -> Option<Successors> {
        let mut found = Successors::default();
        let mut places: HashMap<State, usize> = HashMap::new();
        // A part leads to parts that were built before it, but for loops: so each is complete when its turn comes.
        let mut open: BTreeMap<PathStep, bool> = BTreeMap::new();
        add(&mut open, PathStep { begun: 0, part: Reverse(target), loops: 0, ended: false }, false);
        while let Some((way, twice)) = open.pop_first() {
            *left = left.checked_sub(1)?;
            let to = |part: usize| PathStep { part: Reverse(part), ..way };
            match &self.parts[way.part.0] {
                Part::Accept => (found.matches, found.matches_at_end) = (found.matches || !way.ended, true),
                Part::Looked => found.has_looked = true,
                Part::Byte(..) if way.ended => {}
                Part::Byte(..) => {
                    let to = numbers[&way.part.0];
                    if let Some(&place) = places.get(&to) {
                        found.steps[place].twice = true;
                    } else {
                        places.insert(to, found.steps.len());
                        found.steps.push(Step { to, twice });
                    }
                }
                Part::Ways(ways) => ways.iter().for_each(|next| add(&mut open, to(*next), twice)),
                Part::Loop(number, again, next) => {
                    let bit = 1_u128 << (number % 128);
                    if way.loops & bit == 0 {
                        add(
                            &mut open,
                            PathStep { begun: way.begun + 1, loops: way.loops | bit, ..to(*again) },
                            twice,
                        );
                    }
                    add(&mut open, to(*next), twice);
                }
                Part::Start(next) if is_start => add(&mut open, to(*next), twice),
                Part::Start(_) => {}
                Part::End(next) => add(&mut open, PathStep { ended: true, ..to(*next) }, twice),
            }
        }
        Some(found)
    }
}

/// A place on the way to the next byte, in the order in which places are left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PathStep {
    /// The loops that were begun anew, and their number.
    begun: u32,
    part: Reverse<usize>,
    loops: u128,
    /// Only the end of the text can follow.
    ended: bool,
}

/// Notes that a place is reached; `true` in `open` if there are two ways to it.
fn add(open: &mut BTreeMap<PathStep, bool>, way: PathStep, twice: bool) {
    open.entry(way).and_modify(|known| *known = true).or_insert(twice);
}

impl Automaton {
    /// Adds the state in which text before a match is skipped.
    fn skip_before(&mut self) {
        let skipping = self.sets.len() as State;
        self.sets.push(Bytes::ALL);
        // Nobody leaves out what only the start of the text lets pass: PCRE2 judges.
        let mut after = self.after[0].clone();
        after.steps.push(Step { to: skipping, twice: false });
        self.after[0].steps.push(Step { to: skipping, twice: false });
        self.after.push(after);
        self.skipping = Some(skipping);
    }

    /// The number of states.
    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    /// The steps from a state.
    pub(super) fn steps(&self, state: State) -> &[Step] {
        &self.after[state as usize].steps
    }

    /// The bytes that a state reads.
    pub(super) fn set(&self, state: State) -> Bytes {
        self.sets[state as usize]
    }
}
