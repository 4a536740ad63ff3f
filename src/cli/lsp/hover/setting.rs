//! The value of a setting at a place, and where the value comes from.

use crate::cli::lsp::place::Place;
use crate::cli::show::{self, settings, settings::ShownSetting};
use crate::source::Span;

/// The value that holds at the place, in a sentence; `None` if the directive is no setting of http.
pub(crate) fn held(place: &Place<'_>, name: &str) -> Option<String> {
    let shown = shown(place, name)?;
    let value = match shown.text.as_slice() {
        [] => "nothing".to_owned(),
        lines => lines.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", "),
    };
    let origin = match (shown.origin, &shown.from) {
        ("default", _) => "the default".to_owned(),
        ("set", _) => format!("set here: {}", shown.places.join(", ")),
        (_, Some(from)) => format!("inherited from `{from}`: {}", shown.places.join(", ")),
        (_, None) => shown.places.join(", "),
    };
    Some(format!("holds here: {value} ({origin})"))
}

/// The setting of a name in the blocks around a place.
pub(crate) fn shown(place: &Place<'_>, name: &str) -> Option<ShownSetting> {
    let configuration = place.analysed.configuration();
    let book = show::ModelNames { config: place.analysed.model(), sources: &configuration.sources };
    let heads: Vec<(Span, String)> = place
        .blocks
        .iter()
        .map(|block| {
            let words = String::from_utf8_lossy(configuration.sources.text(block.head())).into_owned();
            (block.head(), words.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    heads
        .iter()
        .any(|(_, name)| name == "http" || name == "server" || name.starts_with("location"))
        .then_some(())?;
    settings::inside(book, configuration, &heads, name)
}
