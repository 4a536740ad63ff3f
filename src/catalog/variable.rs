//! What is known about a variable.

use super::Tier;
use crate::version::Version;

/// Where a variable exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "nginx's words")]
pub enum Subsystem {
    Http,
    Stream,
}

/// A built-in variable.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Variable {
    /// Its name without `$`; of a prefix family the prefix, for example `http_`.
    pub name: &'static str,
    /// Where it exists.
    pub subsystem: Subsystem,
    /// Its module.
    pub module: &'static str,
    /// Whose it is.
    pub tier: Tier,
    /// Whether any name with this prefix is a variable.
    pub prefix: bool,
    /// Whether `set`, `map` … may redefine it.
    pub settable: bool,
    /// Whether it is evaluated anew at each use.
    pub nocacheable: bool,
    /// Whether the documentation discourages it.
    pub deprecated: bool,
    /// Whether nginx uses it for itself only.
    pub internal: bool,
    /// Whether it exists only in `log_format`.
    pub log_only: bool,
    /// First version with it, where known.
    pub since: Option<Version>,
    /// Path of its documentation under nginx.org; empty if none.
    pub doc: &'static str,
}

impl Variable {
    /// What `grammar/` leaves out.
    pub(super) const EMPTY: Variable = Variable {
        name: "",
        subsystem: Subsystem::Http,
        module: "",
        tier: Tier::OpenSource,
        prefix: false,
        settable: false,
        nocacheable: false,
        deprecated: false,
        internal: false,
        log_only: false,
        since: None,
        doc: "",
    };
}
