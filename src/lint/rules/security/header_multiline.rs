//! Header values over several lines.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `add_header`, `add_trailer`, `proxy_set_header` and `more_set_headers` whose value contains a line
    /// break.
    ///
    /// ## Why is this bad
    ///
    /// nginx sends the value as it is. A line break followed by a blank is the obsolete folding of headers, which
    /// HTTP/2 and many clients refuse; without a blank the rest becomes another header or ends the head.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     add_header Content-Security-Policy "default-src 'self';
    ///         img-src *";
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     add_header Content-Security-Policy "default-src 'self'; img-src *";
    ///     more_set_headers -t 'text/html
    ///         text/plain' 'X-Kind: page';
    /// }
    /// ```
    HEADER_MULTILINE {
        name: "header-multiline",
        category: Security,
        level: Warning,
        summary: "a header value contains a line break",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["add_header", "add_trailer", "proxy_set_header", "grpc_set_header", "more_set_headers"] {
        for (_, directive) in target.levels().http(name) {
            for word in headers(directive) {
                let value = word.value();
                if !value.contains(&b'\n') {
                    continue;
                }
                let is_fold = |at| value.get(at + 1).is_some_and(|b| b" \t".contains(b));
                let folded = memchr::memchr_iter(b'\n', &value).all(is_fold);
                let what = if folded { "is folded" } else { "is broken" };
                let mut finding = HEADER_MULTILINE
                    .finding(directive.head(), format!("the value has a line break: the header {what}"))
                    .label("is sent over several lines")
                    .help("write the value on one line");
                if let Ok(text) = std::str::from_utf8(word.raw()) {
                    let joined = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
                    let edit = Edit::replace(word.span(), joined);
                    finding = finding.fix(Fix::unsafe_("join the lines", vec![edit]));
                }
                found.push(finding);
            }
        }
    }
}

/// The arguments that go into headers: behind `-s` and `-t` of `more_set_headers` stand lists of codes and types.
fn headers(directive: Directive<'_>) -> impl Iterator<Item = Word<'_>> {
    let mut list = false;
    directive.args().filter(move |word| !std::mem::replace(&mut list, word.is("-s") || word.is("-t")))
}
