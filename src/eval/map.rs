//! Look-up in a `map` (`ngx_http_map_variable`, `ngx_http_map_find`).

use super::names::{Name, Names};
use super::regex::{Captures, CompileError, MatchError, Regex};
use crate::model::map::MapKey;
use crate::model::{Config, Map};

/// Position of the matching entry, and the captures of its regular expression; `None`: the default.
pub type MapMatch = Option<(usize, Option<Captures>)>;

/// Index of a `map` for look-ups.
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
            let lower = |key: &[u8]| key.to_ascii_lowercase();
            match &entry.key {
                MapKey::Exact(key) => lookup.names.add(Name::Exact(&lower(key)), i),
                MapKey::Suffix(key) => lookup.names.add(Name::Head(&lower(key.as_bytes())), i),
                MapKey::Dot(key) => lookup.names.add(Name::Dot(&lower(key.as_bytes())), i),
                MapKey::Prefix(key) => lookup.names.add(Name::Tail(&lower(key.as_bytes())), i),
                MapKey::Regex { pattern, caseless } => {
                    lookup.regexes.push((Regex::new(pattern, *caseless, entry.span, config)?, i));
                    true
                }
            };
        }
        Ok(lookup)
    }

    /// Position of the entry that matches the key, which starts at `start` of `buffer`, with the captures of its
    /// regular expression; `None`: the default. The lower-case copy of the key goes to the rest of `buffer`.
    ///
    /// # Errors
    /// If PCRE2 gave up; nginx then takes the default.
    pub fn find(&self, buffer: &mut Vec<u8>, start: usize) -> Result<MapMatch, MatchError> {
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
