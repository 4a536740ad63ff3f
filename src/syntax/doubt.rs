//! Findings that may be wrong because only the rendering of a template decides.

use super::configuration::Configuration;
use super::foreign;
use super::tree::Terminator;
use crate::diagnostic::{Class, Diagnostic};
use crate::source::Span;

impl Configuration {
    /// First place in each file whose text only the rendering of a template decides.
    pub fn templates(&self) -> impl Iterator<Item = (Span, usize)> + '_ {
        let mut all: Vec<(Span, usize)> = self
            .uncertain
            .iter()
            .filter_map(|(file, u)| {
                let first = u.holes.first()?;
                Some((Span { file: *file, start: first.start, end: first.end }, u.holes.len()))
            })
            .collect();
        all.sort();
        all.into_iter()
    }

    /// All texts that only the rendering of a template decides.
    pub fn holes(&self) -> impl Iterator<Item = Span> + '_ {
        let span = |file, hole: &std::ops::Range<u32>| Span { file, start: hole.start, end: hole.end };
        let mut all: Vec<Span> = self
            .uncertain
            .iter()
            .flat_map(|(file, u)| u.holes.iter().map(|hole| span(*file, hole)))
            .collect();
        all.sort();
        all.into_iter()
    }

    /// True if a finding is about a text that only the rendering of a template decides: the finding may be wrong.
    pub fn is_uncertain(&self, finding: &Diagnostic) -> bool {
        if self.uncertain.is_empty() || finding.code == foreign::TEMPLATE {
            return false;
        }
        let touches = |span: Span| {
            self.uncertain.get(&span.file).is_some_and(|u| {
                let next = u.holes.partition_point(|h| h.end <= span.start);
                u.holes.get(next).is_some_and(|h| h.start < span.end.max(span.start + 1))
            })
        };
        let is_duplicate = || {
            let both = self.uncertain.get(&finding.span.file).filter(|_| finding.code.contains("duplicate"));
            both.is_some_and(|u| !u.alternatives.is_empty())
        };
        // An unknown word may be none or several, so nothing but the name is certain about its directive.
        let of_directive = || {
            if finding.class != Class::Configuration || OF_THE_NAME.contains(&finding.code) {
                return false;
            }
            let directive = self.tree(finding.span.file).directive_at(finding.span.start);
            directive.is_some_and(|d| d.terminator() != Terminator::Missing && touches(d.head()))
        };
        touches(finding.span)
            || finding.related.iter().any(|l| touches(l.span))
            || of_directive()
            || is_duplicate()
    }

    /// True if an edit would change text that a template fills in.
    pub fn touches_template(&self, span: Span) -> bool {
        self.uncertain
            .get(&span.file)
            .is_some_and(|u| u.holes.iter().any(|h| h.start < span.end && span.start < h.end))
    }
}

/// Codes of errors about a directive's name and place, which its arguments do not change.
const OF_THE_NAME: [&str; 4] =
    ["unknown-directive", "directive-not-allowed-here", "directive-of-other-version", "foreign-directive"];
