//! Templates: files with placeholders that a program fills in before nginx reads them.
//!
//! The content of a placeholder is unknown. The placeholder is read as a number of the same length, which is valid
//! where most values are, and findings about it are dropped:
//! `Configuration::is_uncertain`.

mod branch;
mod envsubst;
mod language;
mod place;
mod reading;
mod role;
mod tag;
mod terraform;

use std::ops::Range;
use std::path::Path;

use super::uncertain::Uncertain;
pub(super) use envsubst::{guarded, unguarded};
pub use language::Language;
pub use reading::Templates;
pub(super) use reading::{ReadTemplate, Unclosed, blank};
pub(super) use tag::guess;

/// Reading of a file; `None` if the file is read unchanged.
pub(super) fn read(
    path: &Path,
    text: &[u8],
    templates: &Templates,
    is_yaml: fn(&Path, &[u8]) -> bool,
) -> Option<ReadTemplate> {
    let named = Language::of_name(path);
    let reading = match templates.language {
        Some(language) if language != Language::Envsubst => branch::mask(language, text, is_yaml(path, text)),
        _ => {
            let written = named.filter(|_| !matches!(templates.language, Some(Language::Envsubst)));
            match written.and_then(|language| tag::tagged(language, text)) {
                Some(unread) => ReadTemplate { unread: Some(unread), ..ReadTemplate::default() },
                None => envsubst::read(path, text, templates)?,
            }
        }
    };
    Some(reading)
}

/// Puts numbers and blanks in places that another program fills in; those with one text are not told apart.
pub(super) fn fill_in(text: &mut [u8], places: &[Range<usize>], uncertain: &mut Uncertain) {
    if places.is_empty() {
        return;
    }
    let place = |(n, range): (usize, &Range<usize>)| place::Place { range: range.clone(), number: n + 1 };
    let all: Vec<place::Place> = places.iter().enumerate().map(place).collect();
    let filled = place::fill(text, &all, false);
    uncertain.holes.extend(filled.holes.into_iter().map(|r| r.start as u32..r.end as u32));
    uncertain.holes.sort_by_key(|hole| hole.start);
    uncertain.directives.extend(filled.directives);
    uncertain.directives.sort_unstable();
}

/// The text of a template as the parser sees it; `None` for a text in no language with statements.
pub fn looked_through(text: &[u8]) -> Option<Vec<u8>> {
    let (language, _) = guess(text)?;
    branch::mask(language, text, false).parsed
}
