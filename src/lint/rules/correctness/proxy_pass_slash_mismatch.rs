//! Slashes of a location and of what replaces it.

use crate::catalog::Context;
use crate::diagnostic::{Diagnostic, Level};
use crate::edit::{Edit, Fix};
use crate::lint::rule::declare_rule;
use crate::lint::{Target, text};
use crate::syntax::{Directive, Quote};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a prefix location that ends in `/` whose `proxy_pass` has a path that does not: `/api/x` becomes
    /// `/v1x`. The other way round, where `/api/x` becomes `//x`, is a note.
    ///
    /// ## Why is this bad
    ///
    /// nginx replaces the location's path by the path of `proxy_pass` as text.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /api/ { proxy_pass http://unix:/run/app.sock:/v1; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location /api/ { proxy_pass http://unix:/run/app.sock:/v1/; }
    ///     location /exact { proxy_pass http://unix:/run/app.sock:/exactly; }
    ///     location /as-is { proxy_pass http://unix:/run/app.sock; }
    /// }
    /// ```
    PROXY_PASS_SLASH_MISMATCH {
        name: "proxy-pass-slash-mismatch",
        category: Correctness,
        level: Warning,
        summary: "location and `proxy_pass` disagree about the `/` at the end",
        doc: "/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (level, pass) in target.levels().http("proxy_pass") {
        if level.context() != Context::Location || level.get("rewrite").is_some() {
            continue;
        }
        let (Some(head), Some(url)) = (level.head(), pass.arg(0)) else { continue };
        let value = url.value();
        let uri = text::url(&value).uri;
        let uri = uri.strip_prefix(b":").unwrap_or(&uri);
        if uri.is_empty() || value.contains(&b'$') || uri.contains(&b'?') || uri.ends_with(b"=") {
            continue;
        }
        let Some(path) = prefix(head) else { continue };
        let shown = String::from_utf8_lossy(uri);
        let (mut finding, edit) = match (path.ends_with('/'), uri.ends_with(b"/")) {
            (true, false) => {
                let message = format!("`{path}x` is passed on as `{shown}x`");
                (
                    PROXY_PASS_SLASH_MISMATCH.finding(pass.head(), message),
                    Some(Edit::insert(url.span().after(), "/")),
                )
            }
            (false, true) => (
                PROXY_PASS_SLASH_MISMATCH
                    .finding(pass.head(), format!("`{path}/x` is passed on as `{shown}/x`")),
                None,
            ),
            _ => continue,
        };
        if edit.is_none() {
            finding.level = Level::Info;
        }
        finding = finding.related(head.head(), "is replaced as text").help("end both with `/`, or neither");
        found.push(match edit.filter(|_| url.quote() == Quote::None) {
            Some(edit) => finding.fix(Fix::unsafe_("end the path with `/`", vec![edit])),
            None => finding,
        });
    }
}

/// The path of a prefix location.
fn prefix(head: Directive<'_>) -> Option<String> {
    match head.args().len() {
        1 => head.arg(0).map(|w| w.to_string()).filter(|uri| uri.starts_with('/')),
        2 if head.arg(0).is_some_and(|w| w.is("^~")) => head.arg(1).map(|w| w.to_string()),
        _ => None,
    }
}
