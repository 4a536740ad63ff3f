//! A baseline: the findings that an old estate has already, so that only new ones fail.
//!
//! A finding is known by its rule, its file and the words of its line, not by the line's number: lines move.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;

/// Version of the format.
const FORMAT: u32 = 2;

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
            return Err(format!(
                "format {}; expected {FORMAT}, which this program writes with --write-baseline",
                document.format
            ));
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

    /// Adds a finding in a file, which has this name in the baseline.
    pub fn add(&mut self, name: &str, file: &SourceFile, finding: &Diagnostic) {
        *self.known.entry(key(name, file, finding)).or_default() += 1;
    }

    /// True if a finding is known; each known one counts once.
    pub fn take(&mut self, name: &str, file: &SourceFile, finding: &Diagnostic) -> bool {
        match self.known.get_mut(&key(name, file, finding)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The number of known findings of some files that were not taken: they are gone and the baseline can shrink.
    pub fn left(&self, is_judged: impl Fn(&str) -> bool) -> u32 {
        self.known.iter().filter(|(key, _)| is_judged(&key.file)).map(|(_, count)| count).sum()
    }
}

fn key(name: &str, file: &SourceFile, finding: &Diagnostic) -> Key {
    let line = file.line(file.position(finding.span.start).line);
    // Indentation and alignment may change.
    let words: Vec<_> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    Key {
        file: name.to_owned(),
        name: finding.code.to_owned(),
        line: String::from_utf8_lossy(&words.join(&b' ')).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Class, Level};
    use crate::source::{SourceMap, Span};

    fn finding(sources: &mut SourceMap, text: &str, at: usize) -> Diagnostic {
        let file = sources.add("nginx.conf", text.as_bytes());
        Diagnostic::new("rule", Class::Rule, Level::Warning, Span::new(file, at, at), "message")
    }

    #[test]
    fn a_known_finding_stays_known_when_its_line_moves_and_a_second_one_is_new() {
        let mut sources = SourceMap::default();
        let before = finding(&mut sources, "server a;\n", 0);
        let moved = finding(&mut sources, "\n\n\tserver  a;\n", 4);
        let other = finding(&mut sources, "server b;\n", 0);
        let file = |finding: &Diagnostic| sources.file(finding.span.file);
        let mut baseline = Baseline::default();
        baseline.add("a.conf", file(&before), &before);
        let mut baseline = Baseline::parse(&baseline.write()).unwrap();
        assert!(!baseline.take("a.conf", file(&other), &other));
        assert!(!baseline.take("b.conf", file(&moved), &moved));
        assert_eq!((baseline.left(|f| f == "a.conf"), baseline.left(|f| f == "b.conf")), (1, 0));
        assert!(baseline.take("a.conf", file(&moved), &moved));
        assert!(!baseline.take("a.conf", file(&moved), &moved));
        assert_eq!(baseline.left(|_| true), 0);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        assert!(Baseline::parse("{}").is_err());
        assert!(Baseline::parse("{\"format\": 1, \"findings\": []}").unwrap_err().contains("expected 2"));
    }
}
