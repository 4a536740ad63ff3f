//! Decoded text in a request line.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::values::{self, Open, ValuePart};
use crate::syntax::Word;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `proxy_pass` whose URI has a group or a variable that was taken from the decoded path and can contain a
    /// space, `?`, `#` or `%`. A group such as `([a-z0-9/]+)` cannot, and neither can what comes from `$request_uri`.
    /// A value that can contain a line break is a finding of `http-splitting`.
    ///
    /// ## Why is this bad
    ///
    /// nginx sends a URI with variables as it is. `/i/a%20b` becomes the request line `GET /a b HTTP/1.1`, which is no
    /// valid one, and `/i/a%3Fb` asks for `/a` with an argument.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/i(/.*)$ { proxy_pass http://127.0.0.1:8081$1; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /i/ { proxy_pass http://unix:/run/app.sock:/; }
    ///     location ~ ^/j(/[a-z0-9/]*)$ { proxy_pass http://unix:/run/app.sock:$1; }
    /// }
    /// ```
    PROXY_PASS_DECODED {
        name: "proxy-pass-decoded",
        category: Correctness,
        level: Warning,
        summary: "the decoded path goes into the request line to the backend as it is",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, pass) in target.levels().http("proxy_pass") {
        let Some(value) = pass.arg(0).map(Word::value).filter(|v| v.contains(&b'$')) else { continue };
        if level.outward().any(|l| l.get("internal").is_some()) {
            continue;
        }
        let rows = values::rows(target.view(), level, &value);
        let part = rows.iter().find_map(|row| {
            let parts = if row.prefix().starts_with(b"http://unix:") {
                row.parts.clone()
            } else {
                values::url(&row.parts, true).uri
            };
            parts.iter().find_map(|part| match part {
                ValuePart::Open(open) if breaks(open) => Some(open.name.clone()),
                _ => None,
            })
        });
        if let Some(part) = part {
            found.push(
                PROXY_PASS_DECODED
                    .finding(
                        pass.head(),
                        format!("`{part}` is decoded, and goes into the request line as it is"),
                    )
                    .label("can contain a space, `?` or `%`")
                    .help("let nginx escape it: `rewrite` with `break` and `proxy_pass` without a path"),
            );
        }
    }
}

/// True if it can spoil a request line, other than by a line break.
fn breaks(open: &Open) -> bool {
    let spoils = [b' ', b'?', b'#', b'%'].iter().any(|byte| open.has(*byte));
    open.client && open.decoded && spoils && !open.has_line_feed()
}
