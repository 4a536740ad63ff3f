//! Patterns among the keys of `map`: nginx matches them when a variable is read, so they change groups elsewhere.

use std::collections::HashSet;

use super::Levels;
use crate::values::text;

/// Patterns of `map` blocks: the variables that match one when they are read, and the groups' names.
#[derive(Default)]
pub(super) struct PatternMaps {
    variables: HashSet<String>,
    groups: HashSet<String>,
}

impl Levels<'_> {
    /// True if a text reads a variable that matches patterns when it is read.
    pub(crate) fn reads_pattern_map(&self, text: &[u8]) -> bool {
        let maps = self.maps.get_or_init(|| self.pattern_maps());
        !maps.variables.is_empty()
            && text.contains(&b'$')
            && text::variables(text).any(|name| maps.variables.contains(&name))
    }

    /// True if a pattern of a `map` has a group of that name.
    pub(crate) fn map_with_group(&self, name: &str) -> bool {
        self.maps.get_or_init(|| self.pattern_maps()).groups.contains(name)
    }

    fn pattern_maps(&self) -> PatternMaps {
        let mut found = PatternMaps::default();
        for (_, map) in self.by_name.get(&b"map"[..]).into_iter().flatten() {
            let Some(variable) = map.arg(1).map(|word| word.value().to_ascii_lowercase()) else { continue };
            for entry in self.entries(*map) {
                let key = entry.name().value();
                let Some(pattern) = key.strip_prefix(b"~") else { continue };
                let caseless = pattern.strip_prefix(b"*");
                let pattern = self.pattern(caseless.unwrap_or(pattern), caseless.is_some());
                found.groups.extend(pattern.into_iter().flat_map(|pattern| pattern.names()));
                let name = variable.strip_prefix(b"$").unwrap_or(&variable);
                found.variables.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
        found
    }
}
