//! How a server or a location was chosen, step by step: told by the choice itself, so that it cannot differ from it.

use super::{LocationId, ServerId};
use crate::eval::names::How;

/// One step of the choice of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// A name or wildcard of this server is the best in the table.
    Name(ServerId, How),
    /// A regular expression was tried, and whether it matches.
    Regex(ServerId, String, bool),
    /// None was right.
    Default(ServerId),
}

/// One step of the choice of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationStep {
    /// The search goes on among the locations inside this one.
    Inside(LocationId),
    /// A prefix that fits too, but a longer one does.
    Shorter(LocationId),
    /// The longest prefix that fits.
    Longest(LocationId),
    /// `=`: nothing else is asked.
    Exact(LocationId),
    /// The URI and a slash is this location, which passes on: 301.
    Redirect(LocationId),
    /// `^~`: the regular expressions of this level are not tried.
    NoRegex(LocationId),
    /// A regular expression was tried, and whether it matches.
    Regex(LocationId, bool),
    /// A regular expression behind the one that matched, or that `^~` spared.
    Untried(LocationId),
}

/// Hears the steps. The runtime's does not listen, and costs nothing.
pub(super) trait Trace<S> {
    /// Whether steps are heard that only a reader asks for.
    const LISTENS: bool;
    fn step(&mut self, step: S);
}

/// A step that costs something to tell.
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
