//! Findings in the words of a template: the numbers that the parser saw become the placeholders that the file has.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::configuration::Configuration;
use crate::diagnostic::Diagnostic;

/// Most characters of a placeholder that a message shows.
const MOST: usize = 40;

/// Shortest number that is recognised within a longer one.
const CERTAIN: usize = 5;

/// Numbers that stand for placeholders, with the text of the first such placeholder.
pub(super) struct PlaceholderNumbers(BTreeMap<String, String>);

impl PlaceholderNumbers {
    pub(super) fn of(configuration: &Configuration) -> Self {
        let mut all = BTreeMap::new();
        for (file, uncertain) in &configuration.uncertain {
            let (seen, written) = (configuration.tree(*file).text(), &configuration.sources.file(*file).text);
            for hole in &uncertain.holes {
                let range = hole.start as usize..hole.end as usize;
                let Some(seen) =
                    seen.get(range.clone()).filter(|seen| seen.first() != written.get(range.start))
                else {
                    continue;
                };
                let length = seen.iter().take_while(|b| b.is_ascii_digit()).count();
                if length > 0 {
                    let number = String::from_utf8_lossy(&seen[..length]).into_owned();
                    all.entry(number).or_insert_with(|| shown(&written[range]));
                }
            }
        }
        Self(all)
    }

    /// Puts the placeholders back into everything that a finding says and writes.
    pub(super) fn restore(&self, finding: &mut Diagnostic) {
        if self.0.is_empty() {
            return;
        }
        let texts = [&mut finding.message, &mut finding.label].into_iter();
        let texts = texts.chain(finding.related.iter_mut().map(|l| &mut l.text));
        let texts = texts.chain(&mut finding.help).chain(&mut finding.nginx);
        let fix = finding.fix.iter_mut();
        let fix = fix
            .flat_map(|fix| std::iter::once(&mut fix.title).chain(fix.edits.iter_mut().map(|e| &mut e.text)));
        for text in texts.chain(fix) {
            if let Some(restored) = self.restored(text) {
                *text = restored;
            }
        }
    }

    /// `None` if no number is in the text.
    fn restored(&self, text: &str) -> Option<String> {
        let mut restored = String::new();
        let (mut copied, mut at, mut follows) = (0, 0, false);
        while at < text.len() {
            let run = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            let begins = follows || at == 0 || !text.as_bytes()[at - 1].is_ascii_digit();
            follows = false;
            if run == 0 {
                at += 1;
                while !text.is_char_boundary(at) {
                    at += 1;
                }
                continue;
            }
            let Some((number, written)) = self.number(&text[at..], run, begins) else {
                at += 1;
                continue;
            };
            restored.push_str(&text[copied..at]);
            restored.push_str(written);
            at += number;
            copied = at;
            follows = true;
        }
        (copied > 0).then(|| restored + &text[copied..])
    }

    /// The number that a text begins with, and its placeholder: the longest, or one that an excerpt cuts.
    fn number(&self, text: &str, run: usize, begins: bool) -> Option<(usize, &str)> {
        /// Longest number that is looked for.
        const LONGEST: usize = 200;
        let shortest = if begins { 1 } else { CERTAIN };
        let whole =
            (shortest..=run.min(LONGEST)).rev().find_map(|n| Some((n, self.0.get(&text[..n])?.as_str())));
        let cut = || {
            let from = (Bound::Included(&text[..run]), Bound::Unbounded);
            let (number, written) = self.0.range::<str, _>(from).next()?;
            let is_cut = run >= CERTAIN && text[run..].starts_with('…') && number.starts_with(&text[..run]);
            is_cut.then_some((run, written.as_str()))
        };
        whole.or_else(cut)
    }
}

/// The start of a placeholder, on one line.
fn shown(written: &[u8]) -> String {
    let line = written.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(&line[..line.len().min(4 * MOST)]).into_owned();
    let cut: String = line.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if cut.len() < line.len() || line.len() < written.len() { cut + "…" } else { cut }
}
