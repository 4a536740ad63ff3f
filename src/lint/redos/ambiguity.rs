//! Texts that a pattern can divide in many ways: after the criteria of Weber and Seidl. Exponentially many where two
//! ways lead from a state back to itself over the same text; polynomially many where a text leads from one state back
//! to itself, to a second state, and from there back to that.

use std::collections::{HashMap, HashSet, VecDeque};

use super::automaton::{Automaton, State, Step};

/// The most pairs and triples of states that are looked at, and the most texts that are tried.
const MOST_PAIRS: usize = 300_000;
const MOST_TRIES: usize = 8;
/// The most states of one loop that a search begins in.
const MOST_BEGINNINGS: usize = 10;

/// A text that can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pump {
    /// The state in which it begins.
    pub(super) state: State,
    pub(super) text: Vec<u8>,
    /// Each repetition multiplies the ways, or only adds some.
    pub(super) is_exponential: bool,
}

/// Texts that can be divided in many ways, the worse first.
pub(super) fn pumps(automaton: &Automaton) -> Vec<Pump> {
    let loops = Loops::new(automaton);
    let mut left = MOST_PAIRS;
    let mut found: Vec<Pump> = Vec::new();
    let mut add = |pump: Option<Pump>| {
        if let Some(pump) = pump
            && !found.contains(&pump)
        {
            found.push(pump);
        }
        found.iter().filter(|pump| pump.is_exponential).count() >= MOST_TRIES || found.len() >= 3 * MOST_TRIES
    };
    for members in
        loops.members.iter().filter(|members| automaton.skipping.is_none_or(|own| !members.contains(&own)))
    {
        // Each state of a loop has such a text, if one has.
        let middle = members[members.len() / 2];
        for state in [members[0], middle, members[members.len() - 1]] {
            let text = twice(automaton, &loops, state, &mut left);
            if add(text.map(|text| Pump { state, text, is_exponential: true })) {
                return found;
            }
        }
    }
    for first in &loops.members {
        for second in &loops.members {
            if loops.number(first[0]) == loops.number(second[0]) || !loops.leads(first[0], second[0]) {
                continue;
            }
            for &state in first.iter().take(MOST_BEGINNINGS) {
                for &other in second.iter().take(MOST_BEGINNINGS) {
                    let text = onward(automaton, &loops, state, other, &mut left);
                    if add(text.map(|text| Pump { state, text, is_exponential: false })) {
                        return found;
                    }
                }
            }
        }
    }
    found
}

/// The loops of an automaton: its strongly connected components in which there is a step.
struct Loops {
    numbers: Vec<u32>,
    members: Vec<Vec<State>>,
    /// For each component the components with loops that it leads to.
    onward: HashMap<u32, HashSet<u32>>,
}

impl Loops {
    fn new(automaton: &Automaton) -> Self {
        let numbers = components(automaton);
        let mut members: HashMap<u32, Vec<State>> = HashMap::new();
        for state in 0..automaton.len() as State {
            let own = numbers[state as usize];
            let has_loop = automaton.steps(state).iter().any(|step| numbers[step.to as usize] == own);
            if has_loop {
                members.entry(own).or_default().push(state);
            }
        }
        let mut members: Vec<Vec<State>> = members.into_values().collect();
        members.sort();
        let onward = members.iter().map(|own| {
            let mut seen = HashSet::from([own[0]]);
            let mut open = vec![own[0]];
            while let Some(state) = open.pop() {
                open.extend(automaton.steps(state).iter().map(|step| step.to).filter(|to| seen.insert(*to)));
            }
            (numbers[own[0] as usize], seen.into_iter().map(|state| numbers[state as usize]).collect())
        });
        let onward = onward.collect();
        Self { numbers, members, onward }
    }

    fn number(&self, state: State) -> u32 {
        self.numbers[state as usize]
    }

    /// True if a loop leads to another.
    fn leads(&self, from: State, to: State) -> bool {
        self.onward.get(&self.number(from)).is_some_and(|onward| onward.contains(&self.number(to)))
    }
}

/// The strongly connected component of each state, after Tarjan, without recursion.
fn components(automaton: &Automaton) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let count = automaton.len();
    let (mut order, mut low, mut component) = (vec![NONE; count], vec![0; count], vec![NONE; count]);
    let (mut stack, mut time, mut components) = (Vec::new(), 0, 0);
    for root in 0..count as State {
        if order[root as usize] != NONE {
            continue;
        }
        let mut open: Vec<(State, usize)> = vec![(root, 0)];
        while let Some((state, next)) = open.pop() {
            let own = state as usize;
            if next == 0 {
                (order[own], low[own]) = (time, time);
                time += 1;
                stack.push(state);
            }
            if let Some(step) = automaton.steps(state).get(next) {
                open.push((state, next + 1));
                let to = step.to as usize;
                if order[to] == NONE {
                    open.push((step.to, 0));
                } else if component[to] == NONE {
                    low[own] = low[own].min(order[to]);
                }
                continue;
            }
            if low[own] == order[own] {
                while let Some(member) = stack.pop() {
                    component[member as usize] = components;
                    if member == state {
                        break;
                    }
                }
                components += 1;
            }
            if let Some((outer, _)) = open.last() {
                low[*outer as usize] = low[*outer as usize].min(low[own]);
            }
        }
    }
    component
}

/// The shortest text over which two ways lead from a state back to it.
fn twice(automaton: &Automaton, loops: &Loops, state: State, left: &mut usize) -> Option<Vec<u8>> {
    let own = loops.number(state);
    let inside = |of: State| automaton.steps(of).iter().filter(|step| loops.number(step.to) == own);
    search((state, state, false), left, |&(a, b, apart), found| {
        for one in inside(a) {
            for other in inside(b) {
                // Of two equal ways one is enough.
                let apart = apart || one.to != other.to || a == b && one.twice;
                let both = automaton.set(one.to).and(automaton.set(other.to));
                if let Some(byte) = both.best() {
                    let (a, b) = (one.to.min(other.to), one.to.max(other.to));
                    found((a, b, apart), byte, (a, b, apart) == (state, state, true));
                }
            }
        }
    })
}

/// The shortest text that leads from `first` back to it and to `second`, and from `second` back to it.
fn onward(
    automaton: &Automaton,
    loops: &Loops,
    first: State,
    second: State,
    left: &mut usize,
) -> Option<Vec<u8>> {
    let (start, end) = (loops.number(first), loops.number(second));
    let inside = |of: State, number: u32| -> Vec<Step> {
        automaton.steps(of).iter().copied().filter(|step| loops.number(step.to) == number).collect()
    };
    search((first, first, second), left, |&(a, b, c), found| {
        let (ones, thirds) = (inside(a, start), inside(c, end));
        for other in automaton.steps(b) {
            for one in &ones {
                let both = automaton.set(one.to).and(automaton.set(other.to));
                if both.is_empty() {
                    continue;
                }
                for third in &thirds {
                    if let Some(byte) = both.and(automaton.set(third.to)).best() {
                        let to = (one.to, other.to, third.to);
                        found(to, byte, to == (first, second, second));
                    }
                }
            }
        }
    })
}

/// The shortest way from a place to one that is wanted, as the bytes of its steps; `left` bounds how many steps are
/// looked at.
fn search<P: Copy + Eq + std::hash::Hash>(
    start: P,
    left: &mut usize,
    steps: impl Fn(&P, &mut dyn FnMut(P, u8, bool)),
) -> Option<Vec<u8>> {
    let mut places = vec![(start, 0, 0)];
    let mut seen: HashSet<P> = HashSet::new();
    let mut open = VecDeque::from([0]);
    while let Some(at) = open.pop_front() {
        let mut goal = None;
        let (from, ..) = places[at];
        steps(&from, &mut |to, byte, is_goal| {
            *left = left.saturating_sub(1);
            if goal.is_none() && is_goal {
                goal = Some(byte);
            }
            if goal.is_none() && seen.insert(to) {
                open.push_back(places.len());
                places.push((to, at, byte));
            }
        });
        if let Some(byte) = goal {
            let mut text = vec![byte];
            let mut at = at;
            while at != 0 {
                text.push(places[at].2);
                at = places[at].1;
            }
            text.reverse();
            return Some(text);
        }
        if *left == 0 {
            return None;
        }
    }
    None
}
