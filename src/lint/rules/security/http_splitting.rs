//! Line breaks that reach a header.

use crate::diagnostic::{Diagnostic, Level};
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::values::{self, Open, Row, ValuePart};
use crate::lint::{Target, text};
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports values that can contain a line feed where they go unescaped into a response header or a proxied
    /// request: `return` with a URL, `add_header`, a `rewrite` that redirects, `proxy_set_header`, `proxy_pass`.
    /// `$uri` and `$document_uri` are decoded; a group such as `([^.]*)` matches a line feed, `(.*)` does not.
    /// `map` and `set` are followed; `set` escapes the groups that it reads. What is only the host of `proxy_pass` is in no line, and an `if ($uri ~ "[\r\n]")` with
    /// `return` ends such requests. Groups in a `rewrite` that redirects are escaped by nginx and no finding. In a
    /// fragment, where what is around it may end such requests, it is a warning.
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
    ///     location ~ ^/set/([^.]*)$ { set $to $1; return 302 /new/$to; }
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

const SINKS: [&str; 8] = [
    "return",
    "add_header",
    "add_trailer",
    "rewrite",
    "proxy_set_header",
    "grpc_set_header",
    "proxy_pass",
    "error_page",
];

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in SINKS {
        for (level, directive) in target.levels().http(name) {
            let Some(value) = sink(name, directive).map(Word::value) else { continue };
            if !value.contains(&b'$') {
                continue;
            }
            if !values::can_have(target.view(), &value, has_line_feed) {
                continue;
            }
            let point = Point::of(level, directive);
            let rows = match name {
                "rewrite" => values::replacement(target.view(), point, directive),
                _ => values::rows_at(target.view(), point, &value),
            };
            let part = rows.iter().find_map(|row| match name {
                "proxy_pass" => into_request_line(row),
                // A target with `/` is a URI of this server, and goes into no line.
                "error_page" if begins_with_slash(row) => None,
                // nginx escapes the groups of a `rewrite` that redirects.
                "rewrite" => row.opens().find(|open| carries(open) && !is_capture(open)),
                _ => row.opens().find(|open| carries(open)),
            });
            if let Some(open) = part {
                let mut finding = finding(directive, name, &value, open);
                if !target.is_whole() {
                    finding.level = Level::Warning;
                }
                found.push(finding);
            }
        }
    }
}

/// True if a variable of nginx can have a line feed.
fn has_line_feed(name: &str) -> bool {
    const DECODED: [&str; 6] = [
        "uri",
        "document_uri",
        "request_filename",
        "fastcgi_script_name",
        "fastcgi_path_info",
        "request_body",
    ];
    DECODED.contains(&name)
}

/// True if a client can put a line break into it.
fn breaks(open: &Open) -> bool {
    open.client && open.has_line_feed() && !open.unread
}

/// True if a client can put a line break and another header into it.
fn carries(open: &Open) -> bool {
    breaks(open) && open.has_header()
}

fn is_capture(open: &Open) -> bool {
    open.name.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

/// The part that can carry a line feed into the request line: of the host only what can bring a URI with it.
fn into_request_line(row: &Row) -> Option<&Open> {
    row.opens().find(|open| breaks(open) && (open.has(b'/') || !in_host(row, open)))
}

/// True if every such value begins with `/`.
fn begins_with_slash(row: &Row) -> bool {
    match row.parts.first() {
        Some(ValuePart::Text(text)) => text.starts_with(b"/"),
        Some(ValuePart::Open(open)) => {
            (0..=255).all(|byte| !open.begins_with(byte) || byte == b'/') && !open.empty
        }
        None => true,
    }
}

/// True if a part stands in the host of a URL.
fn in_host(row: &Row, open: &Open) -> bool {
    let url = values::url(&row.parts, true);
    let same = |part: &ValuePart| matches!(part, ValuePart::Open(own) if own.name == open.name);
    url.host.iter().any(same) && !url.uri.iter().any(same)
}

fn finding(directive: Directive<'_>, name: &str, value: &[u8], open: &Open) -> Diagnostic {
    let part = &open.name;
    // The variable in the text may hold `$uri` only through others.
    let direct = text::variables(value).any(|name| matches!(name.as_str(), "uri" | "document_uri"));
    let where_to = match name {
        "proxy_pass" => "the request line to the backend",
        "proxy_set_header" | "grpc_set_header" => "a header to the backend",
        _ => "a header of the response",
    };
    let help = match part.as_str() {
        _ if name == "rewrite" => {
            "let a group of the pattern take the path, as in `^(.*)$`, and write `$1`: nginx escapes the groups of a `rewrite` that redirects"
        }
        "$uri" | "$document_uri" if direct => "use `$request_uri`, which is not decoded",
        _ if open.bytes.iter().all(|has| *has) => "take it from `$request_uri`, which is not decoded",
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
        "error_page" => directive.args().next_back().filter(|to| !to.content().starts_with(b"/")),
        _ => directive.arg(1),
    }
}
