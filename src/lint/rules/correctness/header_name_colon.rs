//! A colon in the name of a header.

use crate::diagnostic::Diagnostic;
use crate::edit::{Edit, Fix};
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::syntax::Quote;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a name of a header that ends in `:`.
    ///
    /// ## Why is this bad
    ///
    /// nginx puts a colon of its own behind the name. The header becomes `Host:: a.example`, is another than the one that
    /// is meant, and the backend or the browser refuses or ignores it; nginx still sends its own `Host`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         proxy_set_header Host: $host;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / {
    ///         proxy_set_header Host $host;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    HEADER_NAME_COLON {
        name: "header-name-colon",
        category: Correctness,
        level: Warning,
        summary: "the name of a header ends in `:`",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_set_header",
    }
}

/// Directives whose first argument is the name of a header.
const NAMES: [&str; 14] = [
    "add_header",
    "add_trailer",
    "proxy_set_header",
    "grpc_set_header",
    "proxy_hide_header",
    "proxy_pass_header",
    "grpc_hide_header",
    "grpc_pass_header",
    "fastcgi_hide_header",
    "fastcgi_pass_header",
    "uwsgi_hide_header",
    "uwsgi_pass_header",
    "scgi_hide_header",
    "scgi_pass_header",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in NAMES {
        for (_, directive) in target.levels().http(name) {
            let Some(word) = directive.arg(0).filter(|word| word.value().ends_with(b":")) else { continue };
            let bare = word.to_string().trim_end_matches(':').to_owned();
            let finding = HEADER_NAME_COLON
                .finding(word.span(), format!("the name of a header has no colon, found `{word}`"))
                .label("nginx adds a colon itself")
                .help(format!("write `{bare}`"));
            let plain = word.quote() == Quote::None && !word.has_escapes();
            found.push(if plain && !bare.is_empty() {
                finding.fix(Fix::unsafe_("remove the colon", vec![Edit::replace(word.span(), bare)]))
            } else {
                finding
            });
        }
    }
}
