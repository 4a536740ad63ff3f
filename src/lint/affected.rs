//! The places that a finding affects: a cause is reported once, at its root.

use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// More places than this are counted, not shown.
const SHOWN: usize = 3;

/// Shows the first places under a finding; if there are more, its message says how many.
pub(super) fn affected(
    mut finding: Diagnostic,
    places: impl IntoIterator<Item = Span>,
    text: &str,
) -> Diagnostic {
    let mut seen = std::collections::HashSet::new();
    let all: Vec<Span> = places.into_iter().filter(|place| seen.insert(*place)).collect();
    if all.len() > SHOWN {
        // Where the finding itself stands at such a place, the others come to it.
        let more = if text.starts_with("and ") { "more " } else { "" };
        finding.message = format!("{}; {} {more}places are affected", finding.message, all.len());
    }
    for place in all.into_iter().take(SHOWN) {
        finding = finding.related(place, text);
    }
    finding
}
