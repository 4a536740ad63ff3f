//! `Referer` with two r in the middle.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::source::Span;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `$http_referrer`.
    ///
    /// ## Why is this bad
    ///
    /// The header is called `Referer`, a misspelling of 1996 that stayed. The variable is always empty, so what
    /// depends on it does not happen.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     if ($http_referrer ~ evil) { return 403; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     if ($http_referer ~ evil) { return 403; }
    /// }
    /// ```
    REFERRER_MISSPELLED {
        name: "referrer-misspelled",
        category: Security,
        level: Error,
        summary: "`$http_referrer` is a header that nobody sends",
        doc: "/en/docs/http/ngx_http_core_module.html#var_http_",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for directive in target.uses().directives("http_referrer") {
        let Some(word) = directive.words().find(|w| contains(w.raw()).is_some()) else { continue };
        let edit = contains(word.raw()).map(|at| {
            let start = word.span().start as usize + at;
            Edit::replace(Span::new(word.span().file, start, start + NAME.len()), "http_referer")
        });
        let finding = REFERRER_MISSPELLED
            .finding(word.span(), "no client sends a header `Referrer`: the variable is always empty")
            .label("is spelled with one r")
            .help("write `$http_referer`");
        found.push(match edit {
            Some(edit) => finding.fix(Fix::safe("write `$http_referer`", vec![edit])),
            None => finding,
        });
    }
}

const NAME: &[u8] = b"http_referrer";

fn contains(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(&text.to_ascii_lowercase(), NAME)
}
