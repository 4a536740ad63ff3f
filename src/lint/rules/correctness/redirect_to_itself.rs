//! A redirect to the page that redirects.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::Target;
use crate::lint::choice;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::Point;
use crate::lint::values::{self, Part, Row};
use crate::syntax::{Directive, Word};

declare_rule! {
    /// ## What it does
    ///
    /// Reports a `return` with a redirect, outside of `if`, to a URL that the same server answers in the same place: the
    /// same scheme and host with the URI unchanged, or a path that comes to the same location.
    ///
    /// ## Why is this bad
    ///
    /// The browser is sent round and round, until it gives up.
    ///
    /// ## Example
    ///
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     server_name a.example;
    ///     return 301 http://a.example$request_uri;
    /// }
    /// ```
    ///
    /// ```nginx bad
    /// server {
    ///     location /docs { return 301 /docs/start; }
    /// }
    /// ```
    ///
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     server_name a.example;
    ///     location = /docs { return 301 /docs/start; }
    ///     location / { return 301 http://b.example$request_uri; }
    /// }
    /// ```
    REDIRECT_TO_ITSELF {
        name: "redirect-to-itself",
        category: Correctness,
        level: Warning,
        summary: "a redirect leads to the place that redirects",
        doc: "/en/docs/http/ngx_http_rewrite_module.html#return",
    }
}

/// How often each name is written in a `server_name`.
type Names = HashMap<String, u32>;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let names = OnceCell::new();
    for (level, answer) in target.levels().http("return") {
        let Some(to) = redirect(answer) else { continue };
        let Some(server) = level.around(Context::Server) else { continue };
        let inside = level == server || level.context() == Context::Location && level.outer() == Some(server);
        if !inside
            || level.get("if").is_some()
            || server.get("if").is_some()
            || server.get("rewrite").is_some()
        {
            continue;
        }
        let rows = values::rows_at(target.view(), Point::of(level, answer), &to.value());
        if !rows.is_empty() && rows.iter().any(|row| returns(target, &names, server, level, row)) {
            found.push(
                REDIRECT_TO_ITSELF
                    .finding(
                        answer.head(),
                        format!("`{to}` comes here again: the browser is sent round and round"),
                    )
                    .label("redirects to itself")
                    .help("redirect in a server or location of its own, or only where something differs"),
            );
        }
    }
}

fn redirect(answer: Directive<'_>) -> Option<Word<'_>> {
    match (answer.arg(0)?, answer.arg(1)) {
        (url, None) => Some(url).filter(|url| url.content().first().is_some_and(|b| !b.is_ascii_digit())),
        (code, Some(url)) => ["301", "302", "307", "308"].iter().any(|c| code.is(c)).then_some(url),
    }
}

fn returns<'a>(
    target: Target<'a>,
    names: &OnceCell<Names>,
    server: Block<'a>,
    level: Block<'a>,
    row: &Row,
) -> bool {
    let begin = row.prefix();
    if begin.starts_with(b"/") && !begin.starts_with(b"//") {
        return same_place(server, level, &row.parts);
    }
    if !begin.starts_with(b"http://") && !begin.starts_with(b"https://") {
        return false;
    }
    let url = values::url(&row.parts, true);
    let secure = begin.starts_with(b"https");
    if !answers(server, secure) || !is_host(target, names, server, &url.host) {
        return false;
    }
    same_place(server, level, &url.uri)
}

/// Whether a server listens for a scheme on its usual port.
fn answers(server: Block<'_>, secure: bool) -> bool {
    let mut listens = server.own("listen").peekable();
    if listens.peek().is_none() {
        return !secure;
    }
    listens.any(|listen| {
        let address = listen.arg(0).map(|w| w.to_string()).unwrap_or_default();
        let port = match address.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => port.to_owned(),
            _ if address.bytes().all(|b| b.is_ascii_digit()) => address,
            _ => "80".to_owned(),
        };
        let ssl = listen.args().any(|w| w.is("ssl") || w.is("quic"));
        // What a proxy in front of it has taken off is not known.
        ssl == secure && port == if secure { "443" } else { "80" }
    })
}

/// Whether the host of a URL is one of the server's names, or the one that was asked for.
fn is_host(target: Target<'_>, names: &OnceCell<Names>, server: Block<'_>, host: &[Part]) -> bool {
    match host {
        [Part::Text(text)] => {
            let name = String::from_utf8_lossy(text).to_ascii_lowercase();
            let mut own = server.own("server_name").flat_map(crate::syntax::Directive::args);
            // Another server can have the name at another address.
            name.contains('.')
                && own.any(|w| w.value().eq_ignore_ascii_case(name.as_bytes()))
                && names.get_or_init(|| all_names(target)).get(&name) == Some(&1)
        }
        [Part::Open(open)] => matches!(open.of.as_str(), "host" | "http_host"),
        _ => false,
    }
}

fn all_names(target: Target<'_>) -> Names {
    let mut names = Names::new();
    for word in target.levels().http("server_name").flat_map(|(_, d)| d.args()) {
        *names.entry(word.to_string().to_ascii_lowercase()).or_default() += 1;
    }
    names
}

/// Whether a URI comes to a place: it is the one that was asked for, or known and chosen there.
fn same_place(server: Block<'_>, level: Block<'_>, uri: &[Part]) -> bool {
    match uri {
        [Part::Open(open)] => {
            matches!(open.of.as_str(), "request_uri" | "uri") && open.name == format!("${}", open.of)
        }
        [Part::Text(text), rest @ ..] => {
            let path = text.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
            if level == server {
                return rest.is_empty();
            }
            let known = rest.is_empty() || path.len() < text.len();
            if known {
                choice::is_chosen(server, level, path)
            } else {
                let asked = |part: &Part| matches!(part, Part::Open(open) if open.empty);
                rest.iter().all(asked) && choice::takes_all(server, level, path)
            }
        }
        _ => false,
    }
}
