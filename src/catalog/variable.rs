//! Variables as the catalog describes them.

use super::Tier;
use crate::version::Version;

/// Subsystem that has a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "nginx's words")]
#[non_exhaustive]
pub enum Subsystem {
    Http,
    Stream,
}

/// A built-in variable.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Variable {
    /// Name without `$`; for a prefix family the prefix, for example `http_`.
    pub name: &'static str,
    /// Subsystem that has the variable.
    pub subsystem: Subsystem,
    /// Module that defines the variable.
    pub module: &'static str,
    /// Origin of the module.
    pub tier: Tier,
    /// Prefix family: any name with this prefix is a variable.
    pub prefix: bool,
    /// The variable may be redefined (`set`, `map` …; `NGX_HTTP_VAR_CHANGEABLE`).
    pub settable: bool,
    /// The variable is evaluated anew at each use (`NGX_HTTP_VAR_NOCACHEABLE`).
    pub nocacheable: bool,
    /// The documentation discourages the variable.
    pub deprecated: bool,
    /// The variable is for nginx's own use only.
    pub internal: bool,
    /// The variable exists only in `log_format`.
    pub log_only: bool,
    /// First version with the variable, where known.
    pub since: Option<Version>,
    /// Path of the documentation under nginx.org; empty if there is none.
    pub doc: &'static str,
}

impl Variable {
    /// Values of the fields that `grammar/` leaves out.
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
