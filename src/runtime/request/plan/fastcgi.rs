//! `fastcgi_pass`, `scgi_pass` or `uwsgi_pass` of a location: parameters, and how a URI is split into a script and a path.

use std::collections::HashSet;

use crate::eval::regex::Regex;
use crate::model::fastcgi::Param;

/// Protocol towards the peer.
#[derive(Debug)]
pub(crate) enum Protocol {
    Fastcgi {
        keep_conn: bool,
        catch_stderr: Vec<Box<[u8]>>,
    },
    Scgi,
    Uwsgi {
        /// `uwsgi_modifier1`, `uwsgi_modifier2`
        modifiers: (u8, u8),
        /// `uwsgi_string`
        string: Box<[u8]>,
    },
}

impl Protocol {
    /// Scheme of URLs in the error log.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Fastcgi { .. } => "fastcgi",
            Self::Scgi => "scgi",
            Self::Uwsgi { .. } => "uwsgi",
        }
    }
}

/// `fastcgi_pass`, `scgi_pass` or `uwsgi_pass` with its parameters.
#[derive(Debug)]
pub(crate) struct CgiPlan {
    pub(crate) protocol: Protocol,
    pub(crate) params: Vec<Param>,
    /// Headers that parameters replace, in lower case and with underscores.
    pub(crate) replaced: HashSet<Box<[u8]>>,
    pub(crate) passes_headers: bool,
    pub(crate) joins: bool,
    /// nginx's own `HTTP_HOST` is sent.
    pub(crate) sends_host: bool,
}

/// Pattern that splits a URI into a script's name and the path behind it.
#[derive(Debug)]
pub(crate) struct ScriptName {
    /// Added to a name that ends in a slash.
    pub(crate) index: Box<[u8]>,
    /// With two groups: name and path.
    pub(crate) split: Option<Regex>,
}
