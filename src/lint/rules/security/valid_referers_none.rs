//! `valid_referers none` in front of an application.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `valid_referers` with `none` where the location passes requests on. In front of static files,
    /// against hot-linking, it is what the documentation recommends, and no finding.
    ///
    /// ## Why is this bad
    ///
    /// A page can tell the browser to send no `Referer`; the check then lets its requests through.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /api/ {
    ///         valid_referers none server_names;
    ///         if ($invalid_referer) { return 403; }
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /images/ {
    ///         valid_referers none blocked server_names;
    ///         if ($invalid_referer) { return 403; }
    ///     }
    /// }
    /// ```
    VALID_REFERERS_NONE {
        name: "valid-referers-none",
        category: Security,
        level: Info,
        summary: "requests without `Referer` pass the check of what is no static file",
        doc: "/en/docs/http/ngx_http_referer_module.html#valid_referers",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    const HANDLERS: [&str; 5] = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"];
    for (level, directive) in target.levels().http("valid_referers") {
        let Some(word) = directive.args().find(|w| w.is("none")) else { continue };
        if !HANDLERS.iter().any(|name| level.get(name).is_some()) {
            continue;
        }
        found.push(
            VALID_REFERERS_NONE
                .finding(word.span(), "requests without `Referer` pass the check")
                .label("a page can have the browser send none")
                .help("remove `none`, or check a token instead"),
        );
    }
}
