//! Leaves that have something in common are repaired together: disjoint sets.

use std::collections::HashMap;

use crate::model::Upstream;
use crate::source::Span;

/// A thing that leaves can have in common.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Key {
    Upstream(*const Upstream),
    Host(String),
    Line(Span),
}

/// Numbers in disjoint sets.
#[derive(Default)]
pub(super) struct Sets {
    parents: Vec<usize>,
    first: HashMap<Key, usize>,
}

impl Sets {
    /// Adds the next number, alone.
    pub(super) fn add(&mut self, number: usize) {
        self.parents.push(number);
    }

    /// Joins the set of a number with all that have something in common with it.
    pub(super) fn join(&mut self, number: usize, key: Key) {
        let other = *self.first.entry(key).or_insert(number);
        let (a, b) = (self.root(number), self.root(other));
        self.parents[a.max(b)] = a.min(b);
    }

    /// The number that stands for a set.
    pub(super) fn root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }
}
