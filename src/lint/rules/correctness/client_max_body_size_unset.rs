//! The default limit of request bodies.

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a whole configuration that passes requests on and never sets `client_max_body_size`. Off unless it
    /// is switched on.
    ///
    /// ## Why is this bad
    ///
    /// The default is 1 MiB: larger uploads get 413.
    ///
    /// ## Example
    ///
    /// ```nginx bad main
    /// events { }
    /// http {
    ///     server {
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good main
    /// events { }
    /// http {
    ///     client_max_body_size 8m;
    ///     server {
    ///         location / { proxy_pass http://unix:/run/app.sock; }
    ///     }
    /// }
    /// ```
    CLIENT_MAX_BODY_SIZE_UNSET {
        name: "client-max-body-size-unset",
        category: Correctness,
        level: Info,
        summary: "nothing sets the largest request body",
        doc: "/en/docs/http/ngx_http_core_module.html#client_max_body_size",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let levels = target.levels();
    let passes =
        ["proxy_pass", "fastcgi_pass", "uwsgi_pass"].iter().any(|name| levels.http(name).next().is_some());
    let Some(http) = levels.of(Context::Http).find_map(Block::head) else { return };
    if passes && !levels.has("client_max_body_size") && target.reads_everything() {
        found.push(
            CLIENT_MAX_BODY_SIZE_UNSET
                .finding(http.head(), "request bodies above 1 MiB get 413")
                .help("set `client_max_body_size`"),
        );
    }
}
