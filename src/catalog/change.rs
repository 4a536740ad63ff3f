//! Changes between nginx versions that a configuration can notice.

use crate::version::Version;

/// A change that a configuration can notice.
#[derive(Debug)]
pub struct Change {
    /// First version with the change.
    pub version: Version,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// Directives that the change concerns.
    pub directives: &'static [&'static str],
    /// State before the change, in one word.
    pub old: Option<&'static str>,
    /// State after the change, in one word.
    pub new: Option<&'static str>,
    /// CVE number of the vulnerability that this version fixed.
    pub cve: Option<&'static str>,
}

/// Kinds of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A default changed.
    Default,
    /// The same text means something else, or more.
    Behaviour,
    /// Text that was accepted is now an error.
    Restriction,
    /// The directive is still accepted, with a warning.
    Deprecated,
    /// The directive is no longer known.
    Removed,
    /// A vulnerability was fixed.
    Security,
    /// A bug was fixed.
    Fix,
}
