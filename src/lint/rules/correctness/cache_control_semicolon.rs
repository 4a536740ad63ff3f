//! Semicolons in `Cache-Control`.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// ## What it does
    ///
    /// Reports `;` in the value of `Cache-Control`.
    ///
    /// ## Why is this bad
    ///
    /// Its words are separated by commas. A cache reads `public; max-age=100` as one word that it does not know, and
    /// ignores it.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     add_header Cache-Control "public; max-age=100";
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     add_header Cache-Control "public, max-age=100";
    /// }
    /// ```
    CACHE_CONTROL_SEMICOLON {
        name: "cache-control-semicolon",
        category: Correctness,
        level: Warning,
        summary: "words of `Cache-Control` are separated by semicolons",
        doc: "/en/docs/http/ngx_http_headers_module.html#add_header",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for (_, header) in target.levels().http("add_header") {
        let is_cache = header.arg(0).is_some_and(|w| w.value().eq_ignore_ascii_case(b"cache-control"));
        let Some(value) = header.arg(1).filter(|_| is_cache) else { continue };
        let text = value.value();
        let inside = text.strip_suffix(b";").unwrap_or(&text);
        if inside.contains(&b';') {
            found.push(
                CACHE_CONTROL_SEMICOLON
                    .finding(value.span(), "caches read this as one word that they do not know")
                    .label("has `;`")
                    .help(format!("write commas: `{}`", value.to_string().replace(';', ","))),
            );
        }
    }
}
