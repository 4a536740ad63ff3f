//! Regular expressions by PCRE2, nginx's own engine (`ngx_regex_compile`, `ngx_http_regex_exec`).

use std::fmt;
use std::sync::Arc;

use crate::model::{Config, VariableId};
use crate::source::Span;

/// Error of a pattern that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Directive or entry with the pattern.
    pub span: Span,
    /// The pattern.
    pub pattern: String,
    /// Message of PCRE2.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the regular expression `{}` does not compile: {}", self.pattern, self.message)
    }
}

impl std::error::Error for CompileError {}

/// Error of a match that PCRE2 gave up, for example at its match limit; nginx answers 500 or takes the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchError {
    /// The pattern.
    pub pattern: String,
    /// Message of PCRE2.
    pub message: String,
}

impl fmt::Display for MatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "matching `{}` failed: {}", self.pattern, self.message)
    }
}

impl std::error::Error for MatchError {}

/// Captures of a match. A match without groups has none, and makes `$1` … `$9` empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    subject: Box<[u8]>,
    groups: Vec<Option<(u32, u32)>>,
    named: Arc<[(usize, VariableId)]>,
}

impl Captures {
    /// Text of a group, counted from 1; `None` if the group did not take part in the match.
    pub fn get(&self, group: usize) -> Option<&[u8]> {
        let (start, end) = (*self.groups.get(group.checked_sub(1)?)?)?;
        Some(&self.subject[start as usize..end as usize])
    }

    /// True if there are no groups.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Variables of the named groups; the value is empty for a group that did not take part.
    pub fn named(&self) -> impl Iterator<Item = (VariableId, &[u8])> {
        self.named.iter().map(|&(group, id)| (id, self.get(group).unwrap_or_default()))
    }
}

/// Compiled pattern, with the variables of its named groups.
#[derive(Clone, Debug)]
pub struct Regex {
    engine: pcre2::bytes::Regex,
    named: Arc<[(usize, VariableId)]>,
}

impl Regex {
    /// Compiles a pattern; `span` is its place.
    ///
    /// # Errors
    /// If PCRE2 refuses the pattern.
    pub fn new(pattern: &str, caseless: bool, span: Span, config: &Config) -> Result<Self, CompileError> {
        let engine = pcre2::bytes::RegexBuilder::new()
            .caseless(caseless)
            .jit_if_available(true)
            .build(pattern)
            .map_err(|e| CompileError { span, pattern: pattern.to_owned(), message: e.to_string() })?;
        let named = engine.capture_names().iter().enumerate().filter_map(|(group, name)| {
            // nginx stores variable names in lower case.
            Some((group, config.http.variables.find(&name.as_ref()?.to_ascii_lowercase())?))
        });
        Ok(Self { named: named.collect(), engine })
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        self.engine.as_str()
    }

    /// Named groups: number and name, as written.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let names = self.engine.capture_names().iter().enumerate();
        names.filter_map(|(group, name)| Some((group, name.as_deref()?)))
    }

    /// Matches `subject`; `None` without a match.
    ///
    /// # Errors
    /// If PCRE2 gives up.
    pub fn exec(&self, subject: &[u8]) -> Result<Option<Captures>, MatchError> {
        let failed =
            |e: pcre2::Error| MatchError { pattern: self.engine.as_str().to_owned(), message: e.to_string() };
        if self.engine.captures_len() == 1 {
            return Ok(self.engine.is_match(subject).map_err(failed)?.then(Captures::default));
        }
        let mut places = self.engine.capture_locations();
        if self.engine.captures_read(&mut places, subject).map_err(failed)?.is_none() {
            return Ok(None);
        }
        let groups = (1..places.len()).map(|i| places.get(i).map(|(s, e)| (s as u32, e as u32))).collect();
        Ok(Some(Captures { subject: subject.into(), groups, named: self.named.clone() }))
    }
}
