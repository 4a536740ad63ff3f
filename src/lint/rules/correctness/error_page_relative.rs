//! Error pages without `/`.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::Quote;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `error_page` whose target begins with neither `/`, `@`, a scheme nor a variable.
    ///
    /// ## Why is this bad
    ///
    /// nginx takes it for a URL and answers with a redirect to it, relative to the page that failed: the code of the error
    /// is lost, and the browser looks for the page beside the missing one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     error_page 404 404.html;
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     error_page 404 /404.html;
    ///     error_page 502 https://status.example/;
    /// }
    /// ```
    ERROR_PAGE_RELATIVE {
        name: "error-page-relative",
        category: Correctness,
        level: Warning,
        summary: "an error page without `/` is a redirect",
        doc: "/en/docs/http/ngx_http_core_module.html#error_page",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, page) in target.levels().http("error_page") {
        let Some(to) = page.args().next_back() else { continue };
        let text = to.value();
        let begins = |start: &&[u8]| text.starts_with(start);
        if text.is_empty()
            || [&b"/"[..], b"@", b"$", b"http://", b"https://"].iter().any(begins)
            || text.contains(&b':')
        {
            continue;
        }
        let finding = ERROR_PAGE_RELATIVE
            .finding(to.span(), format!("nginx redirects to `{to}` instead of sending it"))
            .label("does not begin with `/`")
            .help(format!("write `/{to}`"));
        found.push(if to.quote() == Quote::None && !to.has_escapes() {
            finding.fix(Fix::unsafe_("write `/` before it", vec![Edit::insert(before(to.span()), "/")]))
        } else {
            finding
        });
    }
}

fn before(span: crate::source::Span) -> crate::source::Span {
    crate::source::Span::new(span.file, span.start as usize, span.start as usize)
}
