//! Responses that are not buffered.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_buffering off`. Off unless it is switched on: for event streams and long polling it is right.
    ///
    /// ## Why is this bad
    ///
    /// The backend sends as slowly as the client reads; a few slow clients occupy all of its processes.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location / {
    ///         proxy_buffering off;
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / {
    ///         proxy_pass http://unix:/run/app.sock;
    ///     }
    /// }
    /// ```
    PROXY_BUFFERING_OFF {
        name: "proxy-buffering-off",
        category: Security,
        level: Info,
        summary: "a slow client keeps the backend busy",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_buffering",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, directive) in target.levels().http("proxy_buffering") {
        if directive.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"off")) {
            found.push(
                PROXY_BUFFERING_OFF
                    .finding(directive.head(), "a slow client keeps the backend busy")
                    .help("have the backend send `X-Accel-Buffering: no` where it streams"),
            );
        }
    }
}
