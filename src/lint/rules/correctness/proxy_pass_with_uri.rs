//! A path in `proxy_pass`.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, text};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` with a constant path after the host, in a prefix location. Off unless it is switched
    /// on.
    ///
    /// ## Why is this bad
    ///
    /// The request is normalized and the location's path replaced: escaped characters such as `%2F` reach the
    /// backend decoded.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /api/ { proxy_pass http://unix:/run/app.sock:/; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /api/ { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    PROXY_PASS_WITH_URI {
        name: "proxy-pass-with-uri",
        category: Correctness,
        level: Info,
        summary: "`proxy_pass` has a path, which replaces that of the location",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
        recommended: false,
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(url) = pass.arg(0).filter(|w| !w.content().contains(&b'$')) else { continue };
        let uri = text::url(&url.value()).uri;
        let exact = level.head().and_then(|h| h.arg(0)).is_some_and(|w| w.is("="));
        if !uri.is_empty() && uri != b":" && !exact {
            found.push(
                PROXY_PASS_WITH_URI
                    .finding(pass.head(), "the path replaces that of the location, decoded")
                    .help("leave the path out to pass the request on as it is"),
            );
        }
    }
}
