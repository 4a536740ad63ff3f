//! Reports for people: excerpts of the source with labels, and the text to type.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity,
    SourceCode, SourceSpan, SpanContents,
};

use super::{Report, is_quiet, terminal_width};
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::Applicability;
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// Findings of one name that are shown before "and N more like this".
const SHOWN: usize = 3;

/// Longest line that is shown in an excerpt.
const LONGEST_LINE: usize = 400;

pub(super) struct Style {
    pub(super) color: bool,
    pub(super) all: bool,
}

pub(super) fn print(report: &Report<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let theme = if style.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(terminal_width())
        .with_context_lines(1)
        .without_syntax_highlighting();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (sources, finding) in report.findings() {
        let count = seen.entry(finding.code).or_default();
        *count += 1;
        if *count > SHOWN && !style.all {
            continue;
        }
        let mut text = String::new();
        // Formatting into a string does not fail.
        let _ = handler.render_report(&mut text, &ShownFinding::new(sources, finding));
        for line in text.trim_end().lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    let mut hidden: Vec<(&str, usize)> = seen.into_iter().filter(|&(_, n)| n > SHOWN && !style.all).collect();
    hidden.sort_unstable();
    for (code, count) in hidden {
        writeln!(out, "and {} more like {code}: see them with --all or --format short\n", count - SHOWN)?;
    }
    if is_quiet() {
        return Ok(());
    }
    let repairs = repairs(report);
    match report.summary() {
        nothing if nothing.is_empty() => report.parts.iter().try_for_each(|part| {
            let mut files = part.files.iter();
            files.try_for_each(|file| {
                writeln!(out, "{}: {} (nginx {})", file.display(), report.clean, part.version)
            })
        }),
        summary => writeln!(out, "{summary}{repairs}"),
    }
}

/// The repairs that `--fix` makes, and those that a person has to ask for.
fn repairs(report: &Report<'_>) -> String {
    let count = |wanted| {
        let fixes = report.findings().filter_map(|(_, finding)| finding.fix.as_ref());
        fixes.filter(|fix| fix.applicability == wanted).count()
    };
    match (count(Applicability::Safe), count(Applicability::Unsafe)) {
        (0, 0) => String::new(),
        (safe, 0) => format!("; {safe} can be repaired with `ngxc lint --fix`"),
        (0, unsafe_) => format!(
            "; {unsafe_} can be repaired with `ngxc lint --fix --unsafe`, after a look at `--diff --unsafe`"
        ),
        (safe, unsafe_) => {
            format!("; {safe} can be repaired with `ngxc lint --fix`, {unsafe_} more with `--unsafe`")
        }
    }
}

/// A finding as miette wants it.
struct ShownFinding<'a> {
    finding: &'a Diagnostic,
    excerpt: Option<Excerpt<'a>>,
    help: String,
}

impl<'a> ShownFinding<'a> {
    fn new(sources: &'a SourceMap, finding: &'a Diagnostic) -> Self {
        let file = sources.file(finding.span.file);
        let excerpt = Excerpt { id: finding.span.file, file };
        let excerpt = excerpt.is_readable(finding.span).then_some(excerpt);
        let mut notes = Vec::new();
        if excerpt.is_none() {
            let at = file.position(finding.span.start);
            notes.push(format!("at {}:{}:{}", file.name(), at.line, at.column));
        }
        notes.extend(finding.help.clone());
        for label in &finding.related {
            if label.span.file != finding.span.file {
                notes.push(format!("{}: {}", sources.place(label.span), label.text));
            }
        }
        for include in finding.includes.iter().rev() {
            notes.push(format!("included from {}", sources.place(*include)));
        }
        Self { finding, excerpt, help: notes.join("\n") }
    }

    fn label(span: Span, text: &str, primary: bool) -> LabeledSpan {
        let length = (span.end - span.start) as usize;
        let text = (!text.is_empty()).then(|| text.to_owned());
        let span = SourceSpan::new((span.start as usize).into(), length);
        if primary {
            LabeledSpan::new_primary_with_span(text, span)
        } else {
            LabeledSpan::new_with_span(text, span)
        }
    }
}

impl fmt::Debug for ShownFinding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.finding, f)
    }
}

impl fmt::Display for ShownFinding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.message)
    }
}

impl std::error::Error for ShownFinding<'_> {}

impl miette::Diagnostic for ShownFinding<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(match self.finding.level {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
            Level::Info => Severity::Advice,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpt.as_ref().map(|e| e as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = self.excerpt.as_ref()?;
        let finding = self.finding;
        let related = finding
            .related
            .iter()
            .filter(|l| l.span.file == finding.span.file && excerpt.is_readable(l.span))
            .map(|l| Self::label(l.span, &l.text, false));
        Some(Box::new(std::iter::once(Self::label(finding.span, &finding.label, true)).chain(related)))
    }
}

/// A file of which miette reads a few lines. Finding them through the line table keeps the cost independent of the
/// size of the file.
struct Excerpt<'a> {
    id: FileId,
    file: &'a SourceFile,
}

impl Excerpt<'_> {
    fn is_readable(&self, span: Span) -> bool {
        debug_assert_eq!(span.file, self.id);
        let (first, last) = (self.file.position(span.start).line, self.file.position(span.end).line);
        let near = first.saturating_sub(1).max(1)..=last + 1;
        let text = &self.file.text;
        near.clone().count() < 60
            && near.into_iter().all(|line| {
                let line = self.file.line(line);
                line.len() <= LONGEST_LINE && std::str::from_utf8(line).is_ok()
            })
            && span.end as usize <= text.len()
    }
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if end > self.file.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        if before == 0 {
            // Without context the excerpt is the span itself: miette takes its place for the headline.
            let at = self.file.position(span.offset() as u32);
            let data = &self.file.text[span.offset()..end];
            let (line, column) = (at.line as usize - 1, at.column as usize - 1);
            return Ok(Box::new(MietteSpanContents::new_named(
                self.file.name(),
                data,
                *span,
                line,
                column,
                1,
            )));
        }
        let first = (self.file.position(span.offset() as u32).line as usize).saturating_sub(before).max(1);
        let last = self.file.position(end as u32).line as usize + after;
        let (start, stop) = (self.file.line_start(first as u32), self.file.line_start(last as u32 + 1));
        let data = &self.file.text[start..stop];
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.name(),
            data,
            SourceSpan::new(start.into(), data.len()),
            first - 1,
            0,
            last - first + 1,
        )))
    }
}
