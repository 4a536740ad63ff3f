//! The edits of one remedy.

use std::collections::BTreeMap;

use crate::edit::{Edit, Fix};
use crate::source::{FileId, Span};

/// Edits that are made together.
#[derive(Default)]
pub(super) struct Remedy {
    edits: BTreeMap<(FileId, u32, u32), String>,
    titles: Vec<String>,
    /// The patch moves lines.
    pub(super) moves: bool,
    /// A person has to look.
    pub(super) needs_eyes: bool,
}

impl Remedy {
    /// Adds edits; none if one contradicts another.
    pub(super) fn add(&mut self, edits: impl IntoIterator<Item = Edit>) -> Option<()> {
        for edit in edits {
            let key = (edit.span.file, edit.span.start, edit.span.end);
            match self.edits.get_mut(&key) {
                None => {
                    self.edits.insert(key, edit.text);
                }
                Some(text) if *text == edit.text => {}
                // Whole lines at one place.
                Some(text) if edit.span.start == edit.span.end => {
                    if !text.contains(edit.text.as_str()) {
                        text.push_str(&edit.text);
                    }
                }
                Some(_) => return None,
            }
        }
        Some(())
    }

    /// Adds a line to what the fix says of itself.
    pub(super) fn title(&mut self, line: String) {
        if !self.titles.contains(&line) {
            self.titles.push(line);
        }
    }

    /// All of it as one fix.
    pub(super) fn fix(self) -> Option<Fix> {
        if self.edits.is_empty() {
            return None;
        }
        let lines: Vec<String> = self.titles.iter().take(4).map(|line| format!("`{line}`")).collect();
        let title = match (lines.is_empty(), self.moves) {
            (true, _) => "move `keepalive` behind the balancing method".to_owned(),
            (false, true) => format!("move `keepalive`, and add {}", listed(&lines)),
            (false, false) => format!("add {}", listed(&lines)),
        };
        let edits = self.edits.into_iter().map(|((file, start, end), text)| {
            Edit::replace(Span::new(file, start as usize, end as usize), text)
        });
        let edits = edits.collect();
        Some(if self.needs_eyes { Fix::unsafe_(title, edits) } else { Fix::safe(title, edits) })
    }
}

/// `a`, `a and b`, `a, b and c`
pub(crate) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
