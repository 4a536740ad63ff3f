//! Line breaks that reach a header.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::levels::Level as Block;
use crate::lint::pattern::{bare, can_contain};
use crate::lint::rule::declare_rule;
use crate::lint::sources;
use crate::lint::sources::LINE_FEED;
use crate::lint::text;
use crate::lint::values::{self, Part, Row};
use crate::syntax::Directive;
use crate::syntax::Word;
use regex_syntax::hir::HirKind;

declare_rule! {
    /// ## What it does
    ///
    /// Reports values that can contain a line feed where they go unescaped into a response header or a proxied
    /// request: `return` with a URL, `add_header`, a `rewrite` that redirects, `proxy_set_header`, `proxy_pass`.
    /// `$uri` and `$document_uri` are decoded; a group such as `([^.]*)` matches a line feed, `(.*)` does not.
    /// `map` and `set` are followed. What is only the host of `proxy_pass` is in no line, and an `if ($uri ~ "[\r\n]")` with
    /// `return` ends such requests. Groups in a `rewrite` that redirects are escaped by nginx and no finding.
    ///
    /// ## Why is this bad
    ///
    /// `/%0d%0aSet-Cookie:x=y` becomes a header of the response, or a second request to the backend.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     return 301 https://example.com$uri;
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/old/([^.]*)$ {
    ///         return 302 /new/$1;
    ///     }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location / { return 301 https://example.com$request_uri; }
    ///     location ~ ^/old/(.*)$ { return 302 /new/$1; }
    ///     location /inner { rewrite ^ /other$uri last; }
    ///     location /files { try_files $uri $uri/ =404; }
    /// }
    /// ```
    HTTP_SPLITTING {
        name: "http-splitting",
        category: Security,
        level: Error,
        summary: "a decoded value can carry a line break into a header or request line",
        doc: "/en/docs/http/ngx_http_core_module.html#var_uri",
    }
}

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in [
        "return",
        "add_header",
        "add_trailer",
        "rewrite",
        "proxy_set_header",
        "grpc_set_header",
        "proxy_pass",
    ] {
        for (level, directive) in target.levels().http(name) {
            let Some(value) = sink(name, directive) else { continue };
            let text = value.value();
            if !text.contains(&b'$') {
                continue;
            }
            if guarded(level) {
                continue;
            }
            let part = match name {
                "proxy_pass" => into_request_line(target, level, &text),
                _ => sources::find(target.view(), level, &text, LINE_FEED)
                    .or_else(|| through_values(&values::rows(target.view(), level, &text))),
            };
            if let Some(part) = of_rewrite(name, &text, part) {
                found.push(finding(directive, name, &part));
            }
        }
    }
}

/// What can carry a line feed into the request line: of the host only what can bring a URI with it.
fn into_request_line<'a>(target: Target<'a>, level: Block<'a>, text: &[u8]) -> Option<String> {
    values::rows(target.view(), level, text).iter().find_map(|row| {
        let url = values::url(row, true);
        let carries = |part: &Part, host: bool| match part {
            Part::Open(open) => {
                (open.client && open.has_line_feed() && (!host || open.has(b'/'))).then(|| open.name.clone())
            }
            Part::Text(_) => None,
        };
        let of_host = url.host.iter().find_map(|part| carries(part, true));
        url.uri.iter().find_map(|part| carries(part, false)).or(of_host)
    })
}

fn through_values(rows: &[Row]) -> Option<String> {
    rows.iter().flatten().find_map(|part| match part {
        Part::Open(open) if open.client && open.decoded && open.has_line_feed() => Some(open.name.clone()),
        _ => None,
    })
}

/// Whether an `if` has ended requests whose URI has a line feed.
fn guarded(level: Block<'_>) -> bool {
    level.outward().any(|block| {
        block.own("if").any(|head| {
            let of_uri = head.arg(0).is_some_and(|w| {
                let text = w.to_string().to_ascii_lowercase();
                matches!(text.trim_start_matches('('), "$uri" | "$document_uri")
            });
            let ends = head.block().is_some_and(|b| b.directives().any(|d| d.name().is("return")));
            let refused = || {
                let (operator, text) = sources::condition(head)?;
                let pattern = block.pattern(&text, operator.ends_with(b"*"))?;
                let class = bare(pattern.hir());
                Some(
                    !operator.starts_with(b"!")
                        && matches!(class.kind(), HirKind::Class(_))
                        && can_contain(class, b'\n'),
                )
            };
            of_uri && ends && refused() == Some(true)
        })
    })
}

/// nginx escapes the groups of a `rewrite` that redirects.
fn of_rewrite(name: &str, text: &[u8], part: Option<String>) -> Option<String> {
    let part = part?;
    let is_capture = part.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if name != "rewrite" || !is_capture {
        return Some(part);
    }
    text::variables(text).find(|v| matches!(v.as_str(), "uri" | "document_uri")).map(|v| format!("${v}"))
}

fn finding(directive: Directive<'_>, name: &str, part: &str) -> Diagnostic {
    let where_to = match name {
        "proxy_pass" => "the request line to the backend",
        "proxy_set_header" | "grpc_set_header" => "a header to the backend",
        _ => "a header of the response",
    };
    let help = match part {
        "$uri" | "$document_uri" => "use `$request_uri`, which is not decoded",
        _ => "make the group narrower: `[^./\\n]*` instead of `[^.]*`",
    };
    HTTP_SPLITTING
        .finding(directive.head(), format!("`{part}` can contain a line break, and goes into {where_to}"))
        .label("is not escaped")
        .help(help)
}

/// The argument that goes into a header or request line.
fn sink<'t>(name: &str, directive: Directive<'t>) -> Option<Word<'t>> {
    match name {
        "return" => match (directive.arg(0)?, directive.arg(1)) {
            (url, None) => Some(url),
            (code, Some(url)) => {
                ["301", "302", "303", "307", "308"].iter().any(|c| code.is(c)).then_some(url)
            }
        },
        "rewrite" => {
            let to = directive.arg(1)?;
            let value = to.value();
            let absolute = [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| value.starts_with(p));
            let flag = directive.arg(2).is_some_and(|w| w.is("redirect") || w.is("permanent"));
            (absolute || flag).then_some(to)
        }
        "proxy_pass" => directive.arg(0),
        _ => directive.arg(1),
    }
}
