//! Findings that may be wrong because only the rendering of a template decides.

use super::ast::Directive;
use super::configuration::Configuration;
use super::foreign;
use super::tree::Terminator;
use super::written::PlaceholderNumbers;
use crate::diagnostic::{Class, Diagnostic};
use crate::source::{FileId, Span};

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

    /// Keeps the findings that hold for every rendering of a template, in the words of the template.
    pub fn certain(&self, findings: &mut Vec<Diagnostic>) {
        if self.uncertain.is_empty() {
            return;
        }
        findings.retain(|finding| !self.is_uncertain(finding));
        let written = PlaceholderNumbers::of(self);
        for finding in findings {
            written.restore(finding);
        }
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
    fn is_uncertain(&self, finding: &Diagnostic) -> bool {
        if finding.code == foreign::TEMPLATE {
            return false;
        }
        let touches = |span: Span| {
            self.uncertain.get(&span.file).is_some_and(|u| {
                let next = u.holes.partition_point(|h| h.end <= span.start);
                u.holes.get(next).is_some_and(|h| h.start < span.end.max(span.start + 1))
            })
        };
        touches(finding.span)
            || finding.related.iter().any(|l| touches(l.span) || !self.is_together(finding, l.span))
            || self.may_be_elsewhere(finding)
            || self.directive_of(finding).is_some_and(|d| {
                // An unknown word may be none or several, so nothing but the name is certain about its directive.
                let is_whole = d.terminator() != Terminator::Missing;
                is_whole && touches(d.head()) || finding.code != "no-events" && self.may_hold_more(d)
            })
            || finding.code == "no-events" && self.may_hold_more_files(finding.span.file)
    }

    /// The directive whose name a finding is about, unless only the name matters.
    fn directive_of(&self, finding: &Diagnostic) -> Option<Directive<'_>> {
        let is_of_words = matches!(finding.class, Class::Configuration | Class::Rule);
        let is_of_name = OF_THE_NAME.contains(&finding.code) || finding.code.starts_with("duplicate");
        let directive = self.tree(finding.span.file).directive_at(finding.span.start);
        directive.filter(|_| is_of_words && !is_of_name)
    }

    /// True if unknown directives may stand in the block of a directive.
    fn may_hold_more(&self, directive: Directive<'_>) -> bool {
        let Some(uncertain) = self.uncertain.get(&directive.span().file) else { return false };
        directive.block().is_some() && uncertain.has_directives(directive.head().end, directive.span().end)
    }

    /// True if unknown directives may stand in a file outside of all blocks.
    fn may_hold_more_files(&self, file: FileId) -> bool {
        let Some(uncertain) = self.uncertain.get(&file) else { return false };
        let mut from = 0;
        for directive in self.tree(file).root().directives() {
            let span = directive.span();
            if uncertain.has_directives(from, span.start) {
                return true;
            }
            from = span.end;
        }
        uncertain.has_directives(from, u32::MAX)
    }

    /// False if some rendering has only one of the places of a contradiction, and lacks the other.
    fn is_together(&self, finding: &Diagnostic, other: Span) -> bool {
        let span = finding.span;
        if span.file == other.file {
            let Some(uncertain) = self.uncertain.get(&span.file) else { return true };
            return uncertain.is_together(span.start, other.start);
        }
        let is_conditional =
            |span: Span| self.uncertain.get(&span.file).is_some_and(|u| u.is_conditional(span.start));
        !is_conditional(span) && !is_conditional(other)
    }

    /// True for a second one of something whose first one is not told, in a text that some renderings lack.
    fn may_be_elsewhere(&self, finding: &Diagnostic) -> bool {
        let is_second = finding.code.starts_with("duplicate") || finding.code.starts_with("conflicting");
        let uncertain =
            self.uncertain.get(&finding.span.file).filter(|_| is_second && finding.related.is_empty());
        uncertain.is_some_and(|u| !u.branches.is_empty())
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
