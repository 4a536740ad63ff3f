//! What changed for configurations, by nginx version.

use crate::version::Version;

/// A change that a configuration can notice.
#[derive(Debug)]
pub struct Change {
    /// First version with it.
    pub version: Version,
    /// What sort of change.
    pub kind: ChangeKind,
    /// Directives it is about.
    pub directives: &'static [&'static str],
    /// Before, in one word.
    pub old: Option<&'static str>,
    /// After, in one word.
    pub new: Option<&'static str>,
    /// The number of a vulnerability that this version fixed.
    pub cve: Option<&'static str>,
}

/// What sort of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Another default.
    Default,
    /// The same text means something else, or more.
    Behaviour,
    /// What was accepted is an error.
    Restriction,
    /// Still accepted, with a warning.
    Deprecated,
    /// No longer known.
    Removed,
    /// A vulnerability was fixed.
    Security,
    /// A bug was fixed.
    Fix,
}
