//! `fastcgi_pass` of a location: parameters, and how a URI is split into a script and a path.

use std::collections::HashSet;

use crate::eval::regex::Regex;
use crate::model::fastcgi::Param;

/// `fastcgi_pass` with its parameters.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct FastcgiPlan {
    pub(crate) params: Vec<Param>,
    /// Headers that parameters replace, in lower case and with underscores.
    pub(crate) replaced: HashSet<Box<[u8]>>,
    pub(crate) passes_headers: bool,
    pub(crate) joins: bool,
    /// nginx's own `HTTP_HOST` is sent.
    pub(crate) sends_host: bool,
    pub(crate) keep_conn: bool,
    pub(crate) catch_stderr: Vec<Box<[u8]>>,
}

/// Pattern that splits a URI into a script's name and the path behind it.
#[derive(Debug)]
pub(crate) struct ScriptName {
    /// Added to a name that ends in a slash.
    pub(crate) index: Box<[u8]>,
    /// With two groups: name and path.
    pub(crate) split: Option<Regex>,
}
