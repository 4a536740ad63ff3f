//! Edit behind a difference: one edit is one entry of the report.

use std::collections::HashMap;

use super::effect::Effects;
use super::node::Edit;
use crate::source::Span;

/// Edits by their places.
#[derive(Debug)]
pub struct Attribution {
    old: HashMap<Span, usize>,
    new: HashMap<Span, usize>,
    /// Edits of names and addresses by the server around them.
    names_old: HashMap<Span, usize>,
    names_new: HashMap<Span, usize>,
    /// Edits by the block around them.
    owner_old: HashMap<Span, usize>,
    owner_new: HashMap<Span, usize>,
}

impl Attribution {
    /// Indexes the edits.
    pub fn new(edits: &[Edit]) -> Self {
        let mut all = Self {
            old: HashMap::new(),
            new: HashMap::new(),
            names_old: HashMap::new(),
            names_new: HashMap::new(),
            owner_old: HashMap::new(),
            owner_new: HashMap::new(),
        };
        for (at, edit) in edits.iter().enumerate() {
            edit.old.map(|span| all.old.insert(span, at));
            edit.new.map(|span| all.new.insert(span, at));
            let is_name = matches!(edit.name.as_str(), "server_name" | "listen");
            let (old, new) = if is_name {
                (&mut all.names_old, &mut all.names_new)
            } else {
                (&mut all.owner_old, &mut all.owner_new)
            };
            edit.old_owners.last().map(|span| *old.entry(*span).or_insert(at));
            edit.new_owners.last().map(|span| *new.entry(*span).or_insert(at));
        }
        all
    }

    /// The edit that causes a difference in an effect: the nearest to the answer that the route went through.
    pub fn of(&self, old: &Effects, new: &Effects, field: &str) -> Option<usize> {
        let causes = |effects: &Effects| {
            let effect = effects.list.iter().find(|effect| effect.field == field);
            effect.map(|effect| effect.causes.clone()).unwrap_or_default()
        };
        let lists = [
            (causes(old), causes(new)),
            (old.place.into_iter().collect(), new.place.into_iter().collect()),
            (old.trail.clone(), new.trail.clone()),
        ];
        for (old, new) in &lists {
            let in_new = new.iter().find_map(|span| self.new.get(span));
            let found = in_new.or_else(|| old.iter().find_map(|span| self.old.get(span)));
            if let Some(found) = found {
                return Some(*found);
            }
        }
        let tables = [(&self.owner_old, &self.owner_new), (&self.names_old, &self.names_new)];
        for (of_old, of_new) in tables {
            let in_new = new.trail.iter().find_map(|span| of_new.get(span));
            let found = in_new.or_else(|| old.trail.iter().find_map(|span| of_old.get(span)));
            if let Some(found) = found {
                return Some(*found);
            }
        }
        None
    }
}
