//! The pages that commands write or serve: one style for all of them, nothing from elsewhere, light, dark and printed.

/// The style of every page.
const STYLE: &str = include_str!("page.css");

/// Placeholder of the style in a page that is a file of its own.
const PLACE: &str = "/* style */";

/// A page that is a file of its own, with the style.
pub(super) fn with_style(page: &str) -> String {
    page.replacen(PLACE, STYLE, 1)
}

/// The beginning of a page; `title` is text.
pub(super) fn head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n",
        escape(title)
    )
}

/// Text is text on a page too.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_style_and_no_markup_of_others() {
        assert!(with_style("<style>/* style */</style>").contains("--paper"));
        assert!(head("a <b> & \"c\"").contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"));
    }
}
