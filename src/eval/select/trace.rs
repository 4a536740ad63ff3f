//! Trace of the choice of a server or a location, step by step; the choice itself reports the steps, so the two cannot
//! differ.

use super::{LocationId, ServerId};
use crate::eval::names::NameMatchKind;

/// One step of the choice of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerStep {
    /// A name or wildcard of this server is the best match in the table.
    Name(ServerId, NameMatchKind),
    /// A regular expression was tried; true: it matches.
    Regex(ServerId, String, bool),
    /// No name matches: the default server.
    Default(ServerId),
}

/// One step of the choice of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocationStep {
    /// The search goes on among the inner locations of this one.
    Inside(LocationId),
    /// A matching prefix that is not the longest.
    Shorter(LocationId),
    /// The longest matching prefix.
    Longest(LocationId),
    /// `=`: the search ends.
    Exact(LocationId),
    /// This location is the URI plus a slash and passes requests on: 301.
    Redirect(LocationId),
    /// `^~`: the regular expressions of this level are not tried.
    NoRegex(LocationId),
    /// A regular expression was tried; true: it matches.
    Regex(LocationId, bool),
    /// A regular expression after the matching one, or one skipped because of `^~`.
    Untried(LocationId),
}

/// Receiver of the steps. The runtime's receiver ignores them at no cost.
pub(super) trait Trace<S> {
    /// True if the receiver needs the steps that take work to compute.
    const LISTENS: bool;
    fn step(&mut self, step: S);
}

/// Reports a step that takes work to compute.
pub(super) fn listen<S, T: Trace<S>>(trace: &mut T, step: impl FnOnce() -> S) {
    if T::LISTENS {
        trace.step(step());
    }
}

impl<S> Trace<S> for () {
    const LISTENS: bool = false;
    fn step(&mut self, _: S) {}
}

impl<S> Trace<S> for Vec<S> {
    const LISTENS: bool = true;
    fn step(&mut self, step: S) {
        self.push(step);
    }
}
