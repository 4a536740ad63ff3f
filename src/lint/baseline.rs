//! A baseline: the findings that an old estate has already, so that only new ones fail.
//!
//! A finding is known by its rule, its file and the text of its line, not by the line's number: lines move.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

/// Version of the format.
const FORMAT: u32 = 1;

/// Known findings with how often each is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<Key, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    file: String,
    name: String,
    line: String,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    key: Key,
    count: u32,
}

impl Baseline {
    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// If the text is not a baseline, or one of a newer format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if document.format != FORMAT {
            return Err(format!("format {}; expected {FORMAT}", document.format));
        }
        Ok(Self { known: document.findings.into_iter().map(|e| (e.key, e.count)).collect() })
    }

    /// The text of the file.
    pub fn write(&self) -> String {
        let findings = self.known.iter().map(|(key, &count)| Entry { key: key.clone(), count }).collect();
        let document = Document { format: FORMAT, findings };
        // Strings and numbers always serialize.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }

    /// Adds a finding.
    pub fn add(&mut self, sources: &SourceMap, finding: &Diagnostic) {
        *self.known.entry(key(sources, finding)).or_default() += 1;
    }

    /// Whether a finding is known; each known one counts once.
    pub fn take(&mut self, sources: &SourceMap, finding: &Diagnostic) -> bool {
        match self.known.get_mut(&key(sources, finding)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// How many known findings were not taken: they are gone and the baseline can shrink.
    pub fn left(&self) -> u32 {
        self.known.values().sum()
    }
}

fn key(sources: &SourceMap, finding: &Diagnostic) -> Key {
    let file = sources.file(finding.span.file);
    let line = file.line(file.position(finding.span.start).line);
    Key {
        file: file.name(),
        name: finding.code.to_owned(),
        line: String::from_utf8_lossy(line.trim_ascii()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Class, Level};
    use crate::source::Span;

    fn finding(sources: &mut SourceMap, text: &str, at: usize) -> Diagnostic {
        let file = sources.add("nginx.conf", text.as_bytes());
        Diagnostic::new("rule", Class::Rule, Level::Warning, Span::new(file, at, at), "message")
    }

    #[test]
    fn a_known_finding_stays_known_when_its_line_moves_and_a_second_one_is_new() {
        let mut sources = SourceMap::default();
        let before = finding(&mut sources, "server a;\n", 0);
        let moved = finding(&mut sources, "\n\n  server a;\n", 4);
        let other = finding(&mut sources, "server b;\n", 0);
        let mut baseline = Baseline::default();
        baseline.add(&sources, &before);
        let mut baseline = Baseline::parse(&baseline.write()).unwrap();
        assert!(!baseline.take(&sources, &other));
        assert!(baseline.take(&sources, &moved));
        assert!(!baseline.take(&sources, &moved));
        assert_eq!(baseline.left(), 0);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        assert!(Baseline::parse("{}").is_err());
        assert!(Baseline::parse("{\"format\": 2, \"findings\": []}").unwrap_err().contains("expected 1"));
    }
}
