//! Lookup in a `map` (`ngx_http_map_variable`, `ngx_http_map_find`).

use super::names::{Name, Names};
use super::regex::{Captures, CompileError, MatchError, Regex};
use crate::model::map::MapKey;
use crate::model::{Config, Map};

/// A `map` prepared for lookup.
#[derive(Clone, Debug)]
pub struct Lookup {
    names: Names<usize>,
    regexes: Vec<(Regex, usize)>,
    hostnames: bool,
}

impl Lookup {
    /// Indexes the entries of a map.
    ///
    /// # Errors
    /// If a regular expression does not compile.
    pub fn new(map: &Map, config: &Config) -> Result<Self, CompileError> {
        let mut lookup = Self { names: Names::default(), regexes: Vec::new(), hostnames: map.hostnames };
        for (i, entry) in map.entries.iter().enumerate() {
            let (key, kind): (&[u8], fn(&[u8]) -> Name<'_>) = match &entry.key {
                MapKey::Exact(key) => (key, |n| Name::Exact(n)),
                MapKey::Suffix(key) => (key.as_bytes(), |n| Name::Head(n)),
                MapKey::Dot(key) => (key.as_bytes(), |n| Name::Dot(n)),
                MapKey::Prefix(key) => (key.as_bytes(), |n| Name::Tail(n)),
                MapKey::Regex { pattern, caseless } => {
                    lookup.regexes.push((Regex::new(pattern, *caseless, entry.span, config)?, i));
                    continue;
                }
            };
            lookup.names.add(kind(&key.to_ascii_lowercase()), i);
        }
        Ok(lookup)
    }

    /// Position of the entry that takes the key which starts at `start` of `buffer`, with the captures of its
    /// regular expression; `None`: the default. The rest of `buffer` is used to lower its case.
    ///
    /// # Errors
    /// If matching was given up; nginx then takes the default.
    pub fn find(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
    ) -> Result<Option<(usize, Option<Captures>)>, MatchError> {
        if self.hostnames && buffer[start..].ends_with(b".") {
            buffer.pop();
        }
        let end = buffer.len();
        if !self.names.is_empty() {
            buffer.extend_from_within(start..);
            buffer[end..].make_ascii_lowercase();
            let found = self.names.find(&buffer[end..]);
            buffer.truncate(end);
            if let Some(entry) = found {
                return Ok(Some((entry, None)));
            }
        }
        let key = &buffer[start..];
        if key.is_empty() {
            return Ok(None);
        }
        for (regex, entry) in &self.regexes {
            if let Some(captures) = regex.exec(key)? {
                return Ok(Some((*entry, Some(captures))));
            }
        }
        Ok(None)
    }
}
