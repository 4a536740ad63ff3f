//! Evidence with its sources: inputs that were read, and inputs that were not.

use std::path::{Path, PathBuf};

use super::rotated;
use super::when::LookTimes;
use crate::ports::Flow;
use crate::ports::doctor::Evidence;
use crate::ports::doctor::since::{self, HostSnapshot};

/// Facts that were read, and reasons for those that were not.
#[derive(Default)]
pub(super) struct GatheredFacts {
    /// When the look was taken.
    pub(super) when: Option<LookTimes>,
    pub(super) evidence: Evidence,
    /// Origin of the facts of the host.
    pub(super) source: String,
    /// One line for each log: its name and what was in it.
    pub(super) notes: Vec<String>,
    /// Inputs that were asked for and could not be read.
    pub(super) unread: Vec<String>,
    /// Logs that have no line, and where their older lines are.
    pub(super) rotated: Vec<String>,
    /// Logs that the configuration names, with the options that name others.
    pub(super) configured: Vec<(PathBuf, &'static str)>,
    /// The error log that was read, or that the configuration names.
    pub(super) error_log: Option<PathBuf>,
}

impl GatheredFacts {
    /// Says that a log has no line, and where its older ones are, if it was rotated.
    pub(super) fn has_no_line(&mut self, path: &Path, option: &str, note: String) {
        let hint = rotated::hint(path, option);
        self.rotated.extend(hint.clone());
        self.notes.push(hint.unwrap_or(note));
    }

    /// This look, to compare another with.
    pub(super) fn look(&self, flows: &[Flow<'_>]) -> HostSnapshot {
        let when = self.when.clone().unwrap_or_else(|| LookTimes::of_logs(&self.evidence));
        let peers = since::peers(flows);
        HostSnapshot {
            peers,
            evidence: self.evidence.clone(),
            at: when.at,
            reloaded: when.reloaded,
            workers: when.workers,
            rotated: self.rotated.clone(),
            cut: Vec::new(),
        }
    }
}

/// Text of a log must not reach the terminal as control characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let safe = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    if text.chars().count() > most {
        return text.chars().take(most.saturating_sub(1)).map(safe).chain(['…']).collect();
    }
    text.chars().map(safe).collect()
}
