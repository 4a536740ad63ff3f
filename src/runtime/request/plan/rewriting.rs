//! How headers of a response that name the peer are rewritten (`proxy_redirect`, `proxy_cookie_domain` …).

use crate::eval::regex::Regex;
use crate::model::ComplexValue;

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Find {
    Text(ComplexValue),
    Regex(Regex),
}

/// What is looked for, and what replaces it.
pub(crate) type Replacement = (Find, ComplexValue);

/// How headers are rewritten in a location.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    pub(crate) redirect: Vec<Replacement>,
    pub(crate) domain: Vec<Replacement>,
    pub(crate) path: Vec<Replacement>,
    pub(crate) flags: Vec<(Find, Vec<ComplexValue>)>,
}
