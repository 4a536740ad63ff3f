//! Rewriting of response headers that name the peer (`proxy_redirect`, `proxy_cookie_domain` …).

use crate::eval::regex::Regex;
use crate::model::ComplexValue;

/// The text or pattern that is looked for.
#[derive(Debug)]
pub(crate) enum Find {
    Text(ComplexValue),
    Regex(Regex),
}

/// The text or pattern that is looked for, and its replacement.
pub(crate) type Replacement = (Find, ComplexValue);

/// Rewriting of headers in a location.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    pub(crate) redirect: Vec<Replacement>,
    pub(crate) domain: Vec<Replacement>,
    pub(crate) path: Vec<Replacement>,
    pub(crate) flags: Vec<(Find, Vec<ComplexValue>)>,
}
