//! Verdicts: the meaning of each vulnerability for a configuration, with the reason: also those that it is not exposed to.

use super::advisory::{Advisories, Advisory};
use super::exposure;
use crate::diagnostic::Class;
use crate::source::Span;
use crate::syntax::Configuration;
use crate::values::fragment;
use crate::values::levels::Levels;
use crate::version::Version;

/// The meaning of a vulnerability for a version and a configuration.
#[derive(Debug)]
pub struct Verdict {
    /// The vulnerability.
    pub advisory: &'static Advisory,
    /// The meaning.
    pub status: Status,
    /// The directives that expose it.
    pub places: Vec<Span>,
}

/// The meaning of a vulnerability; texts are sentences for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The version has the fault, and the configuration exposes it.
    Affected,
    /// The version is repaired.
    Fixed,
    /// The version has not the code with the fault.
    NotPresent(String),
    /// The version has the fault, and the configuration does not use what it lies in.
    NotUsed(String),
    /// Something is not known: the range of versions, the trigger, or a part of the configuration.
    Unknown(String),
}

/// The meaning of every vulnerability for a version and a configuration, in the order of the table.
pub fn verdicts(
    configuration: &Configuration,
    version: Version,
    advisories: &'static Advisories,
) -> Vec<Verdict> {
    let levels = Levels::new(configuration, fragment::has_http(configuration));
    let is_whole = configuration.diagnostics.iter().all(|d| d.class != Class::Environment);
    let of = |advisory: &'static Advisory| {
        if !advisory.affects(version) {
            let status = if advisory.is_repaired(version) {
                Status::Fixed
            } else {
                let ranges = advisory.vulnerable.join(", ");
                Status::NotPresent(format!("nginx {version} has not this fault; vulnerable: {ranges}"))
            };
            return Verdict { advisory, status, places: Vec::new() };
        }
        let (status, places) = match (exposed(advisory, &levels), &advisory.unknown) {
            (Ok(places), None) => (Status::Affected, places),
            (Ok(places), Some(unknown)) => (Status::Unknown(unknown.clone()), places),
            (Err(_), _) if !is_whole => {
                let why = "a file that is included was not read, and may expose it";
                (Status::Unknown(why.to_owned()), Vec::new())
            }
            (Err(absent), _) => (Status::NotUsed(format!("the configuration has no {absent}")), Vec::new()),
        };
        Verdict { advisory, status, places }
    };
    advisories.advisory.iter().map(of).collect()
}

/// The directives that expose a configuration to a vulnerability, or in words what the configuration has not.
pub(super) fn exposed<'a>(advisory: &Advisory, levels: &'a Levels<'a>) -> Result<Vec<Span>, String> {
    let one_of = |any: &Vec<String>| {
        let found = any.iter().find_map(|trigger| exposure::place(levels, trigger));
        found.ok_or_else(|| {
            any.iter().map(|trigger| exposure::words(trigger)).collect::<Vec<_>>().join(" and no ")
        })
    };
    advisory.when.iter().map(one_of).collect()
}
