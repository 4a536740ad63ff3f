//! Patterns among the keys of `map`: nginx matches them when a variable is read, so they change groups elsewhere.

use std::collections::HashSet;

use crate::values::text;

/// Patterns of `map` blocks: the variables that match one when they are read, and the groups' names.
#[derive(Default)]
pub(super) struct PatternMaps {
    variables: HashSet<String>,
    groups: HashSet<String>,
}

impl PatternMaps {
    /// Adds a pattern of the map of a variable, with the names of its groups.
    pub(super) fn add(&mut self, variable: &[u8], groups: impl IntoIterator<Item = String>) {
        let name = variable.strip_prefix(b"$").unwrap_or(variable);
        self.variables.insert(String::from_utf8_lossy(name).into_owned());
        self.groups.extend(groups);
    }

    /// True if a text reads a variable that matches patterns.
    pub(super) fn are_read_by(&self, text: &[u8]) -> bool {
        !self.variables.is_empty()
            && text.contains(&b'$')
            && text::variables(text).any(|name| self.variables.contains(&name))
    }

    /// True if a pattern has a group of that name.
    pub(super) fn have_group(&self, name: &str) -> bool {
        self.groups.contains(name)
    }
}
