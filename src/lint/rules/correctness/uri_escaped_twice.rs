//! A URI that is escaped once more.

use crate::diagnostic::Diagnostic;
use crate::lint::rule::declare_rule;
use crate::lint::{Target, values};
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `proxy_pass` without variables in its path where `rewrite` has put `$request_uri`, an argument or a
    /// header in place of the URI: text that is still escaped.
    ///
    /// ## Why is this bad
    ///
    /// nginx escapes the URI when it passes the request on, `%` included: the backend gets `/a%2520b` for `/a%20b`.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /app/ {
    ///         rewrite ^ $request_uri break;
    ///         proxy_pass http://127.0.0.1:8081;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /app/ { proxy_pass http://unix:/run/app.sock; }
    ///     location /raw/ {
    ///         rewrite ^ $request_uri;
    ///         rewrite ^/raw(/.*)$ $1 break;
    ///         return 400;
    ///         proxy_pass http://unix:/run/app.sock:$uri;
    ///     }
    /// }
    /// ```
    URI_ESCAPED_TWICE {
        name: "uri-escaped-twice",
        category: Correctness,
        level: Warning,
        summary: "`rewrite` makes the URI of text that is escaped, and `proxy_pass` escapes it again",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    if !target.levels().has("rewrite") {
        return;
    }
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(value) = pass.arg(0).map(Word::value) else { continue };
        let own_path = value.contains(&b'$')
            && values::rows(target.view(), level, &value).iter().any(|row| {
                row.prefix().starts_with(b"http://unix:") || !values::url(&row.parts, true).uri.is_empty()
            });
        if own_path {
            continue;
        }
        let rows = values::rows(target.view(), level, b"$uri");
        let escaped = rows.iter().flat_map(crate::values::Row::opens).find(|open| {
            open.client && !open.decoded && open.has(b'%') && !open.of.is_empty() && open.of != "host"
        });
        if let Some(open) = escaped {
            found.push(
                URI_ESCAPED_TWICE
                    .finding(pass.head(), format!("the URI is made of `${}`, and escaped once more: `%20` becomes `%2520`", open.of))
                    .label("escapes the URI")
                    .help("leave the URI to nginx, or write `$uri` in `proxy_pass`, which is then sent as it is"),
            );
        }
    }
}
