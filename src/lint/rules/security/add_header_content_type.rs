//! A second `Content-Type`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `add_header Content-Type`, unless the header of the backend is hidden at this place, or the response
    /// (204) has none.
    ///
    /// ## Why is this bad
    ///
    /// nginx keeps the type of a response apart from other headers, so `add_header` sends a second `Content-Type`.
    /// Clients take one of the two, not all the same one.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /hello {
    ///         add_header Content-Type text/plain;
    ///         return 200 "hello";
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /hello {
    ///         default_type text/plain;
    ///         return 200 "hello";
    ///     }
    /// }
    /// ```
    ADD_HEADER_CONTENT_TYPE {
        name: "add-header-content-type",
        category: Security,
        level: Warning,
        summary: "`add_header Content-Type` sends a second one",
        doc: "/en/docs/http/ngx_http_core_module.html#default_type",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, directive) in target.levels().http("add_header") {
        let is_type = directive.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"content-type"));
        if !is_type || is_hidden(level) || has_no_body(level) || level.is("default_type", "") {
            continue;
        }
        found.push(
            ADD_HEADER_CONTENT_TYPE
                .finding(directive.head(), "`add_header` sends a second `Content-Type` beside nginx's own")
                .label("does not replace the type")
                .help("use `default_type`, or `types { }` with it"),
        );
    }
}

/// The type of the backend's response is taken away first.
fn is_hidden(level: Block<'_>) -> bool {
    ["proxy_hide_header", "fastcgi_hide_header", "uwsgi_hide_header", "scgi_hide_header", "grpc_hide_header"]
        .iter()
        .flat_map(|name| level.list(name))
        .any(|d| d.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"content-type")))
}

fn has_no_body(level: Block<'_>) -> bool {
    level.own("return").any(|d| d.arg(0).is_some_and(|w| w.is("204") || w.is("304")))
}
