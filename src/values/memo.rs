//! Values of variables that were asked for before, and the work that is left for more of them.
//!
//! A variable of variables has as many ways as its parts together, and `map`s and `set`s that double each other would be
//! followed for ever: each value is found once, and behind a bound that grows with the file all further ones are unknown.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::part::Row;

/// Parts of rows that are kept; each is about a kilobyte.
const MOST_KEPT: usize = 2048;

/// Parts of rows that may be made for a file, and for each of its directives.
const WORK: u64 = 1_000_000;
const WORK_PER_DIRECTIVE: u64 = 1000;

/// Place of a question: the level, the instruction before which it is asked, and how far it may be followed.
pub(super) type Key = (u32, Option<usize>, usize, String);

/// Answers of a configuration.
#[derive(Default)]
pub(super) struct Memo {
    known: RefCell<HashMap<Key, Rc<[Row]>>>,
    kept: Cell<usize>,
    left: Cell<u64>,
}

impl Memo {
    /// Sets the bound for a configuration with so many directives.
    pub(super) fn allow(&self, directives: usize) {
        self.left.set(WORK + WORK_PER_DIRECTIVE * directives as u64);
    }

    /// True until the bound is reached.
    pub(super) fn may_go_on(&self) -> bool {
        self.left.get() > 0
    }

    /// Counts the parts of rows that were made.
    pub(super) fn count(&self, rows: &[Row]) {
        let parts: usize = rows.iter().map(size).sum();
        self.left.set(self.left.get().saturating_sub(parts as u64));
    }

    /// The answer to a question, if it was asked before.
    pub(super) fn get(&self, key: &Key) -> Option<Rc<[Row]>> {
        self.known.borrow().get(key).cloned()
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, key: Key, rows: &Rc<[Row]>) {
        let parts: usize = rows.iter().map(size).sum();
        if self.kept.get() + parts > MOST_KEPT {
            self.known.borrow_mut().clear();
            self.kept.set(0);
        }
        self.kept.set(self.kept.get() + parts);
        self.known.borrow_mut().insert(key, rows.clone());
    }
}

fn size(row: &Row) -> usize {
    row.parts.len() + 1
}
