//! Texts around a pump: what leads to its state, and what lets the match fail behind it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::ambiguity::Pump;
use super::automaton::{Automaton, State};
use super::set::Bytes;
use super::text::Text;

/// The most sets of states that a search for an end looks at, and the longest end.
const MOST_SETS: usize = 400;
const LONGEST_END: usize = 8;

/// A text that costs: `start`, many times `pump`, `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The text before the repetitions.
    pub start: Vec<u8>,
    /// The text that is repeated.
    pub pump: Vec<u8>,
    /// The text that lets the match fail.
    pub end: Vec<u8>,
}

impl Witness {
    /// The text with so many repetitions.
    pub fn text(&self, pumps: usize) -> Vec<u8> {
        [&self.start[..], &self.pump.repeat(pumps), &self.end].concat()
    }
}

/// States, sorted.
type Set = Vec<State>;

/// The texts that can be tried for a pump, the likeliest first, each with whether no match is possible at its end.
pub(super) fn witnesses(automaton: &Automaton, pump: &Pump, text: &Text) -> Vec<(Witness, bool)> {
    let mut first = run(automaton, vec![0], &text.before);
    first.extend(automaton.skipping);
    let Some(start) = lead(automaton, &first, pump.state, text) else { return Vec::new() };
    let start = [&text.before[..], &start].concat();
    // Behind some repetitions the states are always the same, or alternate.
    let states = run(automaton, vec![0], &[&start[..], &pump.text.repeat(6)].concat());
    let completion = complete(automaton, pump.state, text).unwrap_or_default();
    // PCRE looks first whether the last byte that must be there is there at all: so with a match's end, too.
    let stop: Vec<u8> = stopping(automaton, &states, pump.state, text.bytes).into_iter().collect();
    let middles = [Vec::new(), stop.clone(), [&stop[..], &completion].concat(), completion];
    let mut ends: Vec<(Vec<u8>, bool)> = Vec::new();
    for middle in middles {
        let behind = run(automaton, states.clone(), &middle);
        match failing(automaton, &behind, middle.last() == Some(&b'/'), text) {
            Some(end) => ends.push(([middle, end].concat(), true)),
            None => ends.push((middle, false)),
        }
    }
    // Texts that surely fail come first.
    ends.sort_by_key(|(_, fails)| !fails);
    let filler = text.bytes.without(&pump.text).without(b"/.").best();
    let pumps = [Some(pump.text.clone()), filler.map(|byte| [&pump.text[..], &[byte]].concat())];
    let mut found: Vec<(Witness, bool)> = Vec::new();
    for pump in pumps.into_iter().flatten() {
        for (end, fails) in &ends {
            let end = [&end[..], &text.after].concat();
            let witness = Witness { start: start.clone(), pump: pump.clone(), end };
            if text.is_possible(&witness.text(3)) && found.iter().all(|(other, _)| *other != witness) {
                found.push((witness, *fails));
            }
        }
    }
    found
}

/// The states after one more byte.
fn next(automaton: &Automaton, states: &[State], byte: u8) -> Set {
    let steps = states.iter().flat_map(|state| automaton.steps(*state));
    let mut next: Set = steps.map(|step| step.to).filter(|to| automaton.set(*to).has(byte)).collect();
    next.sort_unstable();
    next.dedup();
    next
}

fn run(automaton: &Automaton, states: Set, text: &[u8]) -> Set {
    text.iter().fold(states, |states, byte| next(automaton, &states, *byte))
}

/// The shortest text from one of some states to another, behind a text.
fn lead(automaton: &Automaton, from: &[State], to: State, text: &Text) -> Option<Vec<u8>> {
    shortest(automaton, from, text.path && text.before.ends_with(b"/"), text, |state| state == to)
}

/// The shortest text from a state to a match, or to what a look ahead looks for.
fn complete(automaton: &Automaton, from: State, text: &Text) -> Option<Vec<u8>> {
    let after = |state: State| &automaton.after[state as usize];
    shortest(automaton, &[from], false, text, |state| after(state).matches_at_end || after(state).has_looked)
}

/// A breadth-first search; `slash`: the text before ends in one. In a path none follows another.
fn shortest(
    automaton: &Automaton,
    from: &[State],
    slash: bool,
    text: &Text,
    wanted: impl Fn(State) -> bool,
) -> Option<Vec<u8>> {
    let mut places: Vec<(State, Option<(usize, u8)>)> = from.iter().map(|state| (*state, None)).collect();
    let mut seen: HashSet<(State, bool)> = from.iter().map(|state| (*state, slash)).collect();
    let mut at = 0;
    while let Some(&(state, before)) = places.get(at) {
        if wanted(state) {
            let mut found = Vec::new();
            let mut way = before;
            while let Some((earlier, byte)) = way {
                found.push(byte);
                way = places[earlier].1;
            }
            found.reverse();
            return Some(found);
        }
        let is_slash = before.map_or(slash, |(_, byte)| text.path && byte == b'/');
        for step in automaton.steps(state) {
            let set = automaton.set(step.to);
            let Some(byte) = (if is_slash { set.without(b"/") } else { set }).best() else { continue };
            if seen.insert((step.to, text.path && byte == b'/')) {
                places.push((step.to, Some((at, byte))));
            }
        }
        at += 1;
    }
    None
}

/// The shortest text behind which the whole pattern cannot match.
fn failing(automaton: &Automaton, states: &[State], slash: bool, text: &Text) -> Option<Vec<u8>> {
    let letters = letters(automaton, text.bytes);
    let matches = |states: &Set| states.iter().any(|state| automaton.after[*state as usize].matches);
    let matches_at_end =
        |states: &Set| states.iter().any(|state| automaton.after[*state as usize].matches_at_end);
    let mut seen = HashSet::from([(states.to_vec(), false)]);
    // True if the text before a line break at its end matches: it counts as the end too.
    let mut open = VecDeque::from([(states.to_vec(), false, Vec::new())]);
    while let Some((states, is_broken, end)) = open.pop_front() {
        if matches(&states) {
            continue;
        }
        let last = run(automaton, states.clone(), &text.after);
        let is_end = text.after.is_empty() && is_broken;
        if !is_end && !matches(&last) && !matches_at_end(&last) {
            return Some(end);
        }
        if end.len() >= LONGEST_END || seen.len() > MOST_SETS {
            continue;
        }
        let is_slash = text.path && end.last().map_or(slash, |last| *last == b'/');
        for &letter in letters.iter().filter(|letter| !is_slash || **letter != b'/') {
            let to = next(automaton, &states, letter);
            let is_broken = letter == b'\n' && matches_at_end(&states);
            if seen.insert((to.clone(), is_broken)) {
                open.push_back((to, is_broken, [&end[..], &[letter]].concat()));
            }
        }
    }
    None
}

/// A byte that no step out of a loop and what it leads to at once reads: the loop has to give back what it took.
fn stopping(automaton: &Automaton, states: &[State], state: State, alphabet: Bytes) -> Option<u8> {
    let near = states.iter().copied().filter(|own| Some(*own) != automaton.skipping).chain([state]);
    let read = near.flat_map(|own| automaton.steps(own)).filter(|step| Some(step.to) != automaton.skipping);
    alphabet.and(read.fold(Bytes::NONE, |all, step| all.or(automaton.set(step.to))).not()).best()
}

/// One byte for each group of bytes that the automaton does not tell apart.
fn letters(automaton: &Automaton, alphabet: Bytes) -> Vec<u8> {
    let mut sets: Vec<Bytes> = automaton.sets.clone();
    sets.sort_by_key(|set| format!("{set:?}"));
    sets.dedup();
    let mut groups: HashMap<Vec<bool>, Bytes> = HashMap::new();
    for byte in (0..=255).filter(|byte| alphabet.has(*byte)) {
        let key: Vec<bool> = sets.iter().map(|set| set.has(byte)).collect();
        let group = groups.entry(key).or_default();
        *group = group.with(byte);
    }
    // A byte that no set has ends every way at once.
    let mut letters: Vec<(usize, u8)> = groups
        .into_iter()
        .filter_map(|(key, group)| {
            Some((key.iter().filter(|has| **has).count(), group.without(b"\n").best().or(group.best())?))
        })
        .collect();
    letters.sort_unstable();
    letters.into_iter().map(|(_, byte)| byte).collect()
}
