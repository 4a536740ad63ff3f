//! Redirects to a site that the link names.

use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::values::{self, Open, Row, ValuePart};
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports `return`, a redirecting `rewrite` and an `error_page` with a URL, where an argument or a part of the path
    /// decides the host: it is the whole URL, or it follows the host without a `/`. What begins with `/`, and `$host`,
    /// which no link can choose, are no finding; nor is what an `if` has compared with a pattern that refuses strangers.
    ///
    /// ## Why is this bad
    ///
    /// A link to this site leads to another: good for phishing, and for stealing tokens in the URL.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     location /out { return 302 $arg_to; }
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location ~ ^/old(.*)$ { return 301 https://www.example.com$1; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     location ~ ^/old(/.*)$ { return 301 https://www.example.com$1; }
    ///     location /login { return 302 /start?to=$arg_to; }
    ///     location /out {
    ///         if ($arg_to !~ "^https://[a-z]+\.example\.com/") { return 400; }
    ///         return 302 $arg_to;
    ///     }
    /// }
    /// ```
    OPEN_REDIRECT {
        name: "open-redirect",
        category: Security,
        level: Warning,
        summary: "a link decides to which site a redirect leads",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#return",
    }
}

/// A site that no list of own sites has.
const STRANGER: &[u8] = b"https://stranger.net/";

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    for name in ["return", "rewrite", "error_page"] {
        for (level, directive) in target.levels().http(name) {
            let Some(to) = redirect(name, directive).filter(|to| to.content().contains(&b'$')) else {
                continue;
            };
            if level.outward().any(|l| l.get("internal").is_some()) {
                continue;
            }
            if !values::can_have(target.view(), &to.value(), is_argument) {
                continue;
            }
            let point = Point::of(level, directive);
            let rows = match name {
                "rewrite" => values::replacement(target.view(), point, directive),
                _ => values::rows_at(target.view(), point, &to.value()),
            };
            if let Some(open) = rows.iter().find_map(chosen) {
                let part = &open.name;
                found.push(
                    OPEN_REDIRECT
                        .finding(
                            directive.head(),
                            format!("a link decides in `{part}` to which site this leads"),
                        )
                        .label("can be any host")
                        .help(format!("write a `/` before `{part}`, or choose among known URLs with `map`")),
                );
            }
        }
    }
}

/// The part that a link chooses freely: the path begins with `/`.
fn is_argument(name: &str) -> bool {
    name.starts_with("arg_") || matches!(name, "args" | "query_string")
}

/// The URL of a redirect.
fn redirect<'t>(name: &str, directive: Directive<'t>) -> Option<Word<'t>> {
    match name {
        "return" => match (directive.arg(0)?, directive.arg(1)) {
            (url, None) => Some(url),
            (code, Some(url)) => {
                ["301", "302", "303", "307", "308"].iter().any(|c| code.is(c)).then_some(url)
            }
        },
        "rewrite" => {
            let flag = directive.arg(2).is_some_and(|w| w.is("redirect") || w.is("permanent"));
            let to = directive.arg(1)?;
            let url = [&b"http://"[..], b"https://", b"$scheme"].iter().any(|p| to.content().starts_with(p));
            (flag || url).then_some(to)
        }
        _ => directive.args().next_back().filter(|to| !to.content().starts_with(b"/")),
    }
}

/// The part of a redirect's URL with which a link chooses the host.
fn chosen(row: &Row) -> Option<&Open> {
    let strange = |open: &Open| {
        let admits =
            |pattern: &std::rc::Rc<crate::lint::pattern::Pattern>| pattern.is_match(STRANGER) != Some(false);
        open.link && !open.of.is_empty() && open.checked.iter().all(admits)
    };
    if let Some(ValuePart::Open(open)) = row.parts.first() {
        let is_url = open.begins_with(b'h') && open.has(b':') && open.has(b'/');
        return (is_url && strange(open) && open.of != "uri").then_some(open).or_else(|| whole(row));
    }
    let begin = row.prefix();
    if !begin.starts_with(b"http://") && !begin.starts_with(b"https://") {
        return None;
    }
    let url = values::url(&row.parts, true);
    let name = values::chosen_host(&url).filter(|open| open.link)?.name.clone();
    row.opens().find(|open| open.name == name && open.link)
}

/// A group that is the whole URL: the pattern has found it in the path.
fn whole(row: &Row) -> Option<&Open> {
    let [ValuePart::Open(open)] = row.parts.as_slice() else { return None };
    let is_url = open.link && open.begins_with(b'h') && open.has(b':') && open.has(b'/');
    (is_url && open.of == "uri").then_some(open)
}
