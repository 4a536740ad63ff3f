//! A redirect to the page that redirects.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::catalog::Context;
use crate::diagnostic::Diagnostic;
use crate::lint::levels::Level as Block;
use crate::lint::rule::declare_rule;
use crate::lint::values::codes::{Flag, Point, flag};
use crate::lint::values::{self, Row, ValuePart};
use crate::lint::{Target, choice, sources};
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

/// The number of times that each name is written in a `server_name`.
type Names = HashMap<String, u32>;

fn check(target: Target<'_>, found: &mut Vec<Diagnostic>) {
    let names = OnceCell::new();
    let levels = target.levels();
    for (level, answer) in levels.http("return").chain(levels.http("rewrite")) {
        let Some(to) = redirect(level, answer) else { continue };
        let Some(server) = level.around(Context::Server) else { continue };
        let inside = level == server || level.context() == Context::Location && level.outer() == Some(server);
        if !inside
            || level.get("if").is_some()
            || server.get("if").is_some()
            || server.own("rewrite").any(|rewrite| rewrite.id() != answer.id())
        {
            continue;
        }
        let point = Point::of(level, answer);
        let rows = if answer.name().is("rewrite") {
            values::replacement(target.view(), point, answer)
                .into_iter()
                .map(|row| settle(row, answer))
                .collect()
        } else {
            values::rows_at(target.view(), point, &to.value())
        };
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

/// The URL of a redirect: of `return`, or of a `rewrite` that matches every URI.
fn redirect<'a>(level: Block<'a>, answer: Directive<'a>) -> Option<Word<'a>> {
    if answer.name().is("rewrite") {
        let always = sources::rewrite_pattern(level, answer).is_some_and(|pattern| pattern.matches_always());
        return answer.arg(1).filter(|_| always && flag(answer) == Flag::Redirect);
    }
    match (answer.arg(0)?, answer.arg(1)) {
        (url, None) => Some(url).filter(|url| url.content().first().is_some_and(|b| !b.is_ascii_digit())),
        (code, Some(url)) => ["301", "302", "307", "308"].iter().any(|c| code.is(c)).then_some(url),
    }
}

/// The new URL with `$uri` in place of a group that is the whole URI, and without the `?` that drops the arguments.
fn settle(mut row: Row, rewrite: Directive<'_>) -> Row {
    if matches!(row.parts.last(), Some(ValuePart::Text(text)) if text == b"?") {
        row.parts.pop();
    }
    let behind_slash = match rewrite.arg(0).map(Word::value).as_deref() {
        Some(b"^(.*)$" | b"^(.*)" | b"(.*)" | b"^(.+)$") => false,
        Some(b"^/(.*)$" | b"^/(.*)" | b"/(.*)") => true,
        _ => return row,
    };
    match row.parts.as_mut_slice() {
        [.., ValuePart::Text(text), ValuePart::Open(open)]
            if open.name == "$1" && behind_slash && text.ends_with(b"/") =>
        {
            text.pop();
            "$uri".clone_into(&mut open.name);
            // With the slash before it.
            *open.first = std::array::from_fn(|byte| byte == usize::from(b'/'));
            open.empty = false;
        }
        [.., ValuePart::Open(open)] if open.name == "$1" && !behind_slash => {
            "$uri".clone_into(&mut open.name);
        }
        _ => {}
    }
    row
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

/// True if a server listens for a scheme on its usual port.
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
        // The part that a proxy in front of it has taken off is not known.
        ssl == secure && port == if secure { "443" } else { "80" }
    })
}

/// True if the host of a URL is one of the server's names, or the one that was asked for.
fn is_host(target: Target<'_>, names: &OnceCell<Names>, server: Block<'_>, host: &[ValuePart]) -> bool {
    match host {
        [ValuePart::Text(text)] => {
            let name = String::from_utf8_lossy(text).to_ascii_lowercase();
            let mut own = server.own("server_name").flat_map(crate::syntax::Directive::args);
            // Another server can have the name at another address.
            name.contains('.')
                && own.any(|w| w.value().eq_ignore_ascii_case(name.as_bytes()))
                && names.get_or_init(|| all_names(target)).get(&name) == Some(&1)
        }
        [ValuePart::Open(open)] => matches!(open.of.as_str(), "host" | "http_host"),
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

/// True if a URI comes to a place: it is the one that was asked for, or known and chosen there.
fn same_place(server: Block<'_>, level: Block<'_>, uri: &[ValuePart]) -> bool {
    match uri {
        [ValuePart::Open(open)] => {
            matches!(open.of.as_str(), "request_uri" | "uri") && open.name == format!("${}", open.of)
        }
        [ValuePart::Text(text), rest @ ..] => {
            let path = text.split(|b| matches!(b, b'?' | b'#')).next().unwrap_or_default();
            if level == server {
                return rest.is_empty();
            }
            let known = rest.is_empty() || path.len() < text.len();
            if known {
                choice::is_chosen(server, level, path)
            } else {
                let asked = |part: &ValuePart| matches!(part, ValuePart::Open(open) if open.empty);
                rest.iter().all(asked) && choice::takes_all(server, level, path)
            }
        }
        _ => false,
    }
}
